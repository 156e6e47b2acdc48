"""SIPp as the other phone: a scenario of tests/interop/sipp, played once."""

from lab.process import IN_TIME, Process


class Sipp:
    """A running scenario, afar. What RTP it gets it sends back."""

    def __init__(self, scenario, room, afar, local, remote, user, pause_ms):
        address, port = local
        # SIPp appends to its log of errors, and makes none where there are none.
        self._errors = room / f"sipp-{scenario.stem}-errors.log"
        arguments = [
            *IN_TIME, "sipp", remote, "-sf", scenario, "-m", 1, "-s", user, "-d", pause_ms,
            "-i", address, "-p", port, "-mi", address, "-mp", 30_000, "-rtp_echo",
            "-nostdin", "-timeout", "60s", "-timeout_error", "-trace_err", "-error_file", self._errors,
        ]  # fmt: skip
        with afar:
            self._process = Process(arguments, room / "sipp.log")

    def finish(self, within_s=10):
        """Waits for the scenario's end. Anything that went otherwise than written there is an error."""
        status = self._process.wait(within_s)
        if status != 0:
            errors = (
                self._errors.read_text(errors="replace") if self._errors.exists() else self._process.written()
            )
            raise AssertionError(f"SIPp ended with {status}:\n{errors}")

    def end(self):
        self._process.end()
