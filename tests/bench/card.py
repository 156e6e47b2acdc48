"""A sound card without hardware that all phones play through: ALSA's plugin of card.c."""

import os
import subprocess
import time
from pathlib import Path

import numpy as np

from lab import speech


def build(folder):
    """The plugin, as ALSA loads it."""
    library = folder / "card.so"
    source = Path(__file__).with_suffix(".c")
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-DPIC", "-o", library, source, "-lasound"], check=True
    )
    return library


class Card:
    """The default device of whoever runs in its `environment`."""

    def __init__(self, library, folder):
        self._epoch = time.monotonic_ns()
        self._folder = folder
        hint = 'hint { show on description "a card that keeps what is played" }'
        (folder / ".asoundrc").write_text(
            f'pcm_type.bench {{ lib "{library}" }}\n'
            f'pcm.card {{ type bench file "{folder}/played" epoch "{self._epoch}" {hint} }}\n'
            f'pcm.!default {{ type plug slave.pcm "card" {hint} }}\n'
        )
        self.environment = {**os.environ, "HOME": str(folder), "LD_PRELOAD": str(library)}

    def played(self, begin_s, seconds):
        """What it played from that time (time.monotonic()) on, at speech.RATE_HZ; silence where nobody played."""
        [file] = self._folder.glob("played-*")
        rate_hz = int(file.name.partition("-")[2])
        count = round(seconds * rate_hz)
        place = round((begin_s - self._epoch / 1e9) * rate_hz)
        with open(file, "rb") as samples:
            samples.seek(2 * place)
            found = np.fromfile(samples, dtype="<i2", count=count) / 32768
        return speech.resample(np.pad(found, (0, count - len(found))), rate_hz, speech.RATE_HZ)
