"""Sound without hardware: a PulseAudio of the run's own, as ALSA's default device.

One stereo null sink, paced by a timer, stands for the wire: what a program plays is its left channel, what it hears is
its right one. A single recording of it thus holds both, in time with each other to the sample.
"""

import contextlib
import os
import select
import subprocess
import time

import numpy as np

from lab.deadline import until
from lab.process import IN_TIME, Process

RATE_HZ = 48_000

MODULES = """
load-module module-native-protocol-unix socket={socket} auth-anonymous=1
load-module module-null-sink sink_name=wire format=s16le rate=48000 channels=2 channel_map=front-left,front-right
load-module module-remap-sink sink_name=speaker master=wire channels=1 channel_map=mono master_channel_map=front-left remix=no
load-module module-remap-sink sink_name=voice master=wire channels=1 channel_map=mono master_channel_map=front-right remix=no
load-module module-remap-source source_name=microphone master=wire.monitor channels=1 channel_map=mono master_channel_map=front-right remix=no
set-default-sink speaker
set-default-source microphone
"""

ALSA = """
pcm.!default { type pulse server "unix:%(socket)s" hint { show on description "the wire" } }
ctl.!default { type pulse server "unix:%(socket)s" }
"""


class Sound:
    """The server. `environment` makes its wire the default device of a program."""

    def __init__(self, run):
        run.chmod(0o700)
        home = run / "home"
        home.mkdir()
        socket = run / "native"
        (run / "modules.pa").write_text(MODULES.format(socket=socket))
        (home / ".asoundrc").write_text(ALSA % {"socket": socket})
        self._run = run
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_RUNTIME_PATH": str(run),
            "PULSE_STATE_PATH": str(home),
            "PULSE_SERVER": f"unix:{socket}",
        }
        self.environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
        self._server = Process(
            [
                "pulseaudio",
                "-n",
                "-F",
                run / "modules.pa",
                "--daemonize=no",
                "--use-pid-file=no",
                "--exit-idle-time=-1",
                "--disallow-exit",
                "--realtime=no",
                "--high-priority=no",
                "--log-target=stderr",
            ],  # fmt: skip
            run / "pulseaudio.log",
            environment=self.environment,
        )
        until(lambda: self._tool("pactl", "info").returncode == 0, 10, "PulseAudio has started")
        # At its start PulseAudio gives up whatever priority it was given, so its threads are raised now.
        subprocess.run(
            ["chrt", "--all-tasks", "--rr", "--pid", "20", str(self._server.pid)], check=True, timeout=10
        )
        # A sink that nobody uses works in blocks of 2 s, and its next user waits so long; resident clients keep both
        # directions at 20 ms.
        with open("/dev/zero", "rb") as silence:
            self._residents = [
                self._start("pacat", f"--device={sink}", "--channels=1", stdin=silence)
                for sink in ("speaker", "voice")
            ]
        self._settle()

    def _tool(self, *arguments):
        return subprocess.run(arguments, env=self.environment, capture_output=True, timeout=10)

    def _start(self, program, *arguments, **options):
        return Process(
            [*IN_TIME, program, "--latency-msec=20", "--format=s16le", f"--rate={RATE_HZ}", *arguments],
            self._run / f"{program}.log",
            environment=self.environment,
            **options,
        )

    def _settle(self):
        """Listens until half a second has come without a gap: its first block still takes 2 s."""
        ear, wire = os.pipe()
        listener = self._start("parec", "--device=wire.monitor", "--channels=2", stdout=wire)
        os.close(wire)
        now = even_since = started = time.monotonic()
        while now - even_since < 0.5:
            if not select.select([ear], [], [], 10)[0] or not os.read(ear, 65536) or now - started > 15:
                raise TimeoutError("the wire does not run in real time")
            before, now = now, time.monotonic()
            if now - before > 0.05:
                even_since = now
        listener.end()
        os.close(ear)

    @contextlib.contextmanager
    def record(self):
        """Records the wire while in the `with` block. Afterwards the recording's `heard` and `played` are there."""
        raw = self._run / "wire.raw"
        with open(raw, "wb") as samples:
            recorder = self._start("parec", "--device=wire.monitor", "--channels=2", stdout=samples)
        recording = Recording()
        try:
            until(lambda: raw.stat().st_size, 5, "the recording has begun")
            yield recording
        finally:
            recorder.end()
        frames = np.fromfile(raw, dtype="<i2").astype(float) / 32768
        recording.played, recording.heard = frames[: len(frames) // 2 * 2].reshape(-1, 2).T

    def say(self, samples):
        """Says this into the microphone, and returns when all has been said."""
        raw = self._run / "voice.raw"
        (np.clip(samples, -1, 1) * 32767).astype("<i2").tofile(raw)
        with open(raw, "rb") as voice:
            status = self._start("pacat", "--device=voice", "--channels=1", stdin=voice).wait(
                len(samples) / RATE_HZ + 10
            )
        if status != 0:
            raise RuntimeError(f"pacat ended with {status}")

    def end(self):
        for resident in self._residents:
            resident.end()
        self._server.end()


class Recording:
    """What the program heard and played, in time with each other, at RATE_HZ."""

    heard = played = None
