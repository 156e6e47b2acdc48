"""Measures all phones in one run, prints a table with a column a phone and the ratio to the others, and writes JSON."""

import argparse
import json
import tempfile
from pathlib import Path

from bench import sound
from bench.phones import PHONES
from bench.rows import BY_API, BY_TURNS, ROWS
from bench.stage import Stage
from lab.pace import TOLERABLE_MS, Pace

# How often a row is measured until the machine has kept time meanwhile.
TRIES = 3


def main():
    arguments = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    names = [*ROWS, "sound"]
    arguments.add_argument("--only", default=",".join(names), help="rows, with commas between: %(default)s")
    arguments.add_argument("--phones", default=",".join(PHONES), help="with commas between: %(default)s")
    arguments.add_argument("--seeds", type=int, default=20, help="calls through each bad network: %(default)s")
    arguments.add_argument("--json", type=Path, default=Path("target/bench.json"), help="%(default)s")
    options = arguments.parse_args()
    only = options.only.split(",")
    phones = [PHONES[name] for name in options.phones.split(",")]
    report = {"figures": {phone.name: {} for phone in phones}, "late, ms": {}}
    options.json.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="neonphone-bench-") as folder:
        stage = Stage(Path(folder))
        for name in (name for name in ROWS if name in only):
            for group in groups(ROWS[name], phones):
                label = f"{name}: {', '.join(phone.name for phone in group)}"
                print(label, flush=True)
                try:
                    figures, late_ms = in_time(ROWS[name], [phone(stage.room) for phone in group], stage)
                except TimeoutError as error:
                    if group[0] is phones[0]:
                        raise
                    print(f"{group[0].name} does not get through it: {error}")
                    continue
                for phone, its_figures in figures.items():
                    report["figures"][phone].update(its_figures)
                report["late, ms"][label] = late_ms
                options.json.write_text(json.dumps(report, indent=2))
        if "sound" in only:
            figures, report["late, ms"]["sound"] = sound.measure(phones, stage, options.seeds)
            for phone in phones:
                report["figures"][phone.name].update(figures[phone.name])
    options.json.write_text(json.dumps(report, indent=2))
    show(report)


def groups(row, phones):
    """Who is measured together."""
    if row in BY_TURNS:
        return [phones]
    return [[phone] for phone in (phones[:1] if row in BY_API else phones)]


def in_time(row, phones, stage):
    """The figures by phone of the try in which the machine kept time best, and how late it was."""
    tries = []
    while len(tries) < TRIES:
        pace = Pace()
        figures = row(phones, stage) if row in BY_TURNS else {phones[0].name: row(phones[0], stage)}
        tries.append((figures, pace.worst_ms()))
        if tries[-1][1] < TOLERABLE_MS:
            break
    return min(tries, key=lambda it: it[1])


def show(report):
    """A column a phone, and how much of each other phone's figure the first one's is."""
    first, *others = report["figures"].values()
    print(f"{'':62}" + "".join(f"{name:>16}" for name in report["figures"]) + "  ratios")
    for name, value in first.items():
        theirs = [other.get(name) for other in others]
        ratios = [f"{_mean(value) / _mean(it):8.2f}" if it and _mean(it) else f"{'':8}" for it in theirs]
        print(f"{name:62}" + "".join(f"{_cell(it):>16}" for it in (value, *theirs)) + "".join(ratios))
    print("\nHow late the machine was at worst, ms (more than", TOLERABLE_MS, "has spoilt a row):")
    for name, late_ms in report["late, ms"].items():
        print(f"{name:62}{late_ms:16.1f}")


def _mean(value):
    return value[0] if isinstance(value, tuple) else value


def _cell(value):
    if isinstance(value, tuple):
        return f"{value[0]:.2f} ±{value[1]:.2f}"
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
