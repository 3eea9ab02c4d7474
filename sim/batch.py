"""The batch engine: a Verilator model driven from C++, a whole run in one call."""

import concurrent.futures
import ctypes
import time
from pathlib import Path
from typing import Self

import numpy as np

from sw.errors import UserError

from .job import (
    HOLD,
    LATE,
    RESET_CYCLES,
    RESPONSE,
    RULE,
    SURPLUS,
    WATCHDOG,
    Job,
    Outcome,
    Transfer,
)
from .memory import MemoryRequest, link_names
from .models import batch_model, load
from .streams import stall_threshold, stream_seed

__all__ = ["Session", "simulate"]

PHASES = ("writes", "streams", "settle", "reads", "later")
STATUS = ("", WATCHDOG, SURPLUS, HOLD, RESPONSE, "stopped", RULE, LATE)

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
        ("memory", ctypes.POINTER(MemoryRequest)),
        *((name, U32) for name in ("stream_count", "write_count", "read_count", "later_count")),
        ("reset_cycles", U32),
        *((name, U64) for name in ("reset_after", "watchdog", "settle")),
        *((name, U64) for name in ("irq_within", "worked", "cycle")),
        *((name, U32) for name in ("resets", "phase", "culprit", "stop")),
    ]


class Session:
    """Runs of one design, of which the first alone resets it; used by ``with``.

    Each other run goes on from the state in which the one before ended. A wave file that the first
    run asks for holds all of them.
    """

    _library: ctypes.CDLL

    def __init__(self) -> None:
        self.waves: Path | None = None
        self._design = ("", "")
        self._model: int | None = None
        self._request: _Job | None = None
        self._active = False

    def __enter__(self) -> Self:
        self._active = True
        return self

    def __exit__(self, *_: object) -> None:
        self._active = False
        if self._model is not None:
            self._library.gradgate_close(self._model)
            self._model = None

    @property
    def cycle(self) -> int:
        """Clock cycles of the present run, or of the last one; another thread may ask."""
        return self._request.cycle if self._request else 0

    def check(self, job: Job) -> None:
        """Raise `UserError` unless ``job`` may be the session's next run."""
        if not self._active:
            raise UserError("a session must be used inside its with statement")
        if job.reset_after is not None:
            raise UserError(f"reset_after must be None in a session, not {job.reset_after}")
        if self._model is None:
            return
        if self._design != (job.name, job.verilog):
            name, _ = self._design
            raise UserError(
                f"a session must run one design: this {job.name} is not the {name} of its first run"
            )
        if job.waves:
            raise UserError(f"waves must be asked for in a session's first run, not {job.waves}")

    def open(self, job: Job) -> bool:
        """Make the model if there is none; return whether there was."""
        if self._model is not None:
            return True
        path = batch_model(job.name, job.verilog, job.ports, waves=job.waves is not None)
        self.waves = job.waves.with_suffix(".vcd") if job.waves else None
        self._library = load(path, "gradgate")
        waves = str(self.waves).encode() if self.waves else None
        self._model = self._library.gradgate_open(U32(job.seed & 0xFFFFFFFF), waves)
        self._design = job.name, job.verilog
        return False

    def run(self, request: _Job) -> int:
        """Run the model and return its status; Ctrl-C ends it."""
        self._request = request
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(self._library.gradgate_run, self._model, ctypes.addressof(request))
            try:
                return done.result()
            except BaseException:
                request.stop = 1
                raise


def simulate(job: Job, session: Session | None = None) -> Outcome:
    """Run ``job``, by itself or in a session; Ctrl-C ends it."""
    if session is not None:
        session.check(job)
        return _simulate(job, session)
    with Session() as session:
        return _simulate(job, session)


def _simulate(job: Job, session: Session) -> Outcome:
    resumed = session.open(job)
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
        stream.stall = stall_threshold(chance)
        stream.random = stream_seed(job.seed, name)
    writes = (_Access * len(job.writes))(*job.writes)
    reads = (_Access * len(job.reads))(*((address,) for address in job.reads))
    later = (_Access * len(job.later))(*((a, value, 0, cycle) for cycle, a, value in job.later))
    memory = job.memory and MemoryRequest(job.memory, job.master, job.stalls, job.seed)
    links = link_names(job.master) if memory else []
    request = _Job(
        streams=streams,
        writes=writes,
        reads=reads,
        later=later,
        memory=ctypes.pointer(memory) if memory else None,
        stream_count=len(streams),
        write_count=len(writes),
        read_count=len(reads),
        later_count=len(later),
        reset_cycles=0 if resumed else RESET_CYCLES,
        reset_after=job.reset_after or 0,
        watchdog=job.watchdog,
        settle=job.settle,
        irq_within=job.irq_within or 0,
    )
    start = time.perf_counter()
    status = STATUS[session.run(request)]
    accesses = {"writes": writes, "later": later}.get(PHASES[request.phase], reads)
    of_stream = status in (SURPLUS, HOLD, RULE)
    moved = zip((*data, *links), (*streams, *(memory.flows if memory else ())), strict=True)
    return Outcome(
        status=status,
        culprit=[*data, *links][request.culprit] if of_stream else request.culprit,
        phase=PHASES[request.phase],
        transfers={n: Transfer(s.done, s.first, s.final, s.valid, s.ready) for n, s in moved},
        outputs={name: data[name] for name in job.outputs},
        last={name: last[name] for name in job.outputs if name in last},
        registers=[access.value for access in reads],
        response=accesses[request.culprit].response if status == RESPONSE else 0,
        rule=memory.broken if memory and status == RULE else "",
        worked=request.worked,
        cycles=request.cycle,
        resets=request.resets,
        seconds=time.perf_counter() - start,
        waves=session.waves,
    )
