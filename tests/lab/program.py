"""A program that drives the phone over its control API (docs/api.md)."""

import json
import time

import websocket


class Refused(Exception):
    """The reply said no. `code` is the contract's."""

    def __init__(self, action, error):
        super().__init__(f"{action}: {error['code']} {error['message']}")
        self.code = error["code"]


class Program:
    """One WebSocket connection. Events are read while waiting for something, and kept in the order they came."""

    def __init__(self, port, user, password):
        self._socket = websocket.create_connection(f"ws://127.0.0.1:{port}/", timeout=5)
        self._requests = 0
        self._token = None
        self._unread = []
        self.events = []
        self._token = self.ask("authenticate", user=user, password=password)["token"]

    def send(self, action, **parameters):
        """Sends a request, and doesn't wait for its reply."""
        self._requests += 1
        token = {"token": self._token} if self._token else {}
        self._socket.send(json.dumps({"id": self._requests, "action": action, **token, **parameters}))

    def ask(self, action, **parameters):
        """Sends a request. Gives back its reply's data, or raises Refused."""
        self.send(action, **parameters)
        deadline = time.monotonic() + 5
        while (message := self._read(deadline, f"the reply to {action}")).get("id") != self._requests:
            pass
        if not message["success"]:
            raise Refused(action, message["error"])
        return message.get("data")

    def hear(self, name, within_s=5, **members):
        """Waits for the next event of this name whose data has these members, passing over others. Gives back its data."""
        deadline = time.monotonic() + within_s
        while True:
            while self._unread:
                event = self._unread.pop(0)
                if event["name"] == name and members.items() <= event["data"].items():
                    return event["data"]
            self._read(deadline, name)

    def heard(self, name):
        """The data of all events of this name that were read so far."""
        return [event["data"] for event in self.events if event["name"] == name]

    def _read(self, deadline, what):
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            message = json.loads(self._socket.recv())
        except websocket.WebSocketTimeoutException:
            raise TimeoutError(
                f"{what} did not come; heard {[event['name'] for event in self.events]}"
            ) from None
        if message.get("action") == "event":
            self.events.append(message)
            self._unread.append(message)
        return message

    def close(self):
        self._socket.close()
