"""Asterisk 22 as tests/lab/install.sh unpacked it, run in place, with the configuration in tests/lab/asterisk."""

import re
import shutil
import subprocess
from pathlib import Path

from lab.deadline import until
from lab.process import IN_TIME, Process

ADDRESS = "10.99.0.1"
CONFIGURATION = Path(__file__).parent / "asterisk"


class Asterisk:
    """A server of its own: whatever it writes is in the folder `run`."""

    def __init__(self, unpacked, run, afar):
        # The loader and the libraries of the unpacked Debian: those of this machine are older.
        [loader] = unpacked.glob("usr/lib64/ld-linux-*.so.*")
        [modules] = unpacked.glob("usr/lib/*/asterisk/modules")
        libraries = modules.parent.parent
        [self.sounds] = unpacked.glob("usr/share/asterisk/sounds/en_*")
        configuration = self._configure(unpacked, run, modules)
        self._log = run / "log/messages.log"
        self._program = [
            loader,
            "--library-path",
            libraries,
            unpacked / "usr/sbin/asterisk",
            "-C",
            configuration,
        ]
        with afar:
            self._process = Process([*IN_TIME, *self._program, "-f"], run / "output.log")
        until(lambda: "fully booted" in self.ask("core waitfullybooted"), 20, "Asterisk has started")

    @staticmethod
    def _configure(unpacked, run, modules):
        shutil.copytree(CONFIGURATION, run / "etc")
        shutil.copy(unpacked / "etc/asterisk/indications.conf", run / "etc")
        for folder in ("lib", "spool", "run", "log"):
            (run / folder).mkdir()
        configuration = run / "etc/asterisk.conf"
        configuration.write_text(
            "[directories]\n"
            f"astetcdir = {run}/etc\n"
            f"astmoddir = {modules}\n"
            f"astdatadir = {unpacked}/usr/share/asterisk\n"
            f"astvarlibdir = {run}/lib\n"
            f"astdbdir = {run}/lib\n"
            f"astkeydir = {run}/lib\n"
            f"astspooldir = {run}/spool\n"
            f"astrundir = {run}/run\n"
            f"astlogdir = {run}/log\n"
        )
        return configuration

    def ask(self, command):
        """What its console answers."""
        answer = subprocess.run([*self._program, "-rx", command], capture_output=True, text=True, timeout=10)
        return answer.stdout

    def contacts(self, user):
        """The URIs that a user is registered with."""
        return re.findall(rf"^ +Contact: +{user}/(\S+)", self.ask(f"pjsip show aor {user}"), re.MULTILINE)

    def digits(self, user):
        """The digits that extension 603 has heard from a user, in all calls so far."""
        said = [line for line in self._log.read_text(errors="replace").splitlines() if "Executing" not in line]
        return "".join(re.findall(rf"digit (\S) from {user}\b", "\n".join(said)))

    def channels(self):
        """How many calls it has on its hands."""
        return sum("PJSIP/" in line for line in self.ask("core show channels concise").splitlines())

    def has_joined_two(self):
        """Whether it has put two parties together. Until then, which may be a moment after the answer, it transfers
        neither."""
        return any(row.split()[2:3] == ["2"] for row in self.ask("bridge show all").splitlines())

    def end(self):
        self.ask("core stop now")
        self._process.end()
