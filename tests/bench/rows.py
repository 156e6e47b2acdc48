"""The measurements: each gives back figures by name, of one phone, or by phone of those that go through it by turns."""

import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack, closing

import numpy as np

from bench import process
from bench.peer import PACKET_S, Ear, Server, packet
from bench.stage import begin_call, registered
from lab.rtp import BEEP, SILENCE


def ms(seconds):
    return 1000 * np.asarray(seconds)


def spread(name, values, unit="ms"):
    """Median and 99th percentile."""
    return {
        f"{name}, median, {unit}": float(np.median(values)),
        f"{name}, p99, {unit}": float(np.percentile(values, 99)),
    }


def start(phone, stage, times=20):
    """From the start of the program to its first REGISTER, and until its API accepts."""
    register, ready = [], []
    for _ in range(times):
        with closing(Server(phone.sip)) as server:
            began = phone.start(server.port)
            register.append(server.registers() - began)
            phone.stop()
        if hasattr(phone, "is_ready"):
            with closing(Server(phone.sip)) as server:
                began = phone.start(server.port)
                while not phone.is_ready():
                    pass
                ready.append(time.monotonic() - began)
                phone.stop()
    figures = {"start to first REGISTER, median, ms": float(np.median(ms(register)))}
    if ready:
        figures["start until the API accepts, median, ms"] = float(np.median(ms(ready)))
    return figures


def ring(phones, stage, calls=200):
    """From an INVITE to its 180, over calls that are cancelled. The phones are called by turns: what differs from one minute
    to the next on a machine is more than what differs between them."""
    waits = {phone: [] for phone in phones}
    with ExitStack() as stack:
        lines = {
            phone: (stack.enter_context(registered(phone)), stack.enter_context(closing(Ear())))
            for phone in phones
        }
        time.sleep(1)
        for _ in range(calls):
            for phone, (server, ear) in list(lines.items()):
                try:
                    waits[phone].append(_rings(phone, server, ear))
                except TimeoutError as error:
                    print(f"{phone.name} does not get through it: {error}")
                    del lines[phone], waits[phone]
    return {phone.name: spread("INVITE in to 180 out", ms(its_waits)) for phone, its_waits in waits.items()}


def _rings(phone, server, ear):
    began = time.monotonic()
    call = server.invites(ear.sdp())
    call.hears("180")
    wait = time.monotonic() - began
    call.is_cancelled()
    phone.hears_end()
    return wait


def cancelled(phone, stage, calls=1000):
    """What memory calls leave behind that are cancelled."""
    with registered(phone) as server, closing(Ear()) as ear:
        time.sleep(1)
        idle = process.memory_kib(phone.pid)
        for _ in range(calls):
            _rings(phone, server, ear)
        # Until what each call leaves on the wire has lapsed (64*T1).
        time.sleep(35)
        after = process.memory_kib(phone.pid)
    return {
        "private dirty, idle, KiB": idle,
        "private dirty after 1,000 cancelled calls, KiB": after,
    }


def program_calls(phone, stage, calls=200):
    """From the frame that asks for a call to its INVITE on the wire."""
    waits = []
    with registered(phone) as server:
        for _ in range(calls):
            began = time.monotonic()
            phone.program.send("startcall", number="eve")
            invite = server.expect("INVITE")
            waits.append(time.monotonic() - began)
            server.answer(invite, "486 Busy Here")
            server.expect("ACK")
            phone.program.hear("OnFinalizedCall")
    return spread("startcall to INVITE", ms(waits))


