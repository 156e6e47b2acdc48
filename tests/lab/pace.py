"""Whether this machine kept time: a clock that asks to be woken every 10 ms, and notes how late it was at worst.

Run as a program of its own, so that nothing else in the suite can make it late: it prints the worst lateness in ms
when it is told to stop.
"""

import signal
import sys
import time

from lab.process import IN_TIME, Process

STEP_S = 0.01
# A phone that is woken later than this has lost what a jitter buffer or a sound device of usual size holds.
TOLERABLE_MS = 15


class Pace:
    """The clock, from now until `worst_ms`."""

    def __init__(self, run):
        self._process = Process([*IN_TIME, sys.executable, "-m", "lab.pace"], run / "pace.log")

    def worst_ms(self):
        self._process.end()
        return float(self._process.written() or "inf")


def main():
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    worst = 0.0
    due = time.monotonic()
    while running:
        due += STEP_S
        time.sleep(max(due - time.monotonic(), 0))
        worst = max(worst, time.monotonic() - due)
    print(f"{worst * 1000:.1f}")


if __name__ == "__main__":
    main()
