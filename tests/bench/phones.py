"""The phones that are measured, each behind the same few words. All stand at one address, registered with a
scripted peer."""

import os
import re
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import mkdtemp

from bench.card import Card
from lab.baresip import Control
from lab.phone import PASSWORD, USER, user
from lab.process import IN_TIME, Process
from lab.program import Program

PROJECT = Path(__file__).parents[2]
INSTALLED = PROJECT / "lab"
ADDRESS = "10.99.0.1"
# What every program has anyway.
LIBC = {"libc", "libm", "libdl", "librt", "libpthread", "libresolv", "ld-linux-x86-64", "ld-linux-aarch64"}


@dataclass
class Devices:
    """What a phone hears and plays with: WAV files or a card; nothing where neither is given."""

    microphone: Path | None = None
    speaker: Path | None = None
    card: Card | None = None


class Phone:
    """A phone that can be started again and again, in a folder of its own each time. Those that run side by side have
    numbers, which set their ports apart."""

    # What its service adds to the environment.
    environment = {}

    def __init__(self, room, number=0):
        self._room = room
        self._process = None
        self._number = number
        self.sip = (ADDRESS, self.sip_port + 2 * number)

    def start(self, registrar_port, devices=None, answers=False):
        """Starts it as user `bob` of a registrar at that address; gives back when that was. `answers` has it answer each
        call at once."""
        folder = Path(mkdtemp(prefix=self.name, dir=self._room))
        devices = devices or Devices()
        arguments = self._configure(folder, registrar_port, devices, answers)
        environment = (devices.card.environment if devices.card else os.environ) | self.environment
        began = time.monotonic()
        # pjsua ends with its standard input.
        self._process = Process(
            [*IN_TIME, *arguments], folder / "log", stdin=subprocess.PIPE, environment=environment
        )
        return began

    @property
    def pid(self):
        return self._process.pid

    def control(self):
        """Connects the program that drives it, if it knows such."""

    def answer(self):
        """Answers the call that rings, unless it was started to do so by itself."""

    def hears_end(self):
        """Its program reads what it was told of a call, to its end: what nobody reads would fill the phone's memory."""

    def stop(self):
        self._process.end()

    def written(self):
        return self._process.written()

    def libraries(self):
        """The shared libraries of its files, without libc's."""
        found = set()
        for file in self.files():
            listed = subprocess.run([*self.lister, file], capture_output=True, text=True, check=True).stdout.split()
            found |= {Path(word).resolve() for word in listed if word.startswith("/")}
        return {file for file in found if file.name.partition(".")[0] not in LIBC}


class Neonphone(Phone):
    name = "neonphone"
    sip_port = 5100
    lister = ("ldd",)
    environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", (PROJECT / "hw/neonphone.service").read_text(), re.MULTILINE))

    def __init__(self, room, number=0):
        super().__init__(room, number)
        built = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
        self.binary = built / "release/neonphone"
        self._user = user(self.binary)
        self._api_port = 15070 + number

    def _configure(self, folder, registrar_port, devices, answers):
        self._answers = answers
        playback = "alsa:default" if devices.card else _wav(devices.speaker)
        configuration = folder / "neonphone.toml"
        configuration.write_text(
            f"{self._user}"
            f'[api]\nlisten = ["127.0.0.1:{self._api_port}"]\n'
            f'[sip]\nlisten = ["{self.sip[0]}:{self.sip[1]}"]\n'
            f'[[accounts]]\nuser = "bob"\npassword = "secret"\ndomain = "{ADDRESS}:{registrar_port}"\n'
            f'[audio]\ncapture = "{_wav(devices.microphone)}"\nplayback = "{playback}"\nring = "none"\n'
        )
        configuration.chmod(0o600)
        return [self.binary, "--config", configuration]

    def control(self):
        self.program = Program(self._api_port, USER, PASSWORD)

    def answer(self):
        if self._answers:
            self.program.ask("acceptcall", callid=self.program.hear("OnNewCall")["callId"])

    def hears_end(self):
        self.program.hear("OnFinalizedCall")

    def is_ready(self):
        """Whether the control API accepts."""
        connection = HTTPConnection("127.0.0.1", self._api_port, timeout=1)
        with closing(connection):
            try:
                connection.request("GET", "/version")
                return connection.getresponse().status == 200
            except OSError:
                return False

    def files(self):
        return [self.binary]


