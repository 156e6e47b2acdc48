"""What the kernel knows of a process: how often its threads were woken, how long they ran, and what memory is its own."""

import re
from pathlib import Path


def threads(pid):
    return list(Path(f"/proc/{pid}/task").iterdir())


def switches(pid):
    """Voluntary context switches of all threads so far."""
    return sum(
        int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (thread / "status").read_text(), re.MULTILINE)[1])
        for thread in threads(pid)
    )


def run_time_s(pid):
    """Processor time of all threads so far."""
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads(pid)) / 1e9


def memory_kib(pid):
    """Private dirty memory."""
    return int(re.search(r"^Private_Dirty:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
