"""SIPp as the other phone: a scenario of tests/interop/sipp, played once."""

from lab.process import Process


class Sipp:
    """A running scenario, afar. RTP that it gets it sends back."""

    def __init__(self, scenario, run, afar, local, remote, user, **keys):
        address, port = local
        # SIPp takes the RTP port for its echo by -mp; any free one will do, as afar nobody else uses RTP but Asterisk.
        arguments = ["sipp", remote, "-sf", scenario, "-m", 1, "-i", address, "-p", port, "-mi", address, "-mp", 30000, "-s", user,
                     "-rtp_echo", "-nostdin", "-timeout", "60s", "-timeout_error",
                     "-trace_err", "-error_file", run / "sipp-errors.log"]
        for key, value in keys.items():
            arguments += ["-key", key, value]
        self._errors = run / "sipp-errors.log"
        with afar:
            self._process = Process(arguments, run / "sipp.log")

    def finish(self, within_s=10):
        """Waits until the scenario has ended. Anything in it that went otherwise than written is an error."""
        if (status := self._process.wait(within_s)) != 0:
            errors = self._errors.read_text(errors="replace") if self._errors.exists() else self._process.written()
            raise AssertionError(f"SIPp ended with {status}:\n{errors}")

    def end(self):
        self._process.end()
