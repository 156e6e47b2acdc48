"""The registrar, caller and called side of all measurements: scripted SIP, and RTP with the kernel's own
time of arrival."""

import socket
import struct
import time

from bench.phones import ADDRESS
from lab.peer import Peer

PACKET_S = 0.02
SO_TIMESTAMPNS = 35


class Server(Peer):
    """Where the phone at that address registers, and who calls it."""

    def __init__(self, phone):
        super().__init__(ADDRESS, 0)
        self.phone = phone
        self._calls = 0

    def registers(self):
        """The phone's REGISTER, answered; gives back when it came."""
        register = self.expect("REGISTER")
        came = time.monotonic()
        self.answer(register, "200 OK", f"Contact: {register.header('Contact').split(';')[0]};expires=3600")
        return came

    def invites(self, sdp=""):
        """Calls the phone. Gives back the call's dialog."""
        self._calls += 1
        call = Dialog(self, self._calls)
        call.send("INVITE", sdp)
        return call


class Dialog:
    """A call to the phone."""

    def __init__(self, server, number):
        self._server = server
        self._number = number
        self._uri = f"sip:bob@{server.phone[0]}:{server.phone[1]}"
        self._to = f"<{self._uri}>"
        self._sequence = 1

    def send(self, method, body=""):
        """A request of the call; ACK and CANCEL take the number and the branch of their INVITE."""
        if method not in ("INVITE", "ACK", "CANCEL"):
            self._sequence += 1
        to = self._to if method != "CANCEL" else self._to.partition(";tag=")[0]
        server = self._server
        branch = "INVITE" if method in ("CANCEL", "ACK-of-refusal") else method
        name = method.partition("-")[0]
        text = [
            f"{name} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {server.address}:{server.port};branch=z9hG4bK-{self._number}-{self._sequence}-{branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:ada@{server.address}:{server.port}>;tag=ada{self._number}",
            f"To: {to}",
            f"Call-ID: call-{self._number}-{server.port}",
            f"CSeq: {self._sequence} {name}",
        ]
        server.send(text, [server.contact()], body, server.phone)

    def hears(self, start):
        """The phone's next answer that begins so."""
        message = self._server.expect(f"SIP/2.0 {start}")
        if "tag=" in message.header("To"):
            self._to = message.header("To")
        return message

    def is_cancelled(self):
        """CANCEL, and all that belongs to it."""
        self.send("CANCEL")
        self.hears("487")
        self.send("ACK-of-refusal")


class Ear:
    """A socket for RTP that knows when the kernel took in each packet."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.bind((ADDRESS, 0))
        self.port = self._socket.getsockname()[1]

    def sdp(self):
        return (
            f"v=0\r\no=- 1 1 IN IP4 {ADDRESS}\r\ns=-\r\nc=IN IP4 {ADDRESS}\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
            "a=fmtp:101 0-15\r\na=ptime:20\r\n"
        )

    def hear(self, within_s=5):
        """The next packet, and the wall time of its arrival."""
        self._socket.settimeout(within_s)
        packet, [(_, _, stamp)], _, _ = self._socket.recvmsg(2048, 64)
        seconds, nanoseconds = struct.unpack("ll", stamp)
        return packet, seconds + nanoseconds / 1e9

    def drain(self):
        """Forgets what has come."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(2048)
        except BlockingIOError:
            pass

    def send(self, packet, to):
        self._socket.sendto(packet, to)

    def close(self):
        self._socket.close()


def packet(number, payload):
    """RTP of PCMU."""
    return struct.pack("!BBHII", 0x80, 0, number % 65536, number * 160 % 2**32, 0x1234) + payload
