"""What runs jobs, by name."""

import collections
import functools
from typing import Protocol

from hw.flow.hierarchy import Hierarchy
from sw.checks import choice
from sw.errors import UserError

from . import batch, build, verilog
from .batch import Session
from .job import Job, Outcome
from .models import has_batch_model

__all__ = ["ENGINES", "Engine", "engine_of"]

ENGINES = ("batch", "verilog", "cocotb")

SMALL = 30_000_000
"""Lines, with every instance written out, times cycles that Icarus runs while a model is made."""

WIDE = 1_024
"""Bits of a port, with more of which Icarus takes minutes for what a model does in seconds."""

START = 500
"""Cycles that a run takes in the time in which Icarus compiles and starts it."""

_simulated: collections.Counter[str] = collections.Counter()


class Engine(Protocol):
    """What runs jobs, for instance a board."""

    def __call__(self, job: Job) -> Outcome:
        """Run a job."""
        ...


def engine_of(
    job: Job, engine: str | Engine | None, simulator: str | None, session: Session | None
) -> Engine:
    """Return what runs ``job``; the arguments are those of `sim.bench.run`."""
    if engine is None:
        engine = _quick if (simulator, session) == (None, None) and _small(job) else "batch"
    if not isinstance(engine, str):
        if (simulator, session) == (None, None):
            return engine
        raise UserError(f"simulator must be None for an engine of its own, not {simulator!r}")
    choice("engine", engine, ENGINES)
    if engine == "batch":
        if simulator not in (None, "verilator"):
            raise UserError(f"the batch engine runs on verilator, not {simulator!r}")
        return functools.partial(batch.simulate, session=session)
    if job.memory is not None or job.irq_within is not None:
        raise UserError(f"a memory, or irq_within, takes the batch engine, not {engine!r}")
    if session is not None:
        raise UserError(f"a session takes the batch engine, not {engine!r}")
    if engine == "verilog":
        if simulator not in (None, "icarus"):
            raise UserError(f"the verilog engine runs on icarus, not {simulator!r}")
        return verilog.simulate
    # cocotb is an optional extra.
    try:
        from . import cocotb_engine
    except ModuleNotFoundError as error:
        raise UserError(f"{error.name} is not installed: pip install -e '.[sim]'") from None
    return functools.partial(cocotb_engine.simulate, simulator=simulator)


def _small(job: Job) -> bool:
    """Tell whether to make a model of the design would take longer than its runs on Icarus.

    A design that runs again and again comes to deserve a model. ``_simulated`` has what each has
    taken so far, in cycles.
    """
    if not build.have("icarus") or job.memory is not None or job.irq_within is not None:
        return False
    if not build.have("verilator"):
        return True
    if max(job.ports.values()) > WIDE:
        return False
    beats = sum(map(len, job.inputs.values())) + sum(job.outputs.values())
    lines = Hierarchy(job.verilog).weight.get(job.name, 0)
    if (_simulated[job.verilog] + beats + START) * lines > SMALL:
        return False
    return not has_batch_model(job.name, job.verilog, job.ports, waves=job.waves is not None)


def _quick(job: Job) -> Outcome:
    """Run ``job`` on Icarus, and remember how long it was."""
    outcome = verilog.simulate(job)
    _simulated[job.verilog] += outcome.cycles + START
    return outcome
