"""The SIP messages of a run, as they pass the desk's interfaces: what a failed story is explained by."""

import select
import socket
import threading
import time

ETH_P_ALL = 3
PACKET_OUTGOING = 4


class Ladder:
    """Reads along until its end. `messages` are (seconds since the start, source, destination, text)."""

    def __init__(self):
        self.messages = []
        self._began = time.monotonic()
        # Cooked packets, without link header: they begin with the IP header.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while not self._ended:
            if not select.select([self._socket], [], [], 0.2)[0]:
                continue
            packet, (interface, _, direction, *_) = self._socket.recvfrom(65536)
            # On the loopback interface each packet passes twice.
            if interface == "lo" and direction == PACKET_OUTGOING:
                continue
            if message := _sip_in(packet):
                self.messages.append((time.monotonic() - self._began, *message))

    def end(self):
        self._ended = True
        self._thread.join()
        self._socket.close()

    def __str__(self):
        return "\n".join(f"--- {at:.3f} s: {source} > {to}\n{text}" for at, source, to, text in self.messages)


def _sip_in(packet):
    """Source, destination and text, if it is SIP over UDP over IPv4."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_UDP:
        return None
    header = (packet[0] & 15) * 4
    payload = packet[header + 8 :]
    if b"SIP/2.0" not in payload[:1000]:
        return None
    ports = (int.from_bytes(packet[header + at : header + at + 2], "big") for at in (0, 2))
    addresses = (socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]))
    source, to = (f"{address}:{port}" for address, port in zip(addresses, ports, strict=True))
    return source, to, payload.decode(errors="replace")
