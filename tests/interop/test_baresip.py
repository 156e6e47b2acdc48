"""baresip as the other phone: it calls directly, holds, transfers and is transferred."""

import pytest

from lab.baresip import SIP_ADDRESS, Baresip
from lab.phone import SIP_ADDRESS as PHONE

# baresip stands beside the phone, and is none of its accounts' servers.
NEIGHBOUR = '[calls]\npeers = ["10.99.0.2"]\n'


@pytest.fixture
def baresip(room, asterisk):
    (room / "baresip").mkdir()
    other = Baresip(room / "baresip", "1003")
    yield other
    other.end()


def answered(program, baresip):
    """A call of baresip's, straight to the phone, that the program answers."""
    baresip.tell("dial", f"sip:1000@{PHONE}")
    call = program.hear("OnNewCall", type="incoming")["callId"]
    program.ask("acceptcall", callid=call)
    program.hear("OnAcceptCall", callId=call)
    baresip.hear("CALL_ESTABLISHED")
    return call


def test_who_is_no_server_and_no_peer_is_refused(start_phone, baresip):
    program = start_phone().register("1000")
    baresip.tell("dial", f"sip:1000@{PHONE}")
    assert "403" in baresip.hear("CALL_CLOSED")["param"]
    assert program.heard("OnNewCall") == []


def test_baresip_holds_and_resumes(start_phone, baresip):
    program = start_phone(more=NEIGHBOUR).register("1000")
    call = answered(program, baresip)
    baresip.tell("hold")
    program.hear("OnHoldCall", callId=call, hold=True, by="remote")
    program.ask("sethold", callid=call, hold=True)
    program.hear("OnHoldCall", callId=call, hold=True, by="local")
    assert program.ask("getstate")["calls"][0]["hold"] == "both"
    baresip.tell("resume")
    program.hear("OnHoldCall", callId=call, hold=False, by="remote")
    program.ask("sethold", callid=call, hold=False)
    program.hear("OnHoldCall", callId=call, hold=False, by="local")
    baresip.tell("hangup")
    assert program.hear("OnFinalizedCall", callId=call)["SIPError"] == 0


def test_baresip_transfers_the_phone(start_phone, baresip):
    program = start_phone(more=NEIGHBOUR).register("1000")
    call = answered(program, baresip)
    baresip.tell("transfer", "sip:600@10.99.0.1")
    followed = program.hear("OnNewCall", type="outgoing")
    assert followed["to"] == "sip:600@10.99.0.1"
    program.hear("OnAcceptCall", callId=followed["callId"])
    program.hear("OnFinalizedCall", callId=call, SIPError=0)
    assert [call["callId"] for call in program.ask("getstate")["calls"]] == [followed["callId"]]


def test_the_phone_transfers_baresip(start_phone, baresip, asterisk):
    program = start_phone(more=NEIGHBOUR).register("1000")
    call = answered(program, baresip)
    program.ask("transferecall", callid=call, to="600")
    program.hear("OnTransferredCall", callId=call, within_s=10)
    program.hear("OnFinalizedCall", callId=call, SIPError=0)
    baresip.hear("CALL_ESTABLISHED")


def test_the_phone_calls_baresip_and_redirects_its_call(start_phone, baresip):
    program = start_phone(more=NEIGHBOUR).register("1000")
    call = program.ask("startcall", number=f"sip:1003@{SIP_ADDRESS}")["callId"]
    program.hear("OnAcceptCall", callId=call)
    program.ask("finalizecall", callid=call)
    program.hear("OnFinalizedCall", callId=call, SIPError=0)
    baresip.tell("dial", f"sip:1000@{PHONE}")
    ringing = program.hear("OnNewCall", type="incoming")["callId"]
    program.ask("transferecall", callid=ringing, to="600")
    program.hear("OnTransferredCall", callId=ringing)
    program.hear("OnFinalizedCall", callId=ringing, SIPError=302)
