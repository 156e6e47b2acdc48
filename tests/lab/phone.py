"""The phone under test."""

import socket
import subprocess

from lab.asterisk import ADDRESS as SERVER
from lab.deadline import until
from lab.process import IN_TIME, Process
from lab.program import Program

API_PORT = 15070
USER, PASSWORD = "operator", "open sesame"

# Where the phone listens unless configured otherwise, towards Asterisk and SIPp.
SIP_ADDRESS = "10.99.0.2:5060"


class Phone:
    """A running phone, configured by a file of its own in `room`, which ends with `more`. Further ones beside it have numbers from 1 on, which
    are added to their ports."""

    def __init__(self, binary, room, capture="none", playback="none", environment=None, number=0, more=""):
        self._api_port = API_PORT + number
        configuration = room / f"neonphone-{number}.toml"
        configuration.write_text(
            f"{user(binary)}"
            f'[api]\nlisten = ["127.0.0.1:{self._api_port}"]\n'
            f'[sip]\nlisten = ["0.0.0.0:{5060 + number}"]\n'
            f"[rtp]\nfirst_port = {16384 + 1000 * number}\n"
            f'[audio]\ncapture = "{capture}"\nplayback = "{playback}"\n'
            f"{more}"
        )
        configuration.chmod(0o600)
        self._programs = []
        self._process = Process(
            [*IN_TIME, binary, "--config", configuration],
            room / f"neonphone-{number}.log",
            environment=environment,
        )
        until(self._listens, 5, "the phone's API is open")

    def _listens(self):
        if not self._process.is_running():
            raise AssertionError(f"the phone does not start:\n{self.log()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._api_port)) == 0

    def program(self):
        """Another program that drives it."""
        self._programs.append(Program(self._api_port, USER, PASSWORD))
        return self._programs[-1]

    def register(self, user):
        """A program that has registered this user with Asterisk."""
        program = self.program()
        account = program.ask("sipregister", domain=SERVER, number=user, password=f"pw{user}")["connectionId"]
        program.hear("OnSIPRegister", connectionId=account)
        return program

    def log(self):
        return self._process.written()

    def stop(self):
        """It must stop in order, within 2 s."""
        if self._process.is_running():
            status = self._process.end(patience_s=2)
            assert status == 0, f"the phone ended with {status}:\n{self.log()}"
        for program in self._programs:
            program.close()


def user(binary):
    """The configuration of USER, as the phone itself makes it."""
    return subprocess.run(
        [binary, "passwd", USER],
        input=PASSWORD + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    ).stdout
