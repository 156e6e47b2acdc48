"""What a bad network does to packets, the same for every phone: by seed."""

import random

from bench.peer import PACKET_S

# How long the packets of `settled` come in order at first.
ORDERLY_S = 1
# A stall: what should come within it comes at its end.
SPIKE_AT_S, SPIKE_S = 3, 0.3
STALLED = "5 s after a stall of 300 ms"


def clean(dice, due):
    return due


def loss(percent):
    return lambda dice, due: None if dice.random() < percent / 100 else due


def bursts(percent, mean=4):
    """Gilbert and Elliott's: losses come `mean` packets at a time."""
    is_bad = False

    def fate(dice, due):
        nonlocal is_bad
        into, out_of = percent / (100 - percent) / mean, 1 / mean
        is_bad = dice.random() < (1 - out_of if is_bad else into)
        return None if is_bad else due

    return fate


def jitter(deviation_s, orderly_s):
    return lambda dice, due: due + dice.gauss(0, deviation_s if due >= orderly_s else 0)


def spike(dice, due):
    return SPIKE_AT_S + SPIKE_S if SPIKE_AT_S <= due < SPIKE_AT_S + SPIKE_S else due


CONDITIONS = {
    "clean": lambda: clean,
    "random loss 2 %": lambda: loss(2),
    "random loss 5 %": lambda: loss(5),
    "random loss 10 %": lambda: loss(10),
    "bursts of 4, 5 %": lambda: bursts(5),
    "jitter 20 ms, first second in order": lambda: jitter(0.02, ORDERLY_S),
    "jitter 20 ms, out of order from the first": lambda: jitter(0.02, 0),
    "jitter 40 ms, first second in order": lambda: jitter(0.04, ORDERLY_S),
    "jitter 40 ms, out of order from the first": lambda: jitter(0.04, 0),
    STALLED: lambda: spike,
}
# In these chance has no part: one seed says all.
CERTAIN = {"clean", STALLED}


def arrivals(condition, seed, packets):
    """When which packets arrive, in order of their arrival; seconds from when the first one is due."""
    dice = random.Random(f"{condition} {seed}")
    fate = CONDITIONS[condition]()
    fates = ((fate(dice, number * PACKET_S), number) for number in range(packets))
    return sorted((at, number) for at, number in fates if at is not None)
