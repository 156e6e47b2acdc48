"""Processes that a run starts: each with a log of its own, ended politely and then for certain."""

import subprocess

# Sound has to be in time even while the machine is busy, so what makes, carries or measures it runs at this priority.
IN_TIME = ("chrt", "--rr", "15")


class Process:
    """A running program. What it writes goes to the file `log`, but for standard output where `stdout` says otherwise."""

    def __init__(self, arguments, log, stdin=subprocess.DEVNULL, stdout=None, environment=None):
        self.log = log
        with open(log, "ab") as written:
            self._child = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=stdin,
                stdout=stdout or written,
                stderr=written,
                env=environment,
            )
        self.pid = self._child.pid

    def is_running(self):
        return self._child.poll() is None

    def wait(self, patience_s):
        """Its exit status; None if it had to be killed, because it was still running after `patience_s`."""
        try:
            return self._child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            return None

    def end(self, patience_s=5):
        """Asks it to stop (SIGTERM). Gives back what `wait` does."""
        if self.is_running():
            self._child.terminate()
        return self.wait(patience_s)

    def written(self):
        with open(self.log, errors="replace") as log:
            return log.read()
