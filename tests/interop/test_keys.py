"""Keys arrive exactly as they were pressed, both ways."""

import pytest

from lab.deadline import until


@pytest.mark.parametrize("user", ["1000", "1002"])
@pytest.mark.parametrize("keys", ["1122*#A", "12345678901234567890"])
def test_keys_reach_the_server(user, keys, phone, asterisk):
    program = phone.register(user)
    before = asterisk.digits(user)
    call = program.ask("startcall", number="603")["callId"]
    program.hear("OnAcceptCall", callId=call)
    program.ask("senddtmf", callid=call, DTMF=keys)
    until(lambda: len(asterisk.digits(user)) >= len(before) + len(keys), 10, "the server has heard all keys")
    program.ask("finalizecall", callid=call)
    program.hear("OnFinalizedCall", callId=call)
    assert asterisk.digits(user) == before + keys


@pytest.mark.parametrize("user", ["1000", "1002"])
def test_keys_of_the_server_are_told(user, phone, asterisk):
    program = phone.register(user)
    call = program.ask("startcall", number="608")["callId"]
    program.hear("OnFinalizedCall", callId=call, within_s=10)
    assert "".join(key["DTMF"] for key in program.heard("OnDTMF")) == "123A#"
