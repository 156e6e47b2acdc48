"""The measurements that every phone goes through: each gives back figures by name."""

import os
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager

import numpy as np

from bench import process
from bench.phones import ADDRESS
from bench.peer import PACKET_S, Ear, Server, packet
from lab.rtp import SILENCE


def ms(seconds):
    return 1000 * np.asarray(seconds)


def spread(name, values, unit="ms"):
    """Median and 99th percentile."""
    return {
        f"{name}, median, {unit}": float(np.median(values)),
        f"{name}, p99, {unit}": float(np.percentile(values, 99)),
    }


@contextmanager
def registered(phone, **how):
    """The phone is started and registered, and its program connected."""
    with closing(Server()) as server:
        phone.start(server.port, **how)
        try:
            server.registers()
            phone.control()
            yield server
        finally:
            phone.stop()


def start(phone, times=10):
    """From the start of the program to its first REGISTER, and until its API accepts."""
    register, ready = [], []
    for _ in range(times):
        with closing(Server()) as server:
            began = phone.start(server.port)
            register.append(server.registers() - began)
            phone.stop()
        if hasattr(phone, "is_ready"):
            with closing(Server()) as server:
                began = phone.start(server.port)
                while not phone.is_ready():
                    pass
                ready.append(time.monotonic() - began)
                phone.stop()
    figures = {"start to first REGISTER, median, ms": float(np.median(ms(register)))}
    if ready:
        figures["start until the API accepts, median, ms"] = float(np.median(ms(ready)))
    return figures


def ring(phone, calls=200, more=800):
    """From an INVITE to its 180, over calls that are cancelled; and what memory they leave behind."""
    with registered(phone) as server, closing(Ear()) as ear:
        time.sleep(1)
        idle = process.memory_kib(phone.pid)
        waits = []
        for count in range(calls + more):
            began = time.monotonic()
            call = server.invites(ear.sdp())
            call.hears("180")
            if count < calls:
                waits.append(time.monotonic() - began)
            call.is_cancelled()
        # Until what each call leaves on the wire has lapsed (64*T1).
        time.sleep(35)
        after = process.memory_kib(phone.pid)
    return {
        **spread("INVITE in to 180 out", ms(waits)),
        "private dirty, idle, KiB": idle,
        "private dirty after 1,000 cancelled calls, KiB": after,
    }


def program_calls(phone, calls=200):
    """From the frame that asks for a call to its INVITE on the wire."""
    if phone.name != "neonphone":
        return {}
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


def answer(phone, microphone, speaker, calls=50):
    """From the frame that answers a call to its first RTP."""
    if phone.name != "neonphone":
        return {}
    waits = []
    with registered(phone, microphone=microphone, speaker=speaker) as server, closing(Ear()) as ear:
        for _ in range(calls):
            call = server.invites(ear.sdp())
            number = phone.program.hear("OnNewCall")["callId"]
            began = time.time()
            phone.program.send("acceptcall", callid=number)
            waits.append(ear.hear()[1] - began)
            call.hears("200")
            call.send("ACK")
            phone.program.ask("finalizecall", callid=number)
            server.answer(server.expect("BYE"), "200 OK")
            ear.drain()
    return spread("acceptcall to first RTP out", ms(waits))


def rest(phone, microphone, speaker, seconds=120):
    """Registered, with a program connected and nothing to do."""
    with registered(phone, microphone=microphone, speaker=speaker):
        time.sleep(3)
        switches, run_time = process.switches(phone.pid), process.run_time_s(phone.pid)
        time.sleep(seconds)
        return {
            f"idle {seconds} s: voluntary context switches": process.switches(phone.pid) - switches,
            f"idle {seconds} s: processor time, ms": 1000 * (process.run_time_s(phone.pid) - run_time),
            "threads": len(process.threads(phone.pid)),
        }


def talk(phone, microphone, speaker, seconds=60):
    """A call of G.711 both ways with WAV files: processor time, memory, and the gaps between its packets."""
    with registered(phone, microphone=microphone, speaker=speaker, answers=True) as server, closing(Ear()) as ear:
        call = server.invites(ear.sdp())
        phone.answer()
        ok = call.hears("200")
        call.send("ACK")
        to = (ADDRESS, int(ok.sdp("m").split()[1]))
        sender = threading.Thread(target=_speak, args=(ear, to, seconds + 3))
        sender.start()
        time.sleep(2)
        ear.drain()
        run_time, began = process.run_time_s(phone.pid), time.monotonic()
        arrivals = []
        while time.monotonic() - began < seconds:
            datagram, at = ear.hear()
            arrivals.append(at)
        spent = (process.run_time_s(phone.pid) - run_time) * 60 / (time.monotonic() - began)
        memory = process.memory_kib(phone.pid)
        sender.join()
        call.send("BYE")
        call.hears("200")
    gaps = ms(np.diff(arrivals))
    return {
        "processor time of a minute of call, s": spent,
        "private dirty in a call, KiB": memory,
        "gap between sent packets, median, ms": float(np.median(gaps)),
        "gap between sent packets, p99, ms": float(np.percentile(gaps, 99)),
        "gap between sent packets, longest, ms": float(np.max(gaps)),
    }


def _speak(ear, to, seconds):
    begin = time.monotonic()
    for number in range(round(seconds / PACKET_S)):
        time.sleep(max(begin + number * PACKET_S - time.monotonic(), 0))
        ear.send(packet(number, SILENCE), to)


def size(phone):
    """The program and what belongs to it, stripped."""
    total = 0
    for file in phone.files():
        with tempfile.NamedTemporaryFile() as stripped:
            subprocess.run(["strip", "-o", stripped.name, file], check=True)
            total += os.stat(stripped.name).st_size
    return {"size, stripped, KiB": total / 1024}