def _wav(path):
    return f"wav:{path}" if path else "none"


class Baresip(Phone):
    name = "baresip"
    sip_port = 5200
    applications = ("account", "menu", "ctrl_tcp")

    def __init__(self, room, number=0):
        super().__init__(room, number)
        root = INSTALLED / "baresip"
        [loader] = root.glob("usr/lib64/ld-linux-*.so.*")
        [libraries] = {path.parent for path in root.glob("usr/lib/*/libre.so*")}
        self.binary = root / "usr/bin/baresip"
        self._modules = root / "usr/lib/baresip/modules"
        self._loaded = [loader, "--library-path", libraries]
        self.lister = [*self._loaded, "--list"]

    def _configure(self, folder, registrar_port, devices, answers):
        source = f"aufile,{devices.microphone}" if devices.microphone else "aubridge,nobody"
        player = "alsa,default" if devices.card else f"aufile,{devices.speaker or folder / 'speaker.wav'}"
        used = ["g711", source.partition(",")[0], player.partition(",")[0], *self.applications]
        (folder / "config").write_text(
            f"sip_listen {self.sip[0]}:{self.sip[1]}\n"
            f"audio_source {source}\n"
            f"audio_player {player}\n"
            f"audio_alert aufile,{folder / 'alert.wav'}\n"
            "ring_aufile none\nstatmode_default off\n"
            f"module_path {self._modules}\n"
            + "".join(
                f"{'module_app' if name in self.applications else 'module'} {name}.so\n" for name in dict.fromkeys(used)
            )
            + f"ctrl_tcp_listen 127.0.0.1:{4444 + self._number}\n"
        )
        mode = "auto" if answers else "manual"
        (folder / "accounts").write_text(
            f"<sip:bob@{ADDRESS}:{registrar_port}>;auth_user=bob;auth_pass=secret;answermode={mode}\n"
        )
        return [*self._loaded, self.binary, "-f", folder]

    def control(self):
        if self._number == 0:
            self.program = Control()

    def hears_end(self):
        self.program.hear("CALL_CLOSED")

    def files(self):
        return [self.binary, *(self._modules / f"{name}.so" for name in ("g711", "alsa", *self.applications))]


class Pjsua(Phone):
    name = "pjsua"
    sip_port = 5300
    lister = ("ldd",)

    def __init__(self, room, number=0):
        super().__init__(room, number)
        self.binary = INSTALLED / "pjsua/pjsua"

    def _configure(self, folder, registrar_port, devices, answers):
        files = [f"--play-file={devices.microphone}", "--auto-play"] if devices.microphone else []
        files += [f"--rec-file={devices.speaker}", "--auto-rec"] if devices.speaker else []
        return [
            self.binary,
            f"--id=sip:bob@{ADDRESS}", f"--registrar=sip:{ADDRESS}:{registrar_port}",
            "--realm=*", "--username=bob", "--password=secret",
            f"--bound-addr={ADDRESS}", f"--ip-addr={ADDRESS}", f"--local-port={self.sip[1]}", "--no-tcp", "--max-calls=32",
            f"--rtp-port={20_000 + 100 * self._number}",
            f"--auto-answer={200 if answers else 180}",
            "--no-vad", "--ec-tail=0", "--app-log-level=1", "--log-level=1",
            *([] if devices.card else ["--null-audio"]),
            *files,
        ]  # fmt: skip

    def files(self):
        return [self.binary]


PHONES = {phone.name: phone for phone in (Neonphone, Baresip, Pjsua)}
