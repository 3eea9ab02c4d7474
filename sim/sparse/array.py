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
from sw.sparse.cycles import array_cycles, passes_of

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

    ``pointers`` are those of each pass, (passes, pass_subtiles + 1); without, those of the masks.
    ``beyond`` is set in the masks beyond the depth; the stream ``early`` ends with its first beat;
    ``before`` and ``after`` are written before and after the job.
    """
    p = parameters
    job.check(p)
    design = generate("sparse_array", p)
    mask = array("mask", operands["mask"], "bool")
    passes, given = len(mask), job.given(p)
    bits = np.zeros((*mask.shape[:-1], job.beats(p) * p.mask_bits), np.int64)
    bits[..., : job.depth] = mask
    bits[..., job.depth :] = beyond
    bits = bits.reshape(-1, p.mask_bits) << np.arange(p.mask_bits)
    if pointers is None:
        ends = mask.sum((2, 3)).cumsum().reshape(passes, p.pass_subtiles)
        starts = np.r_[0, ends[:-1, -1]][:, None]
        pointers = np.concatenate([starts, ends], 1) % (1 << p.pointer_bits)
    fields: dict[str, npt.ArrayLike] = {
        "x": to_bits(operands["x"]).reshape(-1, p.columns),
        "value": _packed(p, mask, array("values", operands["values"], "float32")),
    }
    if job.mode != "dense":
        fields["mask"] = bits.sum(-1)
    of_pass = {"x": np.full(passes, job.patch), "value": -(-mask.sum((1, 2, 3)) // p.issue_width)}
    if job.mode != "dense":
        of_pass["mask"] = np.full(passes, p.pass_subtiles * job.rows * job.beats(p))
    if job.mode == "sparse":
        fields["pointer"] = np.asarray(pointers).ravel()
        of_pass["pointer"] = np.full(passes, p.pass_subtiles + 1)
    streams = design.manifest["streams"]
    inputs, last = {}, {}
    for name in ("x", "value", "mask", "pointer"):
        stream = streams[f"s_axis_{name}"]
        beats = np.zeros((0, stream["bytes"]), np.uint8)
        if np.size(fields.get(name, ())):
            beats = pack(stream, {name: np.asarray(fields[name])})
        inputs[f"s_axis_{name}"] = beats
        last[f"s_axis_{name}"] = np.zeros(len(beats), bool)
        ends = of_pass.get(name, np.zeros(0, int)).cumsum()
        last[f"s_axis_{name}"][ends[ends > 0] - 1] = True
        if name == early:
            last[f"s_axis_{name}"][0] = True
    result = run(
        design,
        inputs=inputs,
        last=last,
        outputs={"m_axis": passes // job.passes * given},
        writes=[*before, *_writes(p, job, operands), *after],
        reads=readable(design.manifest),
        **options,
    )
    ends = np.tile(np.arange(given) == given - 1, passes // job.passes)
    insist(result.last["m_axis"] == ends, "tlast does not end a tile", result)
    words = unpack(streams["m_axis"], result.outputs["m_axis"])["sum"].astype(np.uint32)
    return words.view(np.float32).reshape(
        -1, p.pass_subtiles, job.rows, job.pixels, p.columns
    ), result


def _writes(
    p: SparseArrayParameters, job: Job, operands: dict[str, npt.ArrayLike]
) -> list[tuple[str, int]]:
    """Return what is written to the registers."""
    mode = MODES.index(job.mode) | job.balanced << 2 | job.keep << 3
    writes = [(name, getattr(job, name)) for name in ("rows", "depth", "pixels", "patch")]
    writes += [("passes", job.passes), ("mode", mode)]
    tables = {
        "offset": p.depth,
        "base": p.pixels,
        "shift": 1 << (p.pe_rows * p.sums - 1).bit_length(),
    }
    for (name, places), table in zip(tables.items(), ("offsets", "bases", "shifts"), strict=True):
        for place, row in enumerate(np.asarray(operands[table]).tolist()):
            writes.append((name, 1 | (place | row * places) << 1))
    return writes


def _packed(p: SparseArrayParameters, mask: Mask, values: Floats) -> npt.NDArray[np.uint32]:
    """Return values in beats, (beats, issue_width); those of a pass begin with one."""
    ends = mask.sum((1, 2, 3)).cumsum()
    passes = np.split(values.view(np.uint32), ends[:-1])
    padded = [np.pad(of_one, (0, -len(of_one) % p.issue_width)) for of_one in passes]
    return np.concatenate(padded).reshape(-1, p.issue_width)


def random_operands(
    p: SparseArrayParameters, job: Job, rng: np.random.Generator, passes: int
) -> dict[str, Any]:
    """Return random operands; rows, tiles and passes that are empty or full are among them."""
    shape = (passes, p.pass_subtiles, job.rows, job.depth)
    density = rng.choice([0, 0.05, 0.1, 0.5, 1], (passes, p.pass_subtiles, 1, 1))
    density = np.where(rng.random((passes, 1, 1, 1)) < 0.15, rng.integers(0, 2), density)
    mask = rng.random(shape) < density
    if job.mode == "dense":
        mask[:] = True
    elif job.mode == "structured":
        order = rng.random((*shape[:-1], job.depth // p.group, p.group)).argsort(-1)
        mask = (order < job.keep).reshape(shape)
    shifts = rng.integers(0, rng.integers(1, job.patch + 1), p.pass_subtiles * job.rows)
    rest = job.patch - shifts.max()
    offsets = rng.integers(0, rng.integers(1, rest + 1), job.depth)
    bases = rng.integers(0, rest - offsets.max(), job.pixels)
    return {
        "mask": mask,
        "values": random_blocks(rng, 1, max(int(mask.sum()), 1))[0][: int(mask.sum())],
        "x": random_blocks(rng, passes * job.patch, p.columns).reshape(passes, job.patch, -1),
        "offsets": offsets,
        "bases": bases,
        "shifts": shifts,
    }


def random_job(p: SparseArrayParameters, rng: np.random.Generator) -> Job:
    """Return a random job that the array can do."""
    mode = MODES[rng.choice(3, p=[0.6, 0.2, 0.2])]
    pixels = int(rng.integers(1, min(p.pixels, p.sums // p.subtiles) + 1))
    rows = int(rng.integers(1, min(p.sums // (p.subtiles * pixels), p.nonzeros // p.subtiles) + 1))
    most = min(p.depth, p.nonzeros // (p.subtiles * rows))
    depth = int(rng.integers(1, most + 1))
    if mode == "structured":
        depth = max(depth // p.group, 1) * p.group
        rows = min(rows, p.nonzeros // (p.subtiles * depth))
        if not rows:
            mode, rows, depth = "dense", 1, 1
    return Job(
        rows=rows,
        depth=depth,
        pixels=pixels,
        patch=int(rng.integers(1, p.patch + 1)),
        passes=int(rng.integers(1, 4)),
        mode=mode,
        balanced=bool(rng.integers(0, 4)),
        keep=int(rng.integers(1, p.group + 1)),
    )


def regress(parameters: SparseArrayParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` passes of a few random jobs and count the cycles."""
    p, case = parameters, Regression.of(options, blocks=20)
    rng, blocks = case.rng, case.blocks
    reports = {}
    while blocks > 0:
        job = random_job(p, rng)
        passes = -(-min(blocks, 7) // job.passes) * job.passes
        blocks -= passes
        operands = random_operands(p, job, rng, passes)
        reports[str(job)] = check(p, job, operands, **case.options)
    return merge(reports)


def check(p: SparseArrayParameters, job: Job, operands: dict[str, Any], **options: Any) -> Report:
    """Compare a job with the model: sums, registers and, without stalls, cycles."""
    passes = passes_of(p, job, operands["mask"])
    cycles = array_cycles(p, job, passes)
    # Nothing may move at any port while a pass of many nonzeros and pixels is worked off.
    case = Regression.of({"watchdog": WATCHDOG + cycles} | options)
    found, result = simulate(p, job, operands, **case.options)
    sums = model(p, job, **operands)
    finite = np.isfinite(sums)
    mode = MODES.index(job.mode) | job.balanced << 2 | job.keep << 3
    expected: dict[str, Any] = {
        "sums": sums,
        **{name: getattr(job, name) for name in ("rows", "depth", "pixels", "patch", "passes")},
        "mode": mode,
        "applied": len(passes.most),
        "steps": int(passes.most.sum()) * job.spacing,
        **{f"status.{name}": 0 for name in QUIET},
        "status.nan": int(np.isnan(sums).any()),
        "status.overflow": int((~finite & ~np.isnan(sums)).any()),
    }
    manifest = generate("sparse_array", p).manifest
    counters = ("entry_waits", "patch_waits", "sum_waits")
    return case.compare(
        manifest, result, {"sums": found}, expected, counters=counters, cycles=cycles
    )
