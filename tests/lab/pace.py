"""Whether this machine kept time: a clock that asks to be woken every 10 ms, and notes how late it was at worst.

A program of its own, so that nothing else in the suite can make it late.
"""

import signal
import subprocess
import sys
import time

from lab.process import IN_TIME

STEP_S = 0.01
# A phone that is woken later than this has lost what a sound device of usual size holds.
TOLERABLE_MS = 15


class Pace:
    """The clock, from now until it is asked."""

    def __init__(self):
        self._clock = subprocess.Popen(
            [*IN_TIME, sys.executable, "-m", "lab.pace"], stdout=subprocess.PIPE, text=True
        )
        self._clock.stdout.readline()

    def worst_ms(self):
        """How late it was at worst. Ends it."""
        self._clock.terminate()
        return float(self._clock.communicate(timeout=5)[0])


def main():
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    print("running", flush=True)
    worst = 0.0
    due = time.monotonic()
    while running:
        due += STEP_S
        time.sleep(max(due - time.monotonic(), 0))
        worst = max(worst, time.monotonic() - due)
    print(f"{worst * 1000:.1f}")


if __name__ == "__main__":
    main()
