"""Run a design on streams of beats, the same way in every simulator, and compare."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sw.errors import UserError
from sw.parameters import choice, unknown

from . import batch
from .job import (
    HOLD,
    RESPONSE,
    SURPLUS,
    WATCHDOG,
    HoldError,
    Job,
    Outcome,
    ResponseError,
    SurplusError,
    WatchdogError,
)
from .streams import Stalls

__all__ = ["ENGINES", "Design", "Result", "assert_equal", "run"]

ENGINES = ("batch", "cocotb")


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
        Clock cycles from the first input handshake to the last output handshake, both counted.
    stamps : dict
        Cycle of the first and of the last handshake of each stream.
    simulated : int
        All clock cycles, with reset, register accesses and settling.
    seconds : float
        Time that the simulator took.
    seed : int
        Of the stalls.
    waves : Path or None
        The wave file.
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


def run(
    design: Design,
    *,
    inputs: Mapping[str, np.ndarray],
    outputs: Mapping[str, int],
    last: Mapping[str, np.ndarray] | None = None,
    writes: Sequence[tuple[str, int]] = (),
    reads: Sequence[str] = (),
    engine: str = "batch",
    simulator: str | None = None,
    stalls: Stalls | None = None,
    seed: int = 1,
    waves: str | Path | None = None,
    reset_after: int | None = None,
    netlist: str | None = None,
    watchdog: int = 10_000,
    settle: int = 64,
    junit: str | Path | None = None,
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
    reads : sequence of str
        Registers or ``register.field`` to read after the streams.
    engine : str
        ``batch`` (Verilator and C++, for speed) or ``cocotb``.
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

    Raises
    ------
    WatchdogError, SurplusError, HoldError, ResponseError
        Where the design breaks the rules of its ports.
    """
    choice("engine", engine, ENGINES)
    manifest = design.manifest
    ports = {port["name"] for port in manifest["ports"]}
    job = Job(
        name=design.name,
        verilog=design.verilog if netlist is None else netlist,
        manifest=manifest,
        inputs={name: _beats(manifest, name, beats) for name, beats in inputs.items()},
        last={n: _last(b, (last or {}).get(n)) for n, b in inputs.items() if f"{n}_tlast" in ports},
        writes=[_write(manifest, name, value) for name, value in writes],
        outputs={_stream(manifest, name, "out"): beats for name, beats in outputs.items()},
        reads=[_register(manifest, name)[0] for name in reads],
        stalls=stalls or Stalls(),
        seed=seed,
        reset_after=reset_after,
        watchdog=watchdog,
        settle=settle,
        waves=_writable(waves),
        junit=_writable(junit),
    )
    outcome = _engine(engine, simulator)(job)
    _raise(job, outcome, [name for name, _ in writes], list(reads))
    stamps = {n: (t.first, t.final) for n, t in outcome.transfers.items() if t.done}
    moved_in = [stamps[name][0] for name in inputs if name in stamps]
    moved_out = [stamps[name][1] for name in outputs if name in stamps]
    return Result(
        outputs=outcome.outputs,
        last=outcome.last,
        registers={
            name: _field(manifest, name, value)
            for name, value in zip(reads, outcome.registers, strict=True)
        },
        cycles=max(moved_out) - min(moved_in) + 1 if moved_in and moved_out else 0,
        stamps=stamps,
        simulated=outcome.cycles,
        seconds=outcome.seconds,
        seed=seed,
        waves=outcome.waves,
    )


def _engine(engine: str, simulator: str | None) -> Callable[[Job], Outcome]:
    if engine == "batch":
        if simulator not in (None, "verilator"):
            raise UserError(f"the batch engine runs on verilator, not {simulator!r}")
        return batch.simulate
    raise UserError("not yet")


def _writable(path: str | Path | None) -> Path | None:
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


def _stream(manifest: Mapping[str, Any], name: str, direction: str) -> str:
    streams = {n for n, s in manifest["streams"].items() if s["direction"] == direction}
    if name not in streams:
        raise unknown(f"{direction}put stream", name, streams)
    return name


def _beats(manifest: Mapping[str, Any], name: str, beats: np.ndarray) -> np.ndarray:
    count = manifest["streams"][_stream(manifest, name, "in")]["bytes"]
    if beats.dtype != np.uint8 or beats.ndim != 2 or beats.shape[1] != count:
        raise ValueError(f"{name} takes uint8 (beats, {count}), not {beats.dtype} {beats.shape}")
    return beats


def _last(beats: np.ndarray, last: np.ndarray | None) -> np.ndarray:
    if last is None:
        return np.arange(len(beats)) == len(beats) - 1
    if np.shape(last) != (len(beats),):
        raise ValueError(f"last takes one value for each of {len(beats)} beats")
    return np.asarray(last)


