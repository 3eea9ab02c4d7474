"""Bench of the decoder of compressed sparse blocks."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from hw.sparse.block_memory import BlockMemory
from sw.errors import UserError
from sw.formats import binary32
from sw.sparse.csb import Compressed, encode, limited, read, requested, steps, walk
from sw.sparse.csb_parameters import NUMBER_BITS, CsbDecoderParameters

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack
from .csb_encoder import joined, packet_ends, random_dense

__all__ = ["DIRECTED", "Load", "decode", "expected", "regress", "simulate"]

DIRECTED = Directed(outputs=12, unset=("overlong",), independent=False)

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Fields = dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Load:
    """Blocks, and the requests that follow them.

    Parameters
    ----------
    blocks : Compressed
        Blocks; one at least.
    numbers : array of int, (requests,)
        Blocks asked for; one at least.
    rotate : array of bool, (requests,)
        Blocks to be turned.
    """

    blocks: Compressed
    numbers: Integers
    rotate: Flags


def decode(parameters: CsbDecoderParameters, loads: Sequence[Load], **options: Any) -> Fields:
    """Return what is given for all requests of all loads, as `expected` does.

    ``options`` are those of `sim.bench.run`.
    """
    return simulate(parameters, loads, **options)[0]


def expected(parameters: CsbDecoderParameters, loads: Sequence[Load]) -> Fields:
    """Return what the model gives.

    They are the fields of `sw.sparse.csb.Walk`, or ``value``, (requests, rows, columns), and
    ``corrupt``, (requests,).
    """
    p = parameters
    parts = []
    for load in loads:
        held = limited(p, load.blocks)
        if p.form == "walk":
            parts.append(vars(walk(p, held, load.numbers, load.rotate)))
        else:
            dense, corrupt = read(p, held, load.numbers, load.rotate)
            parts.append({"value": dense, "corrupt": corrupt})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def simulate(
    parameters: CsbDecoderParameters, loads: Sequence[Load], **options: Any
) -> tuple[Fields, Result]:
    """Return what `decode` returns, and the run."""
    p = parameters
    if not loads:
        raise UserError("loads must be one or more")
    design = generate("csb_decoder", p)
    streams = design.manifest["streams"]
    wanted = expected(p, loads)
    dense = p.form == "dense"
    last = packet_ends(np.full(len(wanted["corrupt"]), p.beats)) if dense else wanted["last"]
    blocks = joined([load.blocks for load in loads])
    counts = np.array([len(load.blocks.values) for load in loads])
    # Values end with their packet; if there are none, a beat without one does.
    beats = np.maximum(counts, 1)
    present = np.repeat(counts > 0, beats)
    words = np.zeros(beats.sum(), np.int64)
    words[present] = binary32.to_bits(blocks.pop("value"))
    fields = {
        "s_axis_block": blocks,
        "s_axis_value": {"value": words, "present": present},
        "s_axis_request": {
            "number": np.concatenate([load.numbers for load in loads]),
            "rotate": np.concatenate([load.rotate for load in loads]),
        },
    }
    result = run(
        design,
        inputs={name: pack(streams[name], of_stream) for name, of_stream in fields.items()},
        last={
            "s_axis_block": packet_ends([len(load.blocks.pointers) for load in loads]),
            "s_axis_value": packet_ends(beats),
            "s_axis_request": packet_ends([len(load.numbers) for load in loads]),
        },
        outputs={"m_axis": len(last)},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == last, "tlast does not end a block", result)
    given = unpack(streams["m_axis"], result.outputs["m_axis"])
    value = binary32.from_bits(given["value"])
    flags = {name: given[name][:, 0] == 1 for name in ("corrupt", "empty") if name in given}
    if dense:
        corrupt = flags["corrupt"].reshape(-1, p.beats)
        insist(corrupt == corrupt[:, :1], "the beats of a block differ in corrupt", result)
        shape = (-1, p.rows, p.columns)
        return {"value": value.reshape(shape), "corrupt": corrupt[:, 0]}, result
    mask, position = given["mask"] == 1, given["position"][:, 0]
    return {"value": value[:, 0], "position": position, "mask": mask, **flags, "last": last}, result


def random_loads(
    parameters: CsbDecoderParameters, rng: np.random.Generator, requests: int
) -> list[Load]:
    """Return loads of random blocks, of which some are corrupt, and ``requests`` in all.

    Every other load is corrupt, and in one in five some requests have a bit of the number wrong.
    """
    p = parameters
    loads = []
    while requests:
        count = int(rng.integers(1, p.blocks + 1))
        dense = random_dense(p, rng, count)
        # No more values than there is room for.
        places = np.cumsum(binary32.flush(dense) != 0).reshape(dense.shape)
        blocks = encode(p, dense, places <= p.values)
        if rng.random() < 0.5:
            blocks = corrupted(p, rng, blocks)
        asked = min(requests, int(rng.integers(1, p.blocks + 2)))
        numbers = rng.integers(0, len(blocks.pointers), asked)
        if rng.random() < 0.2:
            wrong = 1 << rng.integers(0, NUMBER_BITS, asked)
            numbers ^= np.where(rng.random(asked) < 0.5, wrong, 0)
        loads.append(Load(blocks=blocks, numbers=numbers, rotate=rng.random(asked) < 0.5))
        requests -= asked
    return loads


def corrupted(
    parameters: CsbDecoderParameters, rng: np.random.Generator, blocks: Compressed
) -> Compressed:
    """Return blocks with masks, pointers or the values changed, or too many of either."""
    p = parameters
    masks, pointers, values = blocks.masks.copy(), blocks.pointers.copy(), blocks.values
    places = rng.random(len(pointers)) < 0.2
    places[rng.integers(len(pointers))] = True
    kind = rng.choice([0, 1, 1, 1, 2, 2, 3, 4, 5])
    if kind == 0:
        masks[places, rng.integers(p.elements)] ^= True
    elif kind == 1:
        bit = rng.choice([0, p.pointer_bits - 1, int(rng.integers(p.pointer_bits))])
        pointers[places] ^= 1 << bit
    elif kind == 2:
        values = values[: rng.integers(len(values) + 1)]
    elif kind == 3:
        # A value before all blocks, which else are sound.
        values, pointers = np.append(np.float32(1), values), pointers + 1
    elif kind == 4:
        values = np.append(values, np.ones(p.values + 1, np.float32))
    else:
        masks = np.append(masks, np.zeros((p.blocks, p.elements), np.bool_), axis=0)
        pointers = np.append(pointers, np.full(p.blocks, len(values)))
    return Compressed(masks=masks, pointers=pointers & p.most_values, values=values)


def regress(parameters: CsbDecoderParameters, **options: Any) -> Report:
    """Compare with the model for ``blocks`` requests and, without stalls, count the cycles."""
    p, case = parameters, Regression.of(options, blocks=100)
    loads = random_loads(p, case.rng, case.blocks)
    found, result = simulate(p, loads, **case.options)
    wanted = expected(p, loads)
    held = [limited(p, load.blocks) for load in loads]
    masks = [
        requested(p, h, load.numbers, load.rotate)[:2] for h, load in zip(held, loads, strict=True)
    ]
    corrupt = np.concatenate([wrong for _, wrong in masks])
    overlong = any(
        len(h.pointers) + len(h.values) < len(load.blocks.pointers) + len(load.blocks.values)
        for h, load in zip(held, loads, strict=True)
    )
    manifest = generate("csb_decoder", p).manifest
    outcome = {
        **wanted,
        "blocks": case.blocks,
        "corrupt_blocks": int(corrupt.sum()),
        "status.corrupt": int(corrupt.any()),
        "status.overlong": int(overlong),
        "status.framing": 0,
    }
    # From a load's last beat to the first step through a block asked for.
    begin = BlockMemory.latency + 1
    each = [
        max(len(load.blocks.pointers), len(load.blocks.values), 1) + begin + steps(mask, p.part)
        for load, (mask, _) in zip(loads, masks, strict=True)
    ]
    return case.compare(
        manifest,
        result,
        found,
        outcome,
        waits_for_source=("input_stalls",),
        waits_for_sink=("output_stalls",),
        cycles=sum(each) + manifest["latency"] - begin,
    )
