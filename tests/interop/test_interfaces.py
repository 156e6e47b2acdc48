"""A phone on two networks and loopback at once names the right address of its own on each."""

from contextlib import ExitStack, closing, nullcontext

import pytest

from lab.peer import Ear, Peer, address_in

# Where a server is, and the phone's own address towards it.
PLACES = {"10.99.0.1": "10.99.0.2", "10.98.0.1": "10.98.0.2", "127.0.0.1": "127.0.0.1"}


class Place:
    """A scripted server in one of the places, and a program that has registered the phone there."""

    def __init__(self, peer, own, there, phone):
        self.peer = peer
        self.own = own
        self._there = there
        self.program = phone.program()
        self.account = self.program.ask(
            "sipregister", domain=f"{peer.address}:{peer.port}", number="bob", password="secret"
        )["connectionId"]
        request = self.peer.expect("REGISTER")
        # What requests come from is also where the phone is called.
        self.phone = request.source
        self.names_us(request)
        self.peer.answer(request, "200 OK", f"Contact: {request.header('Contact')};expires=300")
        self.program.hear("OnSIPRegister", connectionId=self.account)

    def ear(self):
        with self._there:
            return Ear(self.peer.address)

    def names_us(self, message):
        """The message came from the phone's address here, and its Contact (and Via, of a request) names it."""
        assert self.phone[0] == self.own
        assert message.source == self.phone
        assert address_in(message.header("Contact")) == self.phone
        if not message.start.startswith("SIP/2.0"):
            assert address_in(message.header("Via")) == self.phone

    def describes_us(self, message):
        """Its SDP names the address here. Gives back where it says that RTP is received, and so sent from."""
        assert message.sdp("o").endswith(f"IN IP4 {self.own}")
        assert message.sdp("c") == f"IN IP4 {self.own}"
        return self.own, int(message.sdp("m").split()[1])

    def is_called(self):
        """The phone calls; the program hangs up."""
        ear = self.ear()
        call = self.program.ask("startcall", number="eve", connectionId=self.account)["callId"]
        invite = self.peer.expect("INVITE")
        self.names_us(invite)
        offered = self.describes_us(invite)
        self.peer.answer(invite, "200 OK", self.peer.contact(), body=ear.sdp())
        assert self.peer.expect("ACK").source == self.phone
        assert ear.hear()[1] == offered
        self.program.ask("finalizecall", callid=call)
        self.peer.answer(self.peer.expect("BYE"), "200 OK")
        self.program.hear("OnFinalizedCall", callId=call)

    def calls(self):
        """The phone is called; the peer hangs up."""
        ear = self.ear()
        uri = f"sip:bob@{self.own}:{self.phone[1]}"
        self.peer.request("INVITE", uri, self.phone, 1, f"<{uri}>", self.peer.contact(), body=ear.sdp())
        self.names_us(self.peer.expect("SIP/2.0 180"))
        call = self.program.hear("OnNewCall", type="incoming", connectionId=self.account)["callId"]
        self.program.ask("acceptcall", callid=call)
        answer = self.peer.expect("SIP/2.0 200")
        self.names_us(answer)
        answered = self.describes_us(answer)
        to = answer.header("To")
        self.peer.request("ACK", uri, self.phone, 1, to)
        assert ear.hear()[1] == answered
        self.peer.request("BYE", uri, self.phone, 2, to)
        assert self.peer.expect("SIP/2.0 200").source == self.phone
        self.program.hear("OnFinalizedCall", callId=call)


@pytest.fixture
def places(afar, phone):
    """All three at once."""
    with ExitStack() as sockets:
        servers = []
        for address, own in PLACES.items():
            there = nullcontext() if address == "127.0.0.1" else afar
            with there:
                servers.append((sockets.enter_context(closing(Peer(address, 5080))), own, there))
        yield [Place(*server, phone) for server in servers]


def test_on_two_networks_and_loopback_at_once_calls_go_out_under_the_right_address(places):
    for place in places:
        place.is_called()


def test_on_two_networks_and_loopback_at_once_calls_come_in_under_the_right_address(places):
    for place in places:
        place.calls()
