"""Calls begin and end as either side wants: with Asterisk, and with SIPp as the caller."""

import pytest

from lab.deadline import until

EXTENSIONS = {
    "echo": "600",
    "hangs up after 3 s": "604",
    "busy": "605",
    "rings for ever": "606",
    "nobody": "609",
}


def call(program, extension):
    """Places a call, and gives back its number."""
    number = program.ask("startcall", number=EXTENSIONS[extension])["callId"]
    begun = program.hear("OnNewCall")
    assert (begun["callId"], begun["type"], begun["SIPError"], begun["duration"]) == (
        number,
        "outgoing",
        0,
        0,
    )
    return number


def incoming(program):
    """Waits for SIPp's call, and gives back its number."""
    begun = program.hear("OnNewCall")
    assert begun["type"] == "incoming"
    assert begun["from"].startswith("sip:ada@10.99.0.1")
    assert begun["displayName"] == "Ada Caller"
    return begun["callId"]


def ended(program, number, status, within_s=5):
    """Waits for the call's end, with this status."""
    end = program.hear("OnFinalizedCall", within_s=within_s)
    assert (end["callId"], end["SIPError"]) == (number, status)
    return end


@pytest.mark.parametrize("user", ["1000", "1002"])
def test_the_program_hangs_up(user, phone, asterisk):
    program = phone.register(user)
    number = call(program, "echo")
    assert program.hear("OnAcceptCall")["callId"] == number
    program.ask("finalizecall", callid=number)
    ended(program, number, 0)
    until(lambda: asterisk.channels() == 0, 2, "Asterisk has seen the end")


@pytest.mark.parametrize("user", ["1000", "1002"])
def test_the_other_side_hangs_up(user, phone, asterisk):
    program = phone.register(user)
    number = call(program, "hangs up after 3 s")
    assert program.hear("OnAcceptCall")["callId"] == number
    assert ended(program, number, 0)["duration"] == pytest.approx(3000, abs=300)


def test_a_ringing_call_is_cancelled(phone, asterisk):
    program = phone.register("1000")
    number = call(program, "rings for ever")
    assert program.hear("OnCallProgress")["SIPError"] == 180
    program.ask("finalizecall", callid=number)
    ended(program, number, 487)
    until(lambda: asterisk.channels() == 0, 2, "Asterisk has seen the end")


@pytest.mark.parametrize("extension, status", [("busy", 486), ("nobody", 404)])
def test_a_call_that_is_refused_says_why(extension, status, phone, asterisk):
    program = phone.register("1000")
    ended(program, call(program, extension), status)
    assert program.heard("OnAcceptCall") == []


def test_a_caller_is_answered_and_hangs_up(phone, asterisk, sipp):
    program = phone.register("1000")
    caller = sipp("calls-and-hangs-up", 1000)
    number = incoming(program)
    program.ask("acceptcall", callid=number)
    assert program.hear("OnAcceptCall")["callId"] == number
    assert ended(program, number, 0)["duration"] == pytest.approx(1000, abs=300)
    caller.finish()


def test_a_caller_is_answered_and_hung_up_on(phone, asterisk, sipp):
    program = phone.register("1000")
    caller = sipp("calls-until-hung-up")
    number = incoming(program)
    program.ask("acceptcall", callid=number)
    assert program.hear("OnAcceptCall")["callId"] == number
    program.ask("finalizecall", callid=number)
    ended(program, number, 0)
    caller.finish()


def test_a_caller_gives_up(phone, asterisk, sipp):
    program = phone.register("1000")
    caller = sipp("calls-and-cancels", 500)
    ended(program, incoming(program), 487)
    caller.finish()


def test_a_caller_is_declined(phone, asterisk, sipp):
    program = phone.register("1000")
    caller = sipp("calls-and-is-declined")
    number = incoming(program)
    program.ask("finalizecall", callid=number)
    ended(program, number, 486)
    caller.finish()
