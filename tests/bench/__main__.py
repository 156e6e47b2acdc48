"""Measures all phones in one run, prints a table with a column a phone and the ratio to the first peer, and writes JSON.

    tests/bench/run [--only ROW,…] [--json FILE]
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from bench import rows
from bench.phones import Baresip, Neonphone
from lab import speech


PHONES = {"neonphone": Neonphone, "baresip": Baresip}


def main():
    arguments = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__.partition("\n")[0])
    arguments.add_argument("--only", help="names of rows, with commas between")
    arguments.add_argument("--phones", default="neonphone,baresip", help="their names, with commas between")
    arguments.add_argument("--json", type=Path, default=Path("target/bench.json"))
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="neonphone-bench-") as folder:
        room = Path(folder)
        figures = measure(room, options.phones.split(","), options.only and options.only.split(","))
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2))
    show(figures)


def measure(room, phones, only):
    microphone, speaker = room / "microphone.wav", room / "speaker.wav"
    # Longer than any call here: baresip hangs up at the end of its file.
    time = np.arange(8000 * 120) / 8000
    speech.write(microphone, 0.3 * np.sin(2 * np.pi * 440 * time) * (np.sin(2 * np.pi * time) > 0))
    measurements = {
        "start": rows.start,
        "ring": rows.ring,
        "program_calls": rows.program_calls,
        "answer": lambda phone: rows.answer(phone, microphone, speaker),
        "rest": lambda phone: rows.rest(phone, microphone, speaker),
        "talk": lambda phone: rows.talk(phone, microphone, speaker),
        "size": rows.size,
    }
    figures = {}
    for phone in (PHONES[name](room) for name in phones):
        figures[phone.name] = {}
        for name, row in measurements.items():
            if not only or name in only:
                print(f"{phone.name}: {name}", flush=True)
                figures[phone.name].update(row(phone))
    return figures


def show(figures):
    """A column a phone, and how much of each other phone's figure the first one's is."""
    first, *others = figures
    print(f"{'':60}" + "".join(f"{name:>12}" for name in figures) + "".join(f"{'/' + name:>12}" for name in others))
    for name, value in figures[first].items():
        theirs = [figures[other].get(name) for other in others]
        cells = [format(it, "12.2f") if it is not None else f"{'':12}" for it in (value, *theirs)]
        ratios = [format(value / it, "12.2f") if it else "" for it in theirs]
        print(f"{name:60}" + "".join(cells + ratios))


if __name__ == "__main__":
    main()
