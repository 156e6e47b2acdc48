"""baresip as the other phone: it registers as a user of Asterisk, answers by itself, and does what it is told over a
control connection (netstrings of JSON, its module ctrl_tcp)."""

import json
import socket
import time

from lab.asterisk import ADDRESS as SERVER
from lab.deadline import until
from lab.process import IN_TIME, Process

# Beside the phone under test, on the same machine.
SIP_ADDRESS = "10.99.0.2:5090"
CONTROL_PORT = 4444

CONFIGURATION = f"""
sip_listen {SIP_ADDRESS}
audio_player aubridge,nowhere
audio_source aubridge,nowhere
audio_alert aubridge,nowhere
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{CONTROL_PORT}
"""


class Control:
    """A control connection to a running baresip."""

    def __init__(self):
        self._unread = b""
        self._socket = None
        until(self._connects, 5, "baresip listens")

    def _connects(self):
        try:
            self._socket = socket.create_connection(("127.0.0.1", CONTROL_PORT), timeout=5)
        except ConnectionRefusedError:
            return False
        return True

    def tell(self, command, parameters=""):
        """Gives it a command of its menu."""
        message = json.dumps({"command": command, "params": parameters}).encode()
        self._socket.sendall(b"%d:%s," % (len(message), message))

    def hear(self, kind, within_s=5):
        """Waits for the next event of this type, passing over others."""
        deadline = time.monotonic() + within_s
        while True:
            message = self._read(deadline, kind)
            if message.get("type") == kind:
                return message

    def _read(self, deadline, what):
        while True:
            length, colon, rest = self._unread.partition(b":")
            if colon and len(rest) > int(length):
                self._unread = rest[int(length) + 1 :]
                return json.loads(rest[: int(length)])
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                self._unread += self._socket.recv(65536)
            except TimeoutError:
                raise TimeoutError(f"{what} did not come from baresip") from None

    def close(self):
        self._socket.close()


class Baresip(Control):
    """A running baresip of a user of Asterisk."""

    def __init__(self, room, user):
        (room / "config").write_text(CONFIGURATION)
        (room / "accounts").write_text(
            f"<sip:{user}@{SERVER}>;auth_user={user};auth_pass=pw{user};answermode=auto\n"
        )
        self._process = Process([*IN_TIME, "baresip", "-f", room], room / "baresip.log")
        super().__init__()
        until(lambda: "200 OK" in self._process.written(), 5, "baresip is registered")

    def end(self):
        self.close()
        self._process.end()
