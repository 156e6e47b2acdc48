"""A scripted SIP peer: a UDP socket, and just enough text to answer by hand. It shares no code with the phone, so that a
fault on both sides can't cancel out."""

import re
import socket
import time


class Message:
    """What was received: text, and where it came from."""

    def __init__(self, datagram, source):
        self.text = datagram.decode()
        self.source = source
        self.start, *lines = self.text.partition("\r\n\r\n")[0].split("\r\n")
        self._fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        self.body = self.text.partition("\r\n\r\n")[2]

    def all(self, name):
        return [value for field, value in self._fields if field.lower() == name.lower()]

    def header(self, name):
        """The first field of that name."""
        return self.all(name)[0]

    def sdp(self, line):
        """The first line of that letter, without it."""
        return re.search(rf"^{line}=(.*?)\r?$", self.body, re.MULTILINE)[1]

    def branch(self):
        return re.search(r"branch=([^;,\s]+)", self.header("Via"))[1]


def address_in(field):
    """The host and port that a Via names, or the URI of a Contact (5060 where it names none)."""
    host, port = re.search(r"(?:@|sip:|UDP )([\d.]+)(?::(\d+))?", field).groups()
    return host, int(port or 5060)


class Peer:
    """One socket, on which a story sends and expects."""

    def __init__(self, address, port):
        self.address = address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.port = self._socket.getsockname()[1]
        self._seen = set()

    def expect(self, start, within_s=5):
        """The next message whose first line begins so. Repeats and others are passed over."""
        deadline = time.monotonic() + within_s
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                message = Message(*self._socket.recvfrom(65536))
            except TimeoutError:
                raise TimeoutError(f"{start} did not reach {self.address}:{self.port}") from None
            key = (message.start, message.branch())
            if message.start.startswith(start) and key not in self._seen:
                self._seen.add(key)
                return message

    def answer(self, request, status, *fields, body=""):
        """Answers a request as RFC 3261 §8.2.6.2 says; the tag is the same for all of a call."""
        to = request.header("To")
        lines = [
            f"SIP/2.0 {status}",
            *(f"Via: {via}" for via in request.all("Via")),
            f"From: {request.header('From')}",
            f"To: {to if 'tag=' in to else to + ';tag=peer'}",
            f"Call-ID: {request.header('Call-ID')}",
            f"CSeq: {request.header('CSeq')}",
        ]
        self.send(lines, fields, body, request.source)

    def request(self, method, uri, destination, number, to, *fields, body=""):
        """Sends a request of the one call that this peer makes; `to` is the To field, `number` the CSeq's."""
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{self.port};branch=z9hG4bK-{self.address}-{number}-{method};rport",
            "Max-Forwards: 70",
            f"From: <sip:ada@{self.address}:{self.port}>;tag=ada",
            f"To: {to}",
            f"Call-ID: from-{self.address}",
            f"CSeq: {number} {method}",
        ]
        self.send(lines, fields, body, destination)

    def send(self, lines, fields, body, to):
        """Sends a message of these lines and whole fields."""
        head = [
            *lines,
            *fields,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self._socket.sendto(("\r\n".join(head) + "\r\n\r\n" + body).encode(), to)

    def close(self):
        self._socket.close()

    def contact(self):
        return f"Contact: <sip:peer@{self.address}:{self.port}>"


class Ear:
    """A socket that RTP is sent to."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(5)
        self.address, self.port = self._socket.getsockname()

    def sdp(self):
        return (
            f"v=0\r\no=- 1 1 IN IP4 {self.address}\r\ns=-\r\nc=IN IP4 {self.address}\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )

    def hear(self):
        """The next packet, and where it came from."""
        return self._socket.recvfrom(2048)

    def send(self, packet, to):
        self._socket.sendto(packet, to)

    def close(self):
        self._socket.close()
