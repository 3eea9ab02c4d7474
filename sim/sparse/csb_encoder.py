"""Bench of the encoder of compressed sparse blocks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.errors import UserError
from sw.formats import binary32
from sw.sparse.csb import Compressed, steps
from sw.sparse.csb import encode as model
from sw.sparse.csb_parameters import CsbEncoderParameters, CsbParameters

from ..bench import Result, run
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["encode", "joined", "packet_ends", "random_dense", "regress", "simulate"]

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def encode(
    parameters: CsbEncoderParameters,
    packets: Sequence[tuple[Floats, Flags | None]],
    **options: Any,
) -> list[Compressed]:
    """Return packets of blocks, each compressed as by the model from blocks and what to keep.

    ``options`` are those of `sim.bench.run`.
    """
    return simulate(parameters, packets, **options)[0]


def simulate(
    parameters: CsbEncoderParameters,
    packets: Sequence[tuple[Floats, Flags | None]],
    **options: Any,
) -> tuple[list[Compressed], Result]:
    """Return what `encode` returns, and the run."""
    p = parameters
    if not packets or not all(len(dense) for dense, _ in packets):
        raise UserError("packets must be one or more, each of a block or more")
    design = generate("csb_encoder", p)
    streams = design.manifest["streams"]
    fields: dict[str, np.ndarray] = {
        "value": binary32.to_bits(np.concatenate([dense for dense, _ in packets]))
    }
    if p.keep:
        fields["keep"] = np.concatenate([keep for _, keep in packets if keep is not None])
    fields = {name: field.reshape(-1, p.lanes) for name, field in fields.items()}
    blocks = np.array([len(dense) for dense, _ in packets])
    last = packet_ends(blocks * p.beats)
    of_packets = [model(_unlimited(p), dense, keep) for dense, keep in packets]
    # A beat that tells the end alone, where the last values are none.
    alone = [not c.masks[-1, -p.lanes :].any() for c in of_packets]
    beats = np.array([len(c.values) for c in of_packets]) + alone
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], fields)},
        last={"s_axis": last},
        outputs={"m_axis_value": int(beats.sum()), "m_axis_block": int(blocks.sum())},
        reads=readable(design.manifest),
        **options,
    )
    text = "tlast does not end a packet"
    insist(result.last["m_axis_value"] == packet_ends(beats), text, result)
    insist(result.last["m_axis_block"] == packet_ends(blocks), text, result)
    values = unpack(streams["m_axis_value"], result.outputs["m_axis_value"])
    about = unpack(streams["m_axis_block"], result.outputs["m_axis_block"])
    present = np.split(values["present"][:, 0] == 1, np.cumsum(beats)[:-1])
    words = np.split(values["value"][:, 0], np.cumsum(beats)[:-1])
    masks = np.split(about["mask"] == 1, np.cumsum(blocks)[:-1])
    pointers = np.split(about["pointer"][:, 0], np.cumsum(blocks)[:-1])
    given = [
        Compressed(masks=mask, pointers=pointer, values=binary32.from_bits(word[one]))
        for mask, pointer, word, one in zip(masks, pointers, words, present, strict=True)
    ]
    return given, result


def _unlimited(parameters: CsbEncoderParameters) -> CsbEncoderParameters:
    """Return parameters for packets of more values than pointers tell, which the model refuses."""
    return parameters.replace(pointer_bits=32)


def packet_ends(counts: npt.ArrayLike) -> Flags:
    """Return which of the beats of packets of so many end one."""
    behind = np.cumsum(counts)
    ends = np.zeros(behind[-1], np.bool_)
    ends[behind - 1] = True
    return ends


def joined(packets: Sequence[Compressed]) -> dict[str, np.ndarray]:
    """Return masks, pointers and values of packets one behind the other."""
    return {
        "mask": np.concatenate([c.masks for c in packets]),
        "pointer": np.concatenate([c.pointers for c in packets]),
        "value": np.concatenate([c.values for c in packets]),
    }


def random_dense(parameters: CsbParameters, rng: np.random.Generator, blocks: int) -> Floats:
    """Return blocks of any density, some empty or full, with numbers of every kind."""
    shape = (blocks, parameters.rows, parameters.columns)
    patterns = rng.integers(0, 1 << 32, shape, dtype=np.uint32)
    special = binary32.from_bits(
        rng.choice([0, 1 << 31, 1, 0x807FFFFF, 0x7FC00001, 0xFF800000], shape)
    )
    dense = np.where(rng.random(shape) < 0.1, special, patterns.view(np.float32))
    density = rng.choice([0.0, 0.1, 0.5, 1.0, 2.0], (blocks, 1, 1)) * rng.random((blocks, 1, 1))
    return np.where(rng.random(shape) < density, dense, np.float32(0)).astype(np.float32)


def regress(parameters: CsbEncoderParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` random blocks and, without stalls, count the cycles.

    Where pointers are short, even seeds have packets of more values than they can tell.
    """
    p, case = parameters, Regression.of(options, blocks=100)
    rng, blocks = case.rng, case.blocks
    dense = random_dense(p, rng, blocks)
    keep = rng.random(dense.shape) < 0.7 if p.keep else np.ones(dense.shape, np.bool_)
    most = max(1, p.most_values // p.elements)
    longest = 6 * most if most < 20 and case.seed % 2 == 0 else min(20, most)
    size = [int(n) for n in np.cumsum(rng.integers(1, longest + 1, blocks)) if n < blocks]
    kept = [part if p.keep else None for part in np.split(keep, size)]
    packets = list(zip(np.split(dense, size), kept, strict=True))
    found, result = simulate(p, packets, **case.options)
    of_packets = [model(_unlimited(p), *packet) for packet in packets]
    wanted = joined(of_packets)
    wanted["pointer"] &= p.most_values
    taken = steps(wanted["mask"], p.lanes)
    bits = binary32.to_bits(wanted["value"])
    manifest = generate("csb_encoder", p).manifest
    expected: dict[str, Any] = {
        **wanted,
        "values": len(bits),
        "blocks": blocks,
        "status.nan": int((bits >> 23 & 255 == 255).any()),
        "status.overflow": int(any(len(c.values) > p.most_values for c in of_packets)),
        "status.framing": 0,
    }
    least = 1
    if not case.stalls.back_pressure:
        # It waits for elements while they come, too, if it does not take a step.
        least += result.cycles - manifest["latency"] - taken
    expected["input_stalls"] = range(least, result.countable - taken + 1)
    return case.compare(
        manifest,
        result,
        joined(found),
        expected,
        waits_for_sink=("output_stalls",),
        cycles=manifest["latency"] + taken,
    )
