"""Bench of the BFP dot product."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.dot import DotParameters
from sw.bfp.dot import dot as model
from sw.formats.binary32 import to_bits
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.words import Words

from ..bench import Result, run
from ..directed import Directed
from ..formats.elements import random_blocks, with_all_codes
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack
from ..words import start_words, started

__all__ = ["DIRECTED", "dot", "regress", "simulate"]

DIRECTED = Directed(outputs=6, packets={"s_axis_a": 2, "s_axis_b": 2})


Operand = Blocks | npt.ArrayLike


def dot(
    parameters: DotParameters,
    a: Operand,
    b: Operand,
    *,
    random: tuple[Words, Words] | None = None,
    **options: Any,
) -> npt.NDArray[np.float32]:
    """Return what the circuit makes of pairs of blocks.

    ``random`` are streams from their first words on; ``options`` as of `sim.bench.run`.
    """
    return simulate(parameters, a, b, random=random, **options)[0]


def simulate(
    parameters: DotParameters,
    a: Operand,
    b: Operand,
    *,
    random: tuple[Words, Words] | None = None,
    **options: Any,
) -> tuple[npt.NDArray[np.float32], Result]:
    """Return the products as `dot` does, and the run.

    Every third block ends a packet.
    """
    p = parameters
    design = generate("bfp_dot", p)
    operand = _values if p.operands == "binary32" else _elements
    streams = {name: design.manifest["streams"][name] for name in ("s_axis_a", "s_axis_b")}
    inputs = {
        name: pack(stream, operand(p, x))
        for (name, stream), x in zip(streams.items(), (a, b), strict=True)
    }
    beats = 1 if p.operands == "binary32" else p.beats
    blocks = len(inputs["s_axis_a"]) // beats
    ends = np.arange(blocks) % 3 == 2
    last = np.zeros((blocks, beats), np.uint8)
    last[:, -1] = ends
    if random:
        options["writes"] = [
            *options.get("writes", ()),
            *start_words(dict(zip(("_a", "_b"), random, strict=True))),
        ]
    result = run(
        design,
        inputs=inputs,
        last=dict.fromkeys(inputs, last.ravel()),
        outputs={"m_axis": blocks},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == ends, "tlast does not follow its block", result)
    values = result.outputs["m_axis"].view("<f4")
    shape = (-1,)
    if isinstance(a, Blocks):
        shape = (*a.shape[:-1], -(-a.shape[-1] // p.format.reduction))
    return values.reshape(shape), result


def _values(p: DotParameters, x: Any) -> dict[str, np.ndarray]:
    return {"value": to_bits(x)}


def _elements(p: DotParameters, x: Any) -> dict[str, np.ndarray]:
    missing = -x.shape[-1] % p.format.reduction
    pad = [(0, 0)] * (len(x.shape) - 1) + [(0, missing)]
    elements = np.pad(x.code, pad)
    codes = x.codes(-2).repeat(p.beats, -1)
    return {"mantissa": elements.reshape(-1, p.lanes), "exponent": codes.reshape(-1, 1)}


def regress(
    parameters: DotParameters, *, random: tuple[Words, Words] | None = None, **options: Any
) -> Report:
    """Compare with the model on ``blocks`` pairs of random blocks; ``random`` as of `dot`."""
    p, case = parameters, Regression.of(options)
    rng = case.rng
    side = p.format.block_elements // p.format.reduction
    lines = -(-case.blocks // side) * side
    a, b = (random_blocks(rng, lines, p.format.reduction) for _ in range(2))
    if p.operands == "block":
        a, b = (
            quantize(x, p.format, random=rng.integers(0, 1 << p.format.random_bits, x.shape))
            for x in (a, b)
        )
        a, b = (with_all_codes(rng, blocks) for blocks in (a, b))
    values, result = simulate(p, a, b, random=random, **case.options)
    modelled = model(p, a, b, random=random)
    manifest = generate("bfp_dot", p).manifest
    expected = {
        "values": modelled,
        "blocks": modelled.size,
        "status.nan": int(np.isnan(modelled).any()),
        "status.overflow": int(np.isinf(modelled).any()),
        "status.framing": 0,
        **started(manifest, dict(zip(("_a", "_b"), random or (), strict=False))),
    }
    return case.compare(
        manifest,
        result,
        {"values": values},
        expected,
        waits_for_source=("operand_stalls",),
        waits_for_sink=("result_stalls",),
        inputs={n: x.code if isinstance(x, Blocks) else x for n, x in (("a", a), ("b", b))},
    )
