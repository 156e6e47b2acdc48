"""A sender of RTP whose clock is off: silence with a beep every few seconds, so that one hears when each arrives."""

import struct
import time

import numpy as np

PACKET_S = 0.02
PACKET_SAMPLES = 160
# A beep fills two packets.
BEEP_PACKETS = 2
PACKETS_BETWEEN_BEEPS = 250

SILENCE = bytes([0xFF]) * PACKET_SAMPLES
# Of 1 kHz, loud, as PCMU (G.711): its eight samples over and over.
BEEP = bytes([0xFF, 0x8E, 0x87, 0x8E, 0xFF, 0x0E, 0x07, 0x0E]) * (PACKET_SAMPLES // 8)

# What only a beep reaches.
LOUD = 0.1


class Beeps:
    """So many seconds of RTP from an ear to `to`, by a clock that is `skew_ppm` fast."""

    def __init__(self, ear, to, seconds, skew_ppm):
        self._ear, self._to = ear, to
        self._packets = round(seconds / PACKET_S)
        self._period = PACKET_S / (1 + skew_ppm / 1e6)
        self._sent_at = []

    def send(self):
        """Returns when all is sent. A packet that this machine sends late is told as sent when it should have been: what
        it lost is not the receiver's."""
        begin = time.monotonic()
        for number in range(self._packets):
            due = begin + number * self._period
            time.sleep(max(due - time.monotonic(), 0))
            place = number % PACKETS_BETWEEN_BEEPS
            if place == PACKETS_BETWEEN_BEEPS // 2:
                self._sent_at.append(due)
            is_beep = 0 <= place - PACKETS_BETWEEN_BEEPS // 2 < BEEP_PACKETS
            header = struct.pack("!BBHII", 0x80, 0, number % 65536, number * PACKET_SAMPLES % 2**32, 0x1234)
            self._ear.send(header + (BEEP if is_beep else SILENCE), self._to)

    def delays_ms(self, samples, rate_hz):
        """How late each beep is in a recording, up to a constant."""
        loud = np.flatnonzero(np.abs(samples) > LOUD)
        heard = loud[np.diff(loud, prepend=-rate_hz) > rate_hz] / rate_hz
        assert len(heard) == len(self._sent_at), f"{len(heard)} of {len(self._sent_at)} beeps were heard"
        delays = heard - self._sent_at
        return 1000 * (delays - delays[0])
