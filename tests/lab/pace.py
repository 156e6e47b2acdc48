"""Whether this machine kept time: a clock on each processor that asks to be woken every 10 ms, and notes how late it was
at worst.

Programs of their own, so that nothing else in the suite can make them late.
"""

import os
import signal
import subprocess
import sys
import time

from lab.process import IN_TIME

STEP_S = 0.01
# Whoever was held up for 15 ms, which costs a phone with a short buffer some sound, was seen late by at least this.
TOLERABLE_MS = 5


class Pace:
    """The clocks, from now until they are asked."""

    def __init__(self):
        self._clocks = [
            subprocess.Popen(
                ["taskset", "--cpu-list", str(processor), *IN_TIME, sys.executable, "-m", "lab.pace"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for processor in os.sched_getaffinity(0)
        ]
        for clock in self._clocks:
            clock.stdout.readline()

    def worst_ms(self):
        """How late they were at worst. Ends them."""
        for clock in self._clocks:
            clock.terminate()
        return max(float(clock.communicate(timeout=5)[0]) for clock in self._clocks)


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
