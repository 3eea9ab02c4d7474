"""The batch engine: a Verilator model driven from C++, a whole run in one call."""

import concurrent.futures
import ctypes
import functools
import time
from pathlib import Path

import numpy as np

from .job import HOLD, RESPONSE, SURPLUS, WATCHDOG, Job, Outcome, Transfer
from .models import batch_model
from .streams import stream_seed

__all__ = ["simulate"]

RESET_CYCLES = 8
PHASES = ("writes", "streams", "settle", "reads", "later")
STATUS = ("", WATCHDOG, SURPLUS, HOLD, RESPONSE, "stopped")

U32, U64, ADDRESS = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p


class _Stream(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("data", ADDRESS),
        ("last", ADDRESS),
        *((name, U64) for name in ("beats", "done", "first", "final")),
        *((name, U32) for name in ("bytes", "input", "stall", "random", "valid", "ready")),
    ]


class _Access(ctypes.Structure):
    _fields_ = [*((name, U32) for name in ("address", "value", "response")), ("cycle", U64)]


class _Job(ctypes.Structure):
    _fields_ = [
        ("streams", ctypes.POINTER(_Stream)),
        ("writes", ctypes.POINTER(_Access)),
        ("reads", ctypes.POINTER(_Access)),
        ("later", ctypes.POINTER(_Access)),
        *((name, U32) for name in ("stream_count", "write_count", "read_count", "later_count")),
        ("reset_cycles", U32),
        *((name, U64) for name in ("reset_after", "watchdog", "settle", "cycle")),
        *((name, U32) for name in ("resets", "phase", "culprit", "stop")),
    ]


@functools.cache
def _library(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))


def simulate(job: Job) -> Outcome:
    """Run ``job``; Ctrl-C ends it."""
    model = batch_model(job.name, job.verilog, job.ports, waves=job.waves is not None)
    waves = job.waves.with_suffix(".vcd") if job.waves else None
    ports = job.ports
    data = {name: np.ascontiguousarray(beats) for name, beats in job.inputs.items()}
    last = {name: np.ascontiguousarray(job.last[name], np.uint8) for name in job.last}
    for name, beats in job.outputs.items():
        data[name] = np.zeros((beats, job.manifest["streams"][name]["bytes"]), np.uint8)
        if f"{name}_tlast" in ports:
            last[name] = np.zeros(beats, np.uint8)
    streams = (_Stream * len(data))()
    for stream, (name, beats) in zip(streams, data.items(), strict=True):
        chance = job.stalls.idle if name in job.inputs else job.stalls.back_pressure
        stream.name = name.encode()
        stream.data = beats.ctypes.data
        stream.last = last[name].ctypes.data if name in last else None
        stream.beats, stream.bytes = beats.shape
        stream.input = name in job.inputs
        stream.stall = int(chance * (2**32 - 1))
        stream.random = stream_seed(job.seed, name)
    writes = (_Access * len(job.writes))(*job.writes)
    reads = (_Access * len(job.reads))(*((address,) for address in job.reads))
    later = (_Access * len(job.later))(*((a, value, 0, cycle) for cycle, a, value in job.later))
    request = _Job(
        streams=streams,
        writes=writes,
        reads=reads,
        later=later,
        stream_count=len(streams),
        write_count=len(writes),
        read_count=len(reads),
        later_count=len(later),
        reset_cycles=RESET_CYCLES,
        reset_after=job.reset_after or 0,
        watchdog=job.watchdog,
        settle=job.settle,
    )
    start = time.perf_counter()
    status = STATUS[_call(_library(model), request, job.seed, waves)]
    accesses = {"writes": writes, "later": later}.get(PHASES[request.phase], reads)
    of_stream = status in (SURPLUS, HOLD)
    return Outcome(
        status=status,
        culprit=list(data)[request.culprit] if of_stream else request.culprit,
        phase=PHASES[request.phase],
        transfers={
            name: Transfer(s.done, s.first, s.final, s.valid, s.ready)
            for name, s in zip(data, streams, strict=True)
        },
        outputs={name: data[name] for name in job.outputs},
        last={name: last[name] for name in job.outputs if name in last},
        registers=[access.value for access in reads],
        response=accesses[request.culprit].response if status == RESPONSE else 0,
        cycles=request.cycle,
        resets=request.resets,
        seconds=time.perf_counter() - start,
        waves=waves,
    )


def _call(library: ctypes.CDLL, request: _Job, seed: int, waves: Path | None) -> int:
    path = str(waves).encode() if waves else None
    arguments = (ctypes.byref(request), U32(seed & 0xFFFFFFFF), path)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done = pool.submit(library.gradgate_run, *arguments)
        try:
            return done.result()
        except BaseException:
            request.stop = 1
            raise
