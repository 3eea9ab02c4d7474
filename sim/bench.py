"""Run a design on streams of beats, the same way in every simulator, and compare."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sw.checks import instance, whole
from sw.errors import UserError

from .batch import Session
from .compare import assert_equal
from .engines import ENGINES, Engine, engine_of
from .failures import raise_for
from .job import Job
from .memory import Memory, link_names
from .ports import check_beats, check_stream, decode_read, encode_write, find_register
from .streams import Stalls

__all__ = [
    "ENGINES",
    "Design",
    "Engine",
    "Memory",
    "Result",
    "Session",
    "Stalls",
    "WATCHDOG",
    "assert_equal",
    "run",
    "writable",
]

WATCHDOG = 10_000
"""Cycles without a handshake that end a run, unless a bench knows that its job is silent longer."""


class Design(Protocol):
    """A generated design."""

    @property
    def name(self) -> str:
        """Name of the top module."""
        ...

    @property
    def verilog(self) -> str:
        """Its source."""
        ...

    @property
    def manifest(self) -> dict[str, Any]:
        """Its ports, streams and registers."""
        ...

    @property
    def cells(self) -> str:
        """Models of the primitives that it instantiates."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What came out of a run.

    Parameters
    ----------
    outputs : dict
        Beats of each output stream, uint8 of shape (beats, bytes).
    last : dict
        tlast of each beat, of the outputs that have it.
    registers : dict
        Values of the registers read.
    cycles : int
        Clock cycles from the first input handshake to the last output handshake, both counted; 0
        from an engine that does not see the clock, as a board.
    stamps : dict
        Cycle of the first and of the last handshake of each stream, and of each channel of the
        memory; empty from such an engine.
    simulated : int
        All clock cycles, with reset, register accesses and settling; 0 from such an engine.
    seconds : float
        Time that the engine took.
    seed : int
        Of the stalls.
    waves : Path or None
        The wave file.
    traffic : dict
        Handshakes of each channel of the memory.
    worked : int
        Clock cycles from the last of ``writes`` to irq; 0 of a run that does not wait for that.
    """

    outputs: dict[str, np.ndarray]
    last: dict[str, np.ndarray]
    registers: dict[str, int]
    cycles: int
    stamps: dict[str, tuple[int, int]]
    simulated: int
    seconds: float
    seed: int
    waves: Path | None
    traffic: dict[str, int] = dataclasses.field(default_factory=dict)
    worked: int = 0

    @property
    def countable(self) -> int:
        """The most cycles that a register can have counted."""
        return self.simulated or (1 << 32) - 1


def run(
    design: Design,
    *,
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, int],
    last: Mapping[str, np.ndarray] | None = None,
    writes: Sequence[tuple[str, int]] = (),
    later: Sequence[tuple[int, str, int]] = (),
    reads: Sequence[str] = (),
    engine: str | Engine | None = None,
    simulator: str | None = None,
    stalls: Stalls | None = None,
    seed: int = 1,
    waves: str | Path | None = None,
    reset_after: int | None = None,
    netlist: str | None = None,
    watchdog: int = WATCHDOG,
    settle: int = 64,
    junit: str | Path | None = None,
    session: Session | None = None,
    memory: Memory | None = None,
    irq_within: int | None = None,
) -> Result:
    """Reset a design, write its registers, stream, wait for surplus beats, read its registers.

    Parameters
    ----------
    design : Design
        Name, Verilog and manifest.
    inputs : dict
        Beats of each input stream, uint8 of shape (beats, bytes), lowest byte first.
    outputs : dict
        Beats expected of each output stream.
    last : dict
        tlast of each beat of an input that has it; without, the last beat alone has it set.
    writes : sequence of (str, int)
        Registers, or ``register.field`` with the other fields 0, and values, in order.
    later : sequence of (int, str, int)
        Writes while the streams move: each a number of cycles of streaming, which then have passed,
        and what `writes` takes, in order.
    reads : sequence of str
        Registers or ``register.field`` to read after the streams.
    engine : str, Engine or None
        ``batch`` (Verilator and C++, for speed), ``verilog`` (a plain test bench on Icarus, for
        small designs and short runs), ``cocotb``, or what runs jobs in another way. None chooses
        ``verilog`` or ``batch``, in which a run gives the same bits in the same cycles.
    simulator : str or None
        ``icarus`` or ``verilator`` under cocotb; None chooses.
    stalls : Stalls or None
        Gaps; None for none.
    seed : int
        Of the stalls.
    waves : path or None
        Where to write waves; the suffix becomes the simulator's.
    reset_after : int or None
        Cycles of streaming after which reset is asserted and everything starts again, once.
    netlist : str or None
        Verilog to run in the place of the design's.
    watchdog : int
        Cycles without a handshake that end the run.
    settle : int
        Cycles after the last beat in which another one is an error.
    junit : path or None
        Where cocotb's result file is to be left.
    session : Session or None
        Whose first run alone resets the design; under the batch engine.
    memory : Memory or None
        At the design's AXI4 master, under the batch engine. Without, every burst is answered by
        SLVERR.
    irq_within : int or None
        Cycles of streaming within which irq must rise; the run lasts until it is high.

    Raises
    ------
    WatchdogError, SurplusError, HoldError, ResponseError, ProtocolError
        Where the design breaks the rules of its ports.
    """
    manifest = design.manifest
    memory = _memory(design, memory)
    ports = {port["name"] for port in manifest["ports"]}
    job = Job(
        name=design.name,
        verilog=netlist if netlist is not None else design.verilog + design.cells,
        manifest=manifest,
        inputs={name: check_beats(manifest, name, beats) for name, beats in inputs.items()},
        last={n: _last(b, (last or {}).get(n)) for n, b in inputs.items() if f"{n}_tlast" in ports},
        writes=[encode_write(manifest, name, value) for name, value in writes],
        later=[(cycle, *encode_write(manifest, name, value)) for cycle, name, value in later],
        outputs={check_stream(manifest, name, "out"): beats for name, beats in outputs.items()},
        reads=[find_register(manifest, name)[0] for name in reads],
        stalls=stalls or Stalls(),
        seed=seed,
        reset_after=reset_after,
        watchdog=watchdog,
        settle=settle,
        waves=writable(waves),
        junit=writable(junit),
        memory=memory,
        irq_within=None if irq_within is None else whole("irq_within", irq_within, 1, 1 << 60),
    )
    outcome = engine_of(job, engine, simulator, session)(job)
    names = {"writes": [name for name, _ in writes], "later": [name for _, name, _ in later]}
    raise_for(job, outcome, names | {"reads": list(reads)})
    timed = outcome.transfers.items() if outcome.cycles else ()
    stamps = {n: (t.first, t.final) for n, t in timed if t.done}
    links = link_names(job.master) if job.master else []
    moved_in = [stamps[name][0] for name in inputs if name in stamps]
    moved_out = [stamps[name][1] for name in outputs if name in stamps]
    return Result(
        outputs=outcome.outputs,
        last=outcome.last,
        registers={
            name: decode_read(manifest, name, value)
            for name, value in zip(reads, outcome.registers, strict=True)
        },
        cycles=max(moved_out) - min(moved_in) + 1 if moved_in and moved_out else 0,
        stamps=stamps,
        traffic={n: outcome.transfers[n].done for n in links if n in outcome.transfers},
        worked=outcome.worked if irq_within else 0,
        simulated=outcome.cycles,
        seconds=outcome.seconds,
        seed=seed,
        waves=outcome.waves,
    )


def writable(path: str | Path | None) -> Path | None:
    """Return ``path``, absolute, without its file; `UserError` if none can be written there."""
    if path is None:
        return None
    path = Path(path).absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab"):
            pass
        path.unlink()
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None
    return path


def _memory(design: Design, memory: Memory | None) -> Memory | None:
    """Return the memory at a design's master, if it has one."""
    masters = len(design.manifest.get("masters", ()))
    if memory is not None:
        instance("memory", memory, Memory)
    if memory is not None and masters != 1:
        raise UserError(
            f"a memory takes a design with one AXI4 master: {design.name} has {masters}"
        )
    return memory if memory or not masters else Memory(image=np.zeros(0, np.uint8))


def _last(beats: np.ndarray, last: np.ndarray | None) -> np.ndarray:
    if last is None:
        return np.arange(len(beats)) == len(beats) - 1
    if np.shape(last) != (len(beats),):
        raise ValueError(f"last takes one value for each of {len(beats)} beats")
    return np.asarray(last)