def answer(phone, stage, calls=50):
    """From the frame that answers a call to its first RTP, and to the first that is heard of the caller, who speaks as
    soon as it gets the 200."""
    waits, heard = [], []
    devices = stage.card()
    with registered(phone, devices) as server, closing(Ear()) as ear:
        for _ in range(calls):
            call = server.invites(ear.sdp())
            number = phone.program.hear("OnNewCall")["callId"]
            began, began_at = time.monotonic(), time.time()
            phone.program.send("acceptcall", callid=number)
            ok = call.hears("200")
            speaking = threading.Thread(target=_speak, args=(ear, (phone.sip[0], int(ok.sdp("m").split()[1])), 0.5, BEEP))
            speaking.start()
            call.send("ACK")
            waits.append(ear.hear()[1] - began_at)
            speaking.join()
            phone.program.ask("finalizecall", callid=number)
            server.answer(server.expect("BYE"), "200 OK")
            loud = np.flatnonzero(np.abs(devices.card.played(began, 1)) > 0.1)
            heard.append(loud[0] / 8000)
            ear.drain()
            # Until the card has played the last of it.
            time.sleep(0.3)
    return {
        **spread("acceptcall to first RTP out", ms(waits)),
        **spread("acceptcall to first sample out", ms(heard)),
    }


def rest(phone, stage, seconds=120):
    """Registered, with a program connected and nothing to do."""
    with registered(phone, stage.files):
        time.sleep(3)
        switches, run_time = process.switches(phone.pid), process.run_time_s(phone.pid)
        time.sleep(seconds)
        return {
            f"idle {seconds} s: voluntary context switches": process.switches(phone.pid) - switches,
            f"idle {seconds} s: processor time, ms": 1000 * (process.run_time_s(phone.pid) - run_time),
            "threads": len(process.threads(phone.pid)),
        }


def talk(phone, stage, runs=5, seconds=15):
    """Calls of G.711 both ways with WAV files: processor time, and the gaps between the phone's packets."""
    spent, gaps = [], []
    for _ in range(runs):
        with registered(phone, stage.files, answers=True) as server, closing(Ear()) as ear:
            call, to = begin_call(phone, server, ear)
            speaking = threading.Thread(target=_speak, args=(ear, to, seconds + 3, SILENCE))
            speaking.start()
            time.sleep(2)
            ear.drain()
            run_time, began = process.run_time_s(phone.pid), time.monotonic()
            arrivals = []
            while time.monotonic() - began < seconds:
                arrivals.append(ear.hear()[1])
            spent.append((process.run_time_s(phone.pid) - run_time) * 60 / (time.monotonic() - began))
            gaps.append(ms(np.diff(arrivals)))
            speaking.join()
            call.send("BYE")
            call.hears("200")
    return {
        "processor time of a minute of call, median of 5, s": float(np.median(spent)),
        "gap between sent packets, median, ms": float(np.median(np.concatenate(gaps))),
        "gap between sent packets, p99, median of 5, ms": float(np.median([np.percentile(run, 99) for run in gaps])),
        "gap between sent packets, longest, ms": float(np.max(np.concatenate(gaps))),
    }


def talk_memory(phone, stage, seconds=10):
    """In a call whose microphone is no file: each phone keeps a file whole, in a form of its own."""
    with registered(phone, stage.speaker, answers=True) as server, closing(Ear()) as ear:
        call, to = begin_call(phone, server, ear)
        _speak(ear, to, seconds, SILENCE)
        memory = process.memory_kib(phone.pid)
        call.send("BYE")
        call.hears("200")
    return {"private dirty in a call without a microphone file, KiB": memory}


def _speak(ear, to, seconds, payload):
    begin = time.monotonic()
    for number in range(round(seconds / PACKET_S)):
        time.sleep(max(begin + number * PACKET_S - time.monotonic(), 0))
        ear.send(packet(number, payload), to)


def size(phone, stage):
    """The program and what belongs to it, stripped; and all that it loads."""
    own = sum(_stripped_bytes(file) for file in phone.files())
    libraries = sum(_stripped_bytes(file) for file in phone.libraries())
    return {"size, stripped, KiB": own / 1024, "size with libraries but libc, KiB": (own + libraries) / 1024}


def _stripped_bytes(file):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, file], check=True)
        return stripped.seek(0, 2)


ROWS = {
    row.__name__: row for row in (size, start, ring, cancelled, program_calls, answer, rest, talk_memory, talk)
}
# These measure all phones by turns.
BY_TURNS = {ring}
# These ask for what only the first phone has: a control API.
BY_API = {program_calls, answer}
