"""A call of ten minutes with a peer whose clock is off: its sound comes no later at the end than at the begin."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pytest

from lab import speech
from lab.peer import Ear, Peer
from lab.rtp import Beeps

MINUTES = 10
SKEWS_PPM = (200, -200)
# What the delay may have grown by.
DRIFT_MAX_MS = 10


def hear_beeps(phone, skew_ppm):
    """The phone calls a peer of its own, and hears its beeps. Gives back what knows when they were sent."""
    with closing(Peer("127.0.0.1", 0)) as peer, closing(Ear("127.0.0.1")) as ear:
        program = phone.program()
        program.ask("sipregister", domain=f"127.0.0.1:{peer.port}", number="bob", password="secret")
        register = peer.expect("REGISTER")
        peer.answer(register, "200 OK", f"Contact: {register.header('Contact')};expires=3600")
        program.hear("OnSIPRegister")
        call = program.ask("startcall", number="eve")["callId"]
        invite = peer.expect("INVITE")
        peer.answer(invite, "200 OK", peer.contact(), body=ear.sdp())
        peer.expect("ACK")
        beeps = Beeps(ear, ("127.0.0.1", int(invite.sdp("m").split()[1])), 60 * MINUTES, skew_ppm)
        beeps.send()
        program.ask("finalizecall", callid=call)
        peer.answer(peer.expect("BYE"), "200 OK")
        program.ask("sipunregister")
        peer.answer(peer.expect("REGISTER"), "200 OK")
        return beeps


@pytest.mark.long
def test_the_delay_of_a_long_call_stays_what_it_was(start_phone, room, tell):
    files = [room / f"heard-{number}.wav" for number in range(len(SKEWS_PPM))]
    phones = [start_phone(number=number, playback=f"wav:{file}") for number, file in enumerate(files)]
    with ThreadPoolExecutor() as side_by_side:
        sent = list(side_by_side.map(hear_beeps, phones, SKEWS_PPM))
    for phone in phones:
        phone.stop()
    drifts = []
    for beeps, file, skew_ppm in zip(sent, files, SKEWS_PPM, strict=True):
        delays = beeps.delays_ms(*speech.read(file))
        first, last = np.median(delays[1:12]), np.median(delays[-12:])
        tell(f"{skew_ppm:+} ppm: {first:+.1f} ms in minute 1, {last:+.1f} ms in minute {MINUTES}, to the first beep")
        drifts.append(abs(last - first))
    assert max(drifts) <= DRIFT_MAX_MS
