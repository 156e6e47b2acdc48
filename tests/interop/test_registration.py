"""Accounts connect to a real registrar, and leave it."""

import time

import pytest

from lab import network
from lab.asterisk import ADDRESS
from lab.deadline import until


@pytest.mark.parametrize("user", ["1000", "1002"])
def test_an_account_is_registered_under_its_right_address_and_unregistered(user, phone, asterisk):
    program = phone.program()
    account = program.ask("sipregister", domain=ADDRESS, number=user, password=f"pw{user}")["connectionId"]
    assert program.hear("OnSIPRegister") == {"connectionId": account, "SIPError": 0}
    assert program.hear("OnSIPRegisterFinalized") == {"connectionId": account, "SIPError": 0}
    [contact] = asterisk.contacts(user)
    assert "@10.99.0.2" in contact

    program.ask("sipunregister")
    assert program.hear("OnSIPUnRegister") == {"connectionId": account, "SIPError": 0}
    assert asterisk.contacts(user) == []


def test_a_wrong_password_is_refused(phone, asterisk):
    program = phone.program()
    account = program.ask("sipregister", domain=ADDRESS, number="1000", password="guess")["connectionId"]
    refused = program.hear("OnSIPRegisterRefused")
    assert refused["connectionId"] == account
    assert refused["SIPError"] in (401, 403)
    assert program.hear("OnSIPRegisterFinalized") == refused
    assert asterisk.contacts("1000") == []


def test_a_stopped_phone_has_left_the_registrar(phone, asterisk):
    phone.register("1002")
    assert asterisk.contacts("1002") != []
    phone.stop()
    assert asterisk.contacts("1002") == []


@pytest.fixture
def move():
    """Moves the desk on the first cable, and back at the story's end."""
    yield lambda host: network.move("first", host)
    network.move("first", 2)


def test_a_phone_whose_address_changes_is_registered_and_called_at_the_new_one(phone, asterisk, move, tell):
    program = phone.register("1002")
    move(3)
    began = time.monotonic()
    until(
        lambda: ["@10.99.0.3:" in contact for contact in asterisk.contacts("1002")] == [True],
        8,
        "it is registered at its new address, and at no other",
    )
    tell(f"registered {time.monotonic() - began:.1f} s after the move")
    asterisk.ask("channel originate PJSIP/1002 application Echo")
    call = program.hear("OnNewCall")["callId"]
    program.ask("acceptcall", callid=call)
    program.hear("OnAcceptCall", callId=call)
    program.ask("finalizecall", callid=call)
    assert program.hear("OnFinalizedCall", callId=call)["SIPError"] == 0


ACCOUNT = """
[[accounts]]
user = "1000"
password = "pw1000"
domain = "10.99.0.1"
default = true
[[accounts.dial_rules]]
prefix = "0"
replacement = "60"
"""


def test_an_account_of_the_configuration_connects_by_itself_and_rewrites_what_is_dialled(start_phone, asterisk):
    program = start_phone(more=ACCOUNT).program()
    until(
        lambda: [account["state"] for account in program.ask("getstate")["accounts"]] == ["connected"],
        5,
        "the account is connected",
    )
    call = program.ask("startcall", number="0 4")["callId"]
    assert program.hear("OnNewCall", callId=call)["to"] == "sip:604@10.99.0.1"
    program.hear("OnAcceptCall", callId=call)
    # The number that hangs up after 3 s.
    assert program.hear("OnFinalizedCall", callId=call)["SIPError"] == 0
