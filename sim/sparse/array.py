"""Bench of the sparse array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.checks import array
from sw.formats.binary32 import to_bits
from sw.sparse.array import apply as model
from sw.sparse.array_parameters import MODES, Job, SparseArrayParameters
from sw.sparse.cycles import array_cycles, waves_of

from ..bench import WATCHDOG, Result, run
from ..formats.elements import random_blocks
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist, merge
from ..streams import pack, unpack

__all__ = ["apply", "check", "random_job", "random_operands", "regress", "simulate"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

QUIET = ("mask", "pointer", "capacity", "refused", "framing", "busy")
"""Bits of the status register that no good job leaves set."""


def apply(
    parameters: SparseArrayParameters,
    job: Job,
    *,
    mask: npt.ArrayLike,
    values: npt.ArrayLike,
    x: npt.ArrayLike,
    offsets: npt.ArrayLike,
    bases: npt.ArrayLike,
    shifts: npt.ArrayLike,
    **options: Any,
) -> Floats:
    """Return the sums, as the model does; ``options`` as of `sim.bench.run`."""
    operands = {"mask": mask, "values": values, "x": x}
    operands |= {"offsets": offsets, "bases": bases, "shifts": shifts}
    return simulate(parameters, job, operands, **options)[0]


def simulate(
    parameters: SparseArrayParameters,
    job: Job,
    operands: dict[str, npt.ArrayLike],
    *,
    pointers: npt.ArrayLike | None = None,
    beyond: int = 0,
    early: str = "",
    before: Sequence[tuple[str, int]] = (),
    after: Sequence[tuple[str, int]] = (),
    **options: Any,
) -> tuple[Floats, Result]:
    """Return what `apply` returns, and the run.

    ``pointers`` are those of each wave, (waves, slots + 1); without, those of the masks.
    ``beyond`` is set in the masks beyond the depth; the stream ``early`` ends with its first beat;
    ``before`` and ``after`` are written before and after the job.
    """
    p = parameters
    job.check(p)
    design = generate("sparse_array", p)
    mask = array("mask", operands["mask"], "bool")
    waves, given = len(mask), job.given(p)
    bits = np.zeros((*mask.shape[:-1], job.beats(p) * p.mask_bits), np.int64)
    bits[..., : job.depth] = mask
    bits[..., job.depth :] = beyond
    bits = bits.reshape(-1, p.mask_bits) << np.arange(p.mask_bits)
    if pointers is None:
        ends = mask.sum((2, 3)).cumsum().reshape(waves, p.slots)
        starts = np.r_[0, ends[:-1, -1]][:, None]
        pointers = np.concatenate([starts, ends], 1) % (1 << p.pointer_bits)
    fields: dict[str, npt.ArrayLike] = {
        "x": to_bits(operands["x"]).reshape(-1, p.columns),
        "value": _packed(p, mask, array("values", operands["values"], "float32")),
    }
    if job.mode != "dense":
        fields["mask"] = bits.sum(-1)
    of_wave = {"x": np.full(waves, job.patch), "value": -(-mask.sum((1, 2, 3)) // p.fetch)}
    if job.mode != "dense":
        of_wave["mask"] = np.full(waves, p.slots * job.rows * job.beats(p))
    if job.mode == "sparse":
        fields["pointer"] = np.asarray(pointers).ravel()
        of_wave["pointer"] = np.full(waves, p.slots + 1)
    streams = design.manifest["streams"]
    inputs, last = {}, {}
    for name in ("x", "value", "mask", "pointer"):
        stream = streams[f"s_axis_{name}"]
        beats = np.zeros((0, stream["bytes"]), np.uint8)
        if np.size(fields.get(name, ())):
            beats = pack(stream, {name: np.asarray(fields[name])})
        inputs[f"s_axis_{name}"] = beats
        last[f"s_axis_{name}"] = np.zeros(len(beats), bool)
        ends = of_wave.get(name, np.zeros(0, int)).cumsum()
        last[f"s_axis_{name}"][ends[ends > 0] - 1] = True
        if name == early:
            last[f"s_axis_{name}"][0] = True
    result = run(
        design,
        inputs=inputs,
        last=last,
        outputs={"m_axis": waves // job.waves * given},
        writes=[*before, *_writes(p, job, operands), *after],
        reads=readable(design.manifest),
        **options,
    )
    ends = np.tile(np.arange(given) == given - 1, waves // job.waves)
    insist(result.last["m_axis"] == ends, "tlast does not end a tile", result)
    words = unpack(streams["m_axis"], result.outputs["m_axis"])["sum"].astype(np.uint32)
    return words.view(np.float32).reshape(-1, p.slots, job.rows, job.positions, p.columns), result


def _writes(
    p: SparseArrayParameters, job: Job, operands: dict[str, npt.ArrayLike]
) -> list[tuple[str, int]]:
    """Return what is written to the registers."""
    mode = MODES.index(job.mode) | job.balanced << 2 | job.keep << 3
    writes = [(name, getattr(job, name)) for name in ("rows", "depth", "positions", "patch")]
    writes += [("waves", job.waves), ("mode", mode)]
    tables = {
        "offset": p.depth,
        "base": p.positions,
        "shift": 1 << (p.lines * p.sums - 1).bit_length(),
    }
    for (name, places), table in zip(tables.items(), ("offsets", "bases", "shifts"), strict=True):
        for place, row in enumerate(np.asarray(operands[table]).tolist()):
            writes.append((name, 1 | (place | row * places) << 1))
    return writes


def _packed(p: SparseArrayParameters, mask: Mask, values: Floats) -> npt.NDArray[np.uint32]:
    """Return values in beats, (beats, fetch); those of a wave begin with one."""
    ends = mask.sum((1, 2, 3)).cumsum()
    waves = np.split(values.view(np.uint32), ends[:-1])
    padded = [np.pad(wave, (0, -len(wave) % p.fetch)) for wave in waves]
    return np.concatenate(padded).reshape(-1, p.fetch)


def random_operands(
    p: SparseArrayParameters, job: Job, rng: np.random.Generator, waves: int
) -> dict[str, Any]:
    """Return random operands; rows, tiles and waves that are empty or full are among them."""
    shape = (waves, p.slots, job.rows, job.depth)
    density = rng.choice([0, 0.05, 0.1, 0.5, 1], (waves, p.slots, 1, 1))
    density = np.where(rng.random((waves, 1, 1, 1)) < 0.15, rng.integers(0, 2), density)
    mask = rng.random(shape) < density
    if job.mode == "dense":
        mask[:] = True
    elif job.mode == "structured":
        order = rng.random((*shape[:-1], job.depth // p.group, p.group)).argsort(-1)
        mask = (order < job.keep).reshape(shape)
    shifts = rng.integers(0, rng.integers(1, job.patch + 1), p.slots * job.rows)
    rest = job.patch - shifts.max()
    offsets = rng.integers(0, rng.integers(1, rest + 1), job.depth)
    bases = rng.integers(0, rest - offsets.max(), job.positions)
    return {
        "mask": mask,
        "values": random_blocks(rng, 1, max(int(mask.sum()), 1))[0][: int(mask.sum())],
        "x": random_blocks(rng, waves * job.patch, p.columns).reshape(waves, job.patch, -1),
        "offsets": offsets,
        "bases": bases,
        "shifts": shifts,
    }


def random_job(p: SparseArrayParameters, rng: np.random.Generator) -> Job:
    """Return a random job that the array can do."""
    mode = MODES[rng.choice(3, p=[0.6, 0.2, 0.2])]
    positions = int(rng.integers(1, min(p.positions, p.sums // p.pieces) + 1))
    rows = int(rng.integers(1, min(p.sums // (p.pieces * positions), p.entries // p.pieces) + 1))
    most = min(p.depth, p.entries // (p.pieces * rows))
    depth = int(rng.integers(1, most + 1))
    if mode == "structured":
        depth = max(depth // p.group, 1) * p.group
        rows = min(rows, p.entries // (p.pieces * depth))
        if not rows:
            mode, rows, depth = "dense", 1, 1
    return Job(
        rows=rows,
        depth=depth,
        positions=positions,
        patch=int(rng.integers(1, p.patch + 1)),
        waves=int(rng.integers(1, 4)),
        mode=mode,
        balanced=bool(rng.integers(0, 4)),
        keep=int(rng.integers(1, p.group + 1)),
    )


def regress(parameters: SparseArrayParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` waves of a few random jobs and count the cycles."""
    p, case = parameters, Regression.of(options, blocks=20)
    rng, blocks = case.rng, case.blocks
    reports = {}
    while blocks > 0:
        job = random_job(p, rng)
        waves = -(-min(blocks, 7) // job.waves) * job.waves
        blocks -= waves
        operands = random_operands(p, job, rng, waves)
        reports[str(job)] = check(p, job, operands, **case.options)
    return merge(reports)


def check(p: SparseArrayParameters, job: Job, operands: dict[str, Any], **options: Any) -> Report:
    """Compare a job with the model: sums, registers and, without stalls, cycles."""
    waves = waves_of(p, job, operands["mask"])
    cycles = array_cycles(p, job, waves)
    # Nothing may move at any port while a wave of many entries and positions is worked off.
    case = Regression.of({"watchdog": WATCHDOG + cycles} | options)
    found, result = simulate(p, job, operands, **case.options)
    sums = model(p, job, **operands)
    finite = np.isfinite(sums)
    mode = MODES.index(job.mode) | job.balanced << 2 | job.keep << 3
    expected: dict[str, Any] = {
        "sums": sums,
        **{name: getattr(job, name) for name in ("rows", "depth", "positions", "patch", "waves")},
        "mode": mode,
        "applied": len(waves.most),
        "steps": int(waves.most.sum()) * job.spacing,
        **{f"status.{name}": 0 for name in QUIET},
        "status.nan": int(np.isnan(sums).any()),
        "status.overflow": int((~finite & ~np.isnan(sums)).any()),
    }
    manifest = generate("sparse_array", p).manifest
    counters = ("entry_waits", "patch_waits", "sum_waits")
    return case.compare(
        manifest, result, {"sums": found}, expected, counters=counters, cycles=cycles
    )
