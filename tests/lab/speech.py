"""Speech, and how much of it has arrived: delay by cross-correlation, quality by PESQ (ITU-T P.862, narrowband)."""

import wave

import numpy as np
from pesq import pesq

RATE_HZ = 8_000


def read(path):
    """Samples in -1…1 and their rate."""
    with wave.open(str(path)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError(f"{path} is not mono with 16 bits")
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2") / 32768, file.getframerate()


def write(path, samples):
    """At RATE_HZ."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def resample(samples, rate_hz, to_hz):
    """As a whole, by its spectrum: no filter to choose, no delay."""
    count = round(len(samples) * to_hz / rate_hz)
    spectrum = np.fft.rfft(samples)
    kept = np.zeros(count // 2 + 1, dtype=complex)
    shared = min(len(spectrum), len(kept))
    kept[:shared] = spectrum[:shared]
    return np.fft.irfft(kept, count) * (to_hz / rate_hz)


def offset(sent, received):
    """Where in `received` the beginning of `sent` is, in samples; negative if it came before the first."""
    size = 2 ** (len(sent) + len(received)).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(received, size) * np.conj(np.fft.rfft(sent, size)), size)
    best = int(np.argmax(likeness))
    return best if best < len(received) else best - size


def quality(sent, received, rate_hz):
    """PESQ of what arrived, 1 to 4.55, and the delay in ms between the two recordings."""
    sent, received = (resample(samples, rate_hz, RATE_HZ) for samples in (sent, received))
    late = offset(sent, received)
    arrived = np.zeros_like(sent)
    part = received[max(late, 0) : late + len(sent)]
    arrived[max(-late, 0) :][: len(part)] = part
    return pesq(RATE_HZ, sent, arrived, "nb"), 1000 * late / RATE_HZ