def _register(manifest: Mapping[str, Any], name: str) -> tuple[int, int, int]:
    """Return the address of ``register`` or ``register.field`` and the field's offset and width."""
    register, _, field = name.partition(".")
    registers = {r["name"]: r for r in manifest["registers"]}
    if register not in registers:
        raise unknown("register", register, registers)
    if not field:
        return registers[register]["offset"], 0, 32
    fields = {f["name"]: f for f in registers[register]["fields"]}
    if field not in fields:
        raise unknown(f"field of register {register}", field, fields)
    return registers[register]["offset"], fields[field]["offset"], fields[field]["bits"]


def _write(manifest: Mapping[str, Any], name: str, value: int) -> tuple[int, int]:
    address, offset, bits = _register(manifest, name)
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} takes 0..{(1 << bits) - 1}, not {value}")
    return address, value << offset


def _field(manifest: Mapping[str, Any], name: str, word: int) -> int:
    _, offset, bits = _register(manifest, name)
    return word >> offset & ((1 << bits) - 1)


def _raise(job: Job, outcome: Outcome, writes: list[str], reads: list[str]) -> None:
    """Raise the error that an outcome tells of."""
    if job.reset_after and not outcome.status and outcome.resets != 2:
        raise ValueError(f"the run ended before the reset after {job.reset_after} cycles")
    if not outcome.status:
        return
    where = f"{job.name}, seed {job.seed}, cycle {outcome.cycles}"
    if outcome.waves:
        where += f", waves in {outcome.waves}"
    if outcome.phase in ("writes", "reads") and outcome.status in (WATCHDOG, RESPONSE):
        access, names = ("write", writes) if outcome.phase == "writes" else ("read", reads)
        register = f"s_axi {access} of {names[int(outcome.culprit)]}"
        if outcome.status == RESPONSE:
            raise ResponseError(f"{register} was answered with response {outcome.response} ({where})")
        raise WatchdogError(f"{register} got no response in {job.watchdog} cycles ({where})")
    if outcome.status == WATCHDOG:
        stopped = "; ".join(
            _state(job, name, transfer)
            for name, transfer in outcome.transfers.items()
            if transfer.done < _expected(job, name)
        )
        raise WatchdogError(f"no handshake for {job.watchdog} cycles: {stopped} ({where})")
    name = str(outcome.culprit)
    if outcome.status == SURPLUS:
        raise SurplusError(f"{name} gave more than the {_expected(job, name)} beats expected ({where})")
    done = outcome.transfers[name].done
    text = f"{name} changed or withdrew beat {done} before it was accepted"
    raise HoldError(f"{text} ({where})")


def _expected(job: Job, name: str) -> int:
    return job.outputs[name] if name in job.outputs else len(job.inputs[name])


def _state(job: Job, name: str, transfer: Any) -> str:
    verb = "took" if name in job.inputs else "gave"
    signals = f"tvalid {transfer.valid}, tready {transfer.ready}"
    return f"{name} {verb} {transfer.done} of {_expected(job, name)} beats ({signals})"


def assert_equal(
    actual: np.ndarray, expected: np.ndarray, *, context: Mapping[str, Any] | None = None
) -> None:
    """Raise AssertionError at the first of the values that are not the same bits.

    Parameters
    ----------
    actual, expected : array
        Integers, or floating point compared by its bits; of one shape and type.
    context : dict
        Told in the message. Special: ``inputs``, a dict of arrays of which the rows of the first
        mismatch's first index are shown; ``waves``, a function that runs again with waves and
        returns the file's path.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    context = dict(context or {})
    inputs, waves = context.pop("inputs", {}), context.pop("waves", None)
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        raise AssertionError(
            f"got {actual.dtype} {actual.shape}, expected {expected.dtype} {expected.shape}"
        )
    wrong = np.argwhere(_bits(actual) != _bits(expected))
    if not len(wrong):
        return
    first = tuple(int(i) for i in wrong[0])
    index = first[0] if len(first) == 1 else first
    lines = [
        f"{len(wrong)} of {actual.size} values differ, first at {index}: "
        f"got {_hex(actual[first])}, expected {_hex(expected[first])}"
    ]
    lines += [f"{name}: {value}" for name, value in context.items()]
    for name, values in inputs.items():
        if first and first[0] < len(values):
            lines.append(f"{name}[{first[0]}]: {_hex(np.asarray(values)[first[0]])}")
    if waves is not None:
        lines.append(f"waves: {waves()}")
    raise AssertionError("\n  ".join(lines))


def _bits(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return values
    return np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}").reshape(values.shape)


def _hex(values: Any) -> str:
    values = np.asarray(values)
    mask = (1 << 8 * values.dtype.itemsize) - 1
    digits = 2 * values.dtype.itemsize
    words = [f"{int(v) & mask:0{digits}x}" for v in _bits(values).ravel()]
    number = f" ({values.item()!r})" if values.size == 1 else ""
    return " ".join(words) + number
