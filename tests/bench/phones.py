"""The phones that are measured, each behind the same few words. All stand at one address, registered with a
scripted peer."""

import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from lab.baresip import Control
from lab.process import IN_TIME, Process
from lab.program import Program

PROJECT = Path(__file__).parents[2]
INSTALLED = PROJECT / "lab"
ADDRESS = "10.99.0.1"
SIP = (ADDRESS, 5062)
USER, PASSWORD = "operator", "open sesame"


class Phone:
    """A phone that can be started again and again, in a folder of its own each time."""

    def __init__(self, room):
        self._room = room
        self._count = 0
        self._process = None

    def start(self, registrar_port, microphone=None, speaker=None, answers=False):
        """Starts it as user `bob` of a registrar at that address; gives back when that was. `microphone` and `speaker` are WAV
        files, `answers` has it answer each call at once."""
        self._count += 1
        folder = self._room / f"{self.name}-{self._count}"
        folder.mkdir()
        arguments = self._configure(folder, registrar_port, microphone, speaker, answers)
        began = time.monotonic()
        self._process = Process([*IN_TIME, *arguments], folder / "log")
        return began

    @property
    def pid(self):
        return self._process.pid

    def control(self):
        """Connects the program that drives it."""

    def stop(self):
        self._process.end()

    def written(self):
        return self._process.written()


class Neonphone(Phone):
    name = "neonphone"
    api_port = 15070

    def __init__(self, room):
        super().__init__(room)
        built = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
        self.binary = built / "release/neonphone"
        self._user = subprocess.run(
            [self.binary, "passwd", USER], input=PASSWORD + "\n", capture_output=True, text=True, check=True
        ).stdout

    def _configure(self, folder, registrar_port, microphone, speaker, answers):
        self._answers = answers
        configuration = folder / "neonphone.toml"
        configuration.write_text(
            f"{self._user}"
            f'[api]\nlisten = ["127.0.0.1:{self.api_port}"]\n'
            f'[sip]\nlisten = ["{SIP[0]}:{SIP[1]}"]\n'
            f'[[accounts]]\nuser = "bob"\npassword = "secret"\ndomain = "{ADDRESS}:{registrar_port}"\n'
            f'[audio]\ncapture = "{f"wav:{microphone}" if microphone else "none"}"\n'
            f'playback = "{f"wav:{speaker}" if speaker else "none"}"\n'
        )
        configuration.chmod(0o600)
        return [self.binary, "--config", configuration]

    def control(self):
        self.program = Program(self.api_port, USER, PASSWORD)

    def answer(self):
        if self._answers:
            self.program.ask("acceptcall", callid=self.program.hear("OnNewCall")["callId"])

    def is_ready(self):
        """Whether the control API accepts."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.api_port}/version", timeout=1).read()
        except OSError:
            return False
        return True

    def files(self):
        return [self.binary]


class Baresip(Phone):
    name = "baresip"

    def __init__(self, room):
        super().__init__(room)
        root = INSTALLED / "baresip"
        [loader] = root.glob("usr/lib64/ld-linux-*.so.*")
        [libraries] = {path.parent for path in root.glob("usr/lib/*/libre.so*")}
        self.binary = root / "usr/bin/baresip"
        self._modules = root / "usr/lib/baresip/modules"
        self._program = [loader, "--library-path", libraries, self.binary]

    def _configure(self, folder, registrar_port, microphone, speaker, answers):
        used = ["g711", "aufile", "account", "menu", "ctrl_tcp"]
        (folder / "config").write_text(
            f"sip_listen {SIP[0]}:{SIP[1]}\n"
            f"audio_source aufile,{microphone or self._silence(folder)}\n"
            f"audio_player aufile,{speaker or folder / 'speaker.wav'}\n"
            f"audio_alert aufile,{folder / 'alert.wav'}\n"
            "ring_aufile none\nstatmode_default off\n"
            f"module_path {self._modules}\n"
            + "".join(f"{'module_app' if name in ('account', 'menu', 'ctrl_tcp') else 'module'} {name}.so\n" for name in used)
            + "ctrl_tcp_listen 127.0.0.1:4444\n"
        )
        mode = "auto" if answers else "manual"
        (folder / "accounts").write_text(
            f"<sip:bob@{ADDRESS}:{registrar_port}>;auth_user=bob;auth_pass=secret;answermode={mode}\n"
        )
        return [*self._program, "-f", folder]

    @staticmethod
    def _silence(folder):
        path = folder / "silence.wav"
        subprocess.run(
            [shutil.which("sox") or "sox", "-n", "-r", "8000", "-c", "1", "-b", "16", path, "trim", "0", "60"], check=True
        )
        return path

    def control(self):
        self.program = Control()

    def answer(self):
        """It does so by itself."""

    def files(self):
        return [self.binary, *(self._modules / f"{name}.so" for name in ("g711", "aufile", "account", "menu", "ctrl_tcp"))]
