"""Accounts connect to a real registrar, and leave it."""

import pytest

from lab.asterisk import ADDRESS


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
