"""A person who uses the phone's page in Chromium (tests/browser/caller.js)."""

import contextlib
import subprocess
from pathlib import Path

CALLER = Path(__file__).parents[1] / "browser/caller.js"


@contextlib.contextmanager
def call_by_page(number):
    """A call by the page's button, which is answered when the `with` block begins and hung up at its end."""
    caller = subprocess.Popen(["node", CALLER, number], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert caller.stdout.readline() == "connected\n", "the page's call was not answered"
        yield
        caller.stdin.close()
        assert caller.wait(20) == 0, "the page's call was not hung up"
    finally:
        caller.kill()
        caller.wait()
