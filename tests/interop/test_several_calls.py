"""Several calls of one phone, and several phones in one call: one speaks, others are held, and callers are passed on."""

import time

import numpy as np
import pytest

from lab import speech
from lab.deadline import until


def place(program, number):
    """Places a call that is answered, and gives back its number."""
    call = program.ask("startcall", number=number)["callId"]
    program.hear("OnAcceptCall", callId=call)
    return call


def holds(program):
    """Who holds each call, by `getstate`."""
    return {call["callId"]: call["hold"] for call in program.ask("getstate")["calls"]}


@pytest.mark.parametrize("user", ["1000", "1002"])
def test_a_new_call_holds_the_one_that_speaks(user, phone, asterisk):
    program = phone.register(user)
    echo = place(program, "600")
    music = program.ask("startcall", number="607")["callId"]
    program.hear("OnHoldCall", callId=echo, hold=True, by="local", SIPError=0)
    program.hear("OnAcceptCall", callId=music)
    assert holds(program) == {echo: "local", music: "none"}
    program.ask("sethold", callid=echo, hold=False)
    until(lambda: holds(program) == {echo: "none", music: "local"}, 5, "the calls have changed places")
    program.ask("finalizecall", callid=echo)
    program.hear("OnFinalizedCall", callId=echo, SIPError=0)
    assert holds(program) == {music: "local"}


def test_an_incoming_call_that_is_answered_holds_the_one_that_speaks(phone, asterisk, sipp):
    program = phone.register("1000")
    echo = place(program, "600")
    sipp("calls-until-hung-up")
    ada = program.hear("OnNewCall", type="incoming")["callId"]
    program.ask("acceptcall", callid=ada)
    program.hear("OnAcceptCall", callId=ada)
    program.hear("OnHoldCall", callId=echo, hold=True, by="local")
    assert holds(program) == {echo: "local", ada: "none"}


@pytest.fixture
def sentence(asterisk):
    """Speech without end, and none of the music."""
    samples, rate = speech.read(asterisk.sounds / "demo-instruct.wav")
    return samples[: 10 * rate]


def loudness(samples):
    return float(np.sqrt(np.mean(samples**2)))


def likeness(sent, heard):
    """How much of `heard` is `sent`, whenever that was said: 1 is all of it."""
    size = 2 ** (2 * len(sent) + len(heard)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(np.tile(sent, 2), size))
    peak = np.max(np.abs(np.fft.irfft(spectrum, size)))
    return float(peak / (np.linalg.norm(heard) * np.linalg.norm(np.tile(sent, 2)) / np.sqrt(2) + 1e-9))


def test_who_is_held_hears_music_and_nothing_of_the_holder(start_phone, room, asterisk, sentence, tell):
    spoken, heard = room / "spoken.wav", room / "heard.wav"
    speech.write(spoken, sentence)
    holder = start_phone(capture=f"wav:{spoken}").register("1000")
    held_phone = start_phone(number=1, playback=f"wav:{heard}")
    held = held_phone.register("1001")
    call = holder.ask("startcall", number="1001")["callId"]
    held.ask("acceptcall", callid=held.hear("OnNewCall")["callId"])
    holder.hear("OnAcceptCall", callId=call)
    began = time.monotonic()
    time.sleep(3)
    holder.ask("sethold", callid=call, hold=True)
    holder.hear("OnHoldCall", callId=call, hold=True)
    held_at = time.monotonic() - began
    time.sleep(4)
    holder.ask("sethold", callid=call, hold=False)
    holder.hear("OnHoldCall", callId=call, hold=False)
    resumed_at = time.monotonic() - began
    time.sleep(3)
    held_phone.stop()
    samples, rate = speech.read(heard)
    # The recording began before the answer: what is compared lies well within each part.
    end = len(samples) / rate
    resumed = end - (time.monotonic() - began - resumed_at)
    before, during, after = (
        samples[int(begin * rate) : int((begin + 1.5) * rate)]
        for begin in (resumed - (resumed_at - held_at) - 2, resumed - 2, resumed + 1)
    )
    tell(
        f"likeness to the holder's voice before, while held, after: "
        f"{likeness(sentence, before):.2f}, {likeness(sentence, during):.2f}, {likeness(sentence, after):.2f}; "
        f"loudness while held {loudness(during):.3f}"
    )
    assert likeness(sentence, before) > 3 * likeness(sentence, during)
    assert likeness(sentence, during) < 0.15
    assert loudness(during) > 0.01
    assert likeness(sentence, after) > 3 * likeness(sentence, during)


def test_a_call_is_transferred_and_the_transferor_is_free(start_phone, asterisk):
    transferor = start_phone().register("1000")
    transferee = start_phone(number=1).register("1001")
    call = transferor.ask("startcall", number="1001")["callId"]
    transferee.ask("acceptcall", callid=transferee.hear("OnNewCall")["callId"])
    transferor.hear("OnAcceptCall", callId=call)
    until(asterisk.has_joined_two, 5, "both parties hear each other")
    transferor.ask("transferecall", callid=call, to="600")
    transferor.hear("OnTransferredCall", callId=call, within_s=10)
    transferor.hear("OnFinalizedCall", callId=call, SIPError=0)
    assert transferor.ask("getstate")["calls"] == []
    # The exchange has put the echo in the transferor's place; the other party's call went on.
    [left] = transferee.ask("getstate")["calls"]
    assert left["state"] == "answered"


def test_a_transfer_to_nobody_gives_the_call_back(start_phone, asterisk):
    transferor = start_phone().register("1000")
    transferee = start_phone(number=1).register("1001")
    call = transferor.ask("startcall", number="1001")["callId"]
    transferee.ask("acceptcall", callid=transferee.hear("OnNewCall")["callId"])
    transferor.hear("OnAcceptCall", callId=call)
    until(asterisk.has_joined_two, 5, "both parties hear each other")
    transferor.ask("transferecall", callid=call, to="nobody-has-this-number")
    failed = transferor.hear("OnTransferFailed", callId=call, within_s=10)
    assert failed["SIPError"] >= 400
    transferor.hear("OnHoldCall", callId=call, hold=False, by="local")
    assert holds(transferor) == {call: "none"}
