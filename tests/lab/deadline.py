"""Waiting for what is expected, never longer than said."""

import time


def until(condition, within_s, what):
    """Looks every 20 ms until `condition()` is true, and gives back what it gave."""
    deadline = time.monotonic() + within_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {within_s} s")
        time.sleep(0.02)
    return result
