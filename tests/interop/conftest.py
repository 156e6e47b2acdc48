"""What every story starts from, and how the suite reports: measured values, and for a story that failed the SIP messages."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from lab.asterisk import Asterisk
from lab.ladder import Ladder
from lab.network import lay_cables
from lab.phone import SIP_ADDRESS, Phone
from lab.sipp import Sipp
from lab.sound import Sound

PROJECT = Path(__file__).parents[2]
BINARY = Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target")) / "release/neonphone"
INSTALLED = PROJECT / "lab"
SCENARIOS = Path(__file__).parent / "sipp"

measured = pytest.StashKey()


def pytest_configure(config):
    if [name for _, name in socket.if_nameindex()] != ["lo"]:
        raise pytest.UsageError("the stories need a network and processes of their own: make interop")
    config.addinivalue_line("markers", "long: takes many minutes, so it has a run of its own: make long-call")
    config.stash[measured] = []


@pytest.fixture(scope="session")
def run():
    """The folder of this run. Short, for it holds the paths of sockets."""
    folder = Path(tempfile.mkdtemp(prefix="neonphone-"))
    yield folder
    shutil.rmtree(folder)


def _room(run, name):
    (run / name).mkdir()
    return run / name


@pytest.fixture(scope="session")
def afar():
    return lay_cables()


@pytest.fixture(scope="session")
def asterisk(run, afar):
    server = Asterisk(INSTALLED / "asterisk", _room(run, "asterisk"), afar)
    yield server
    server.end()


@pytest.fixture(scope="session")
def sound(run):
    server = Sound(_room(run, "sound"))
    yield server
    server.end()


@pytest.fixture
def room(run):
    """A folder of this story's own."""
    with tempfile.TemporaryDirectory(dir=run) as folder:
        yield Path(folder)


@pytest.fixture
def ladder():
    messages = Ladder()
    yield messages
    messages.end()


@pytest.fixture
def start_phone(room, afar, ladder):
    """Starts a phone as configured, once the one before has stopped. At the story's end the last one must stop in order."""
    started = []

    def start(**configuration):
        started.append(Phone(BINARY, room, **configuration))
        return started[-1]

    yield start
    for phone in started:
        phone.stop()


@pytest.fixture
def phone(start_phone):
    """A phone without sound."""
    return start_phone()


@pytest.fixture
def sipp(room, afar, ladder):
    """Has SIPp call user 1000's phone by a scenario, from an address that is not the server's."""
    players = []

    def play(scenario, pause_ms=0):
        players.append(
            Sipp(
                SCENARIOS / f"{scenario}.xml", room, afar, ("10.99.0.1", 5070), SIP_ADDRESS, "1000", pause_ms
            )
        )
        return players[-1]

    yield play
    for player in players:
        player.end()


@pytest.fixture
def tell(request):
    """Notes something for the end of the report."""
    return lambda text: request.config.stash[measured].append(f"{request.node.name}: {text}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed:
        given = item.funcargs
        logs = sorted(given["room"].glob("*.log")) if "room" in given else []
        report.sections += [(log.name, log.read_text(errors="replace")) for log in logs]
        if "ladder" in given:
            report.sections.append(("SIP messages", str(given["ladder"])))
    return report


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash[measured]:
        terminalreporter.write_line(line)
    # A story that also failed at its end is one failure.
    failed = {
        report.nodeid for outcome in ("failed", "error") for report in terminalreporter.getreports(outcome)
    }
    passed = {report.nodeid for report in terminalreporter.getreports("passed")} - failed
    terminalreporter.write_line(f"{len(passed)} passed, {len(failed)} failed")
