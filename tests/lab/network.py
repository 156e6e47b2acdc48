"""The network of a run: the desk, where the phone is, and afar, where the servers are, joined by two cables.

The whole suite runs in a network and process namespace of its own (tests/interop/run); that is the desk. Afar is a
second network namespace. Neither has a name, so runs side by side can't collide, and the kernel clears both away.

    desk                        afar
    10.99.0.2  ── first  ──  10.99.0.1   Asterisk, SIPp
    10.98.0.2  ── second ──  10.98.0.1
    127.0.0.1
"""

import ctypes
import os
import subprocess

CABLES = {"first": "10.99.0", "second": "10.98.0"}

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function, *arguments):
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{function.__name__}: {os.strerror(ctypes.get_errno())}")


def _this_thread():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


class Afar:
    """The machine that the servers are on. Sockets and processes made `with afar:` are there, and stay there."""

    def __init__(self):
        self._desk = _this_thread()
        _call(_libc.unshare, CLONE_NEWNET)
        self._afar = _this_thread()
        _call(_libc.setns, self._desk, CLONE_NEWNET)

        self.path = f"/proc/{os.getpid()}/fd/{self._afar}"

    def __enter__(self):
        _call(_libc.setns, self._afar, CLONE_NEWNET)

    def __exit__(self, *_):
        _call(_libc.setns, self._desk, CLONE_NEWNET)


def _ip(arguments):
    subprocess.run(["ip", *arguments.split()], check=True, timeout=10)


def lay_cables():
    """Sets up both ends, and gives back what is afar."""
    afar = Afar()
    for cable in CABLES:
        _ip(f"link add {cable} type veth peer name {cable} netns {afar.path}")
    _bring_up(2)
    with afar:
        _bring_up(1)
    return afar


def move(cable, host):
    """Gives the desk this address, and no other, on a cable."""
    _ip(f"address flush dev {cable} scope global")
    _ip(f"address add {CABLES[cable]}.{host}/24 dev {cable}")


def _bring_up(end):
    _ip("link set lo up")
    for cable, net in CABLES.items():
        _ip(f"address add {net}.{end}/24 dev {cable}")
        _ip(f"link set {cable} up")
