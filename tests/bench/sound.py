"""How the phones sound on a bad network: the same packets reach all of them at the same times, several calls side by side.

Quality is PESQ of what the card played against what was said. Delay is from the time at which a packet would have come
through a network without jitter, to when its first sample was played, by one clock.
"""

import gc
import heapq
import multiprocessing
import time
from contextlib import ExitStack, closing
from statistics import mean, stdev

import numpy as np

from bench import impairments
from bench.peer import PACKET_S, Ear, packet
from bench.phones import INSTALLED
from bench.stage import begin_call, registered
from lab import speech
from lab.pace import TOLERABLE_MS
from lab.rtp import PACKET_SAMPLES, SILENCE

# Calls of each phone at once.
SIDE_BY_SIDE = 6
TRIES = 3
SPEECH_S = 9
# What every stream begins with.
LEAD_S = 1
# What a call may be late and still be heard to its end.
AFTER_S = 2


def measure(phones, stage, seeds):
    """Figures by phone, as (mean, half of the 95 % interval), and how late a packet was at worst in what counts."""
    said = _voice()
    packets = [SILENCE] * round(LEAD_S / PACKET_S) + _pcmu(said)
    cases = [
        (condition, seed)
        for condition in impairments.CONDITIONS
        for seed in range(1 if condition in impairments.CERTAIN else seeds)
    ]
    instances = [[phone(stage.room, number) for phone in phones] for number in range(SIDE_BY_SIDE)]
    recordings, worst_ms = [], 0
    for first in range(0, len(cases), SIDE_BY_SIDE):
        batch = cases[first : first + SIDE_BY_SIDE]
        print(f"sound: calls {first + 1} to {first + len(batch)} of {len(cases)}", flush=True)
        heard, late_ms = _play_in_time(batch, instances, stage, packets)
        recordings += heard
        worst_ms = max(worst_ms, late_ms)
    with multiprocessing.Pool() as pool:
        judged = pool.starmap(_judge, [(said, *recording) for recording in recordings])
    return _figures(judged), worst_ms


def _voice():
    """A speaker of Asterisk's."""
    [file] = (INSTALLED / "asterisk").glob("usr/share/asterisk/sounds/en_*/demo-instruct.wav")
    samples, rate_hz = speech.read(file)
    return speech.resample(samples, rate_hz, speech.RATE_HZ)[: SPEECH_S * speech.RATE_HZ]


def _pcmu(samples):
    """Packets of G.711: by the definition, the segment is the highest bit of the biased magnitude."""
    magnitude = np.minimum(np.abs(samples) * 32767 // 4, 8158).astype(int) + 33
    segment = np.log2(magnitude).astype(int) - 5
    code = 0x80 * (samples < 0) | segment << 4 | magnitude >> segment + 1 & 15
    payload = bytes((~code & 0xFF).astype(np.uint8))
    return [payload[first : first + PACKET_SAMPLES] for first in range(0, len(payload), PACKET_SAMPLES)]


def _play_in_time(batch, instances, stage, packets):
    """Plays a batch, again where this machine was late itself."""
    tries = []
    while len(tries) < TRIES:
        tries.append(_play(batch, instances, stage, packets))
        if tries[-1][1] < TOLERABLE_MS:
            break
    return min(tries, key=lambda it: it[1])


def _play(batch, instances, stage, packets):
    """One call of each phone for each case. Gives back phone, condition and what was played, and how late a packet was
    at worst."""
    with ExitStack() as calls:
        streams, played = [], []
        for (condition, seed), phones in zip(batch, instances, strict=False):
            arrivals = impairments.arrivals(condition, seed, len(packets))
            for phone in phones:
                devices = stage.card()
                server = calls.enter_context(registered(phone, devices, answers=True))
                ear = calls.enter_context(closing(Ear()))
                _, to = begin_call(phone, server, ear)
                streams.append([(at, number, ear, to) for at, number in arrivals])
                played.append((phone.name, condition, devices.card))
        begin, late_s = _send(streams, packets)
        time.sleep(AFTER_S)
        return [
            (name, condition, card.played(begin + LEAD_S, SPEECH_S + AFTER_S / 2)) for name, condition, card in played
        ], 1000 * late_s


def _send(streams, packets):
    """Gives back when the streams began, and how late a packet was at worst."""
    gc.disable()
    begin, late_s = time.monotonic() + 0.5, 0
    for at, number, ear, to in heapq.merge(*streams, key=lambda it: it[0]):
        time.sleep(max(begin + at - time.monotonic(), 0))
        ear.send(packet(number, packets[number]), to)
        late_s = max(late_s, time.monotonic() - begin - at)
    gc.enable()
    return begin, late_s


def _judge(said, name, condition, played):
    skipped = 0
    if condition == impairments.STALLED:
        skipped = round((impairments.SPIKE_AT_S + impairments.SPIKE_S + 5 - LEAD_S) * speech.RATE_HZ)
    return name, condition, *speech.quality(said[skipped:], played[skipped:], speech.RATE_HZ)


def _figures(judged):
    """By phone and name."""
    figures = {name: {} for name, *_ in judged}
    for name, condition in dict.fromkeys((name, condition) for name, condition, *_ in judged):
        values = [it[2:] for it in judged if it[:2] == (name, condition)]
        for what, measured in zip(("PESQ", "delay, ms"), zip(*values, strict=True), strict=True):
            figures[name][f"{condition}: {what}"] = _interval(measured)
    return figures


def _interval(values):
    if len(values) == 1:
        return values[0], 0
    # Student's, by Cornish and Fisher's expansion: within 0.3 % from five values on.
    freedom, normal = len(values) - 1, 1.96
    student = normal + (normal**3 + normal) / (4 * freedom) + (5 * normal**5 + 16 * normal**3 + 3 * normal) / (96 * freedom**2)
    return mean(values), student * stdev(values) / len(values) ** 0.5
