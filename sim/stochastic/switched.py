"""Switching of the outer product for an update of an element, and of a multiplier."""

import dataclasses

import numpy as np
import numpy.typing as npt

from hw.base.circuit import Circuit
from hw.float.multiplier import FloatMultiplier
from hw.formats.quantizer import Quantizer
from hw.stochastic.crossbar import Crossbar
from sw.formats import BINARY16, binary32
from sw.formats.converter import ConverterParameters
from sw.stochastic import outer_product as model
from sw.stochastic.converter import magnitudes
from sw.stochastic.fast import outer_product
from sw.stochastic.gradient import Block
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.stages import banks
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings

from ..compare import assert_equal
from ..formats.elements import encode
from ..switching import Switching, measure

__all__ = ["Switched", "multiplier", "operands", "outer"]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

STEPS = 20
"""Steps of training after which operands are taken."""


@dataclasses.dataclass(frozen=True)
class Switched:
    """Toggles for a product, or for an update of an element, weighted by the cells' area.

    ``clocked`` are the flip-flops that are clocked for it, of which the former knows nothing.
    """

    weighted: float
    clocked: float


def operands(side: int) -> tuple[Floats, Floats]:
    """Return activations and gradients of a batch of LeNet on mnist, each (pairs, side).

    They are those of the first tile of a dense layer, in whose vectors each element is other than
    zero at times, after `STEPS` steps.
    """
    p = OuterProductParameters(rows=side, columns=side, lanes=1, batch=1024)
    block = Block(p, outer_product)
    found: list[tuple[Floats, Floats]] = []

    def engine(x: Floats, d: Floats, last: npt.NDArray[np.bool_]) -> Floats:
        ends = np.flatnonzero(last)
        for begin, end in zip((0, *ends + 1), ends, strict=False):
            tile = x[begin : end + 1], d[begin : end + 1]
            if len(tile[0]) == Settings.batch and all(part.any(0).all() for part in tile):
                found.append(tile)
        return block(x, d, last)

    settings = Settings(model="lenet", update=f"essop:rows={side},columns={side}")
    train(load("mnist"), settings, update_engine=engine, steps=STEPS)
    return found[-1]


def multiplier(x: Floats, d: Floats) -> Switched:
    """Return what a pipelined binary16 multiplier switches for a product, one a cycle.

    It has the products of an element, pair by pair, then those of the next; gradients are scaled
    by a power of two, as training in binary16 does, so that the largest is about 1.
    """
    scaled = d * np.float32(2.0 ** -np.floor(np.log2(np.abs(d).max())))
    a = np.tile(x.T.ravel(), 4)
    b = np.concatenate([np.tile(scaled[:, row], x.shape[1]) for row in range(4)])
    a, b = (binary32.rounded(values, BINARY16) for values in (a, b))
    circuit = FloatMultiplier(format=BINARY16, target="generic")
    bits = (binary32.to_bits(values, BINARY16) for values in (a, b))
    found = measure(circuit, {"en": 1, **dict(zip("ab", bits, strict=True))})
    late = np.asarray(found.outputs["o"][circuit.latency :], np.uint32)
    products = binary32.to_bits(binary32.multiply(a, b, BINARY16), BINARY16)
    assert_equal(late, products[: len(late)], context={"inputs": {"a": a, "b": b}})
    return Switched(found.weighted, found.registers.cells)


def outer(p: OuterProductParameters, x: Floats, d: Floats) -> Switched:
    """Return what converters and crossbar switch for an update of an element, at full rate.

    A pair of vectors starts every `OuterProductParameters.period` cycles.
    """
    found = [_convert(p, c, v) for c, v in ((p.x_converter, x), (p.d_converter, d))]
    found.append(_count(p, x, d))
    share = p.period / (p.rows * p.columns)
    return Switched(
        share * sum(each.weighted for each in found),
        share * sum(each.registers.cells for each in found),
    )


def _convert(p: OuterProductParameters, converter: ConverterParameters, x: Floats) -> Switching:
    """Return what a converter switches, its vectors a period from each other."""
    beats = x.shape[1] // p.lanes
    words = binary32.to_bits(x).reshape(len(x), beats, p.lanes).astype(object)
    shifts = np.array([32 * lane for lane in range(p.lanes)], object)
    data = np.zeros((len(x), p.period), object)
    data[:, :beats] = (words << shifts).sum(-1)
    valid = np.zeros((len(x), p.period), int)
    valid[:, :beats] = 1
    inputs = {"i__payload": data.ravel(), "i__valid": valid.ravel(), "o__ready": 1}
    return _measured(p, Quantizer(parameters=converter), inputs)


def _count(p: OuterProductParameters, x: Floats, d: Floats) -> Switching:
    """Return what the crossbar switches; its counts are compared with the model's."""
    circuit = Crossbar(parameters=p)
    inputs: dict[str, npt.ArrayLike] = {"o__allow": 1}
    size = p.bits + 1
    found = []
    for name, converter, vectors in (("x", p.x_converter, x), ("d", p.d_converter, d)):
        magnitude, negative, codes = magnitudes(converter, vectors)
        found.append(magnitude)
        elements = encode(np.where(negative, -magnitude, magnitude), converter.format)
        beats = vectors.shape[1] // p.lanes
        elements = elements.reshape(len(vectors), beats, p.lanes).astype(object)
        shifts = np.array([size * lane for lane in range(p.lanes)], object)
        words = (elements << shifts).sum(-1) | codes.astype(object)[:, None] << size * p.lanes
        data, valid = (np.zeros((len(vectors), p.period), object) for _ in range(2))
        data[:, :beats], valid[:, :beats] = words, 1
        inputs |= {f"i_{name}__payload": data.ravel(), f"i_{name}__valid": valid.ravel()}
    result = _measured(p, circuit, inputs)
    _check(p, result, model.counts(p, *found))
    return result


def _check(p: OuterProductParameters, result: Switching, wanted: Integers) -> None:
    """Compare those of the model's counts that the run lasted for."""
    parts = banks(p.columns)
    valid = np.flatnonzero(np.asarray(result.outputs["o__valid"], bool))
    valid = valid[valid + len(parts) <= len(result.outputs["o__count"])]
    mask = (1 << p.count_bits) - 1
    counts = []
    for late, columns in enumerate(parts):
        low = p.group_rows * columns.start
        words = [int(result.outputs["o__count"][cycle + late]) for cycle in valid]
        places = range(low, low + p.group_rows * len(columns))
        own = np.array([[word >> p.count_bits * i & mask for i in places] for word in words])
        counts.append(own.reshape(len(valid), p.group_rows, len(columns)))
    whole = len(valid) // p.groups
    counts = np.concatenate(counts, -1)[: whole * p.groups].reshape(whole, p.rows, p.columns)
    assert_equal(counts, wanted[:whole], context={})


def _measured(
    p: OuterProductParameters, circuit: Circuit, inputs: dict[str, npt.ArrayLike]
) -> Switching:
    """Return what a circuit that remembers all its past switches in whole periods, after four."""
    return measure(circuit, {"rst": 0, **inputs}, warmup=4 * p.period, streams=1)
