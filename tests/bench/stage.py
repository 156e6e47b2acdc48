"""What all phones find on the bench: a file for the microphone, one for the speaker, and cards."""

from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from bench import card
from bench.peer import Server
from bench.phones import Devices
from lab import speech

# Longer than any call here: baresip hangs up at the end of its file.
MICROPHONE_S = 120


class Stage:
    def __init__(self, room):
        self.room = room
        self._library = card.build(room)
        microphone = room / "microphone.wav"
        time = np.arange(speech.RATE_HZ * MICROPHONE_S) / speech.RATE_HZ
        speech.write(microphone, 0.3 * np.sin(2 * np.pi * 440 * time) * (np.sin(2 * np.pi * time) > 0))
        self.files = Devices(microphone, room / "speaker.wav")
        self.speaker = Devices(speaker=room / "speaker.wav")

    def card(self):
        """A card that nobody has used."""
        return Devices(card=card.Card(self._library, Path(mkdtemp(dir=self.room))))


@contextmanager
def registered(phone, devices=None, answers=False):
    """The phone is started and registered, and its program connected."""
    with closing(Server(phone.sip)) as server:
        phone.start(server.port, devices, answers)
        try:
            server.registers()
            phone.control()
            yield server
        except Exception as error:
            error.add_note(phone.written()[-2000:])
            raise
        finally:
            phone.stop()


def begin_call(phone, server, ear):
    """Calls a phone that answers. Gives back the dialog, and where the phone wants its RTP."""
    call = server.invites(ear.sdp())
    phone.answer()
    ok = call.hears("200")
    call.send("ACK")
    return call, (phone.sip[0], int(ok.sdp("m").split()[1]))
