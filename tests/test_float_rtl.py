"""The binary32 adder and the rounding of integers in RTL, behind streams, on millions of values."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Module

from hw.axi import AxiTop
from hw.core import Core, StreamField
from hw.float.add import Adder
from hw.float.from_integer import FromInteger
from hw.flow.emit import Design, emit
from hw.flow.yosys import netlist
from hw.pipeline import delay
from hw.queue import ResultQueue
from sim.bench import Stalls, run
from sim.compare import MismatchError, assert_equal
from sim.streams import pack
from sw import binary32
from sw.parameters import Parameters
from tests.stimuli import pairs

EXPONENT_BITS = 11


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatParameters(Parameters):
    """``width`` bits of integer to round; 0 for the adder."""

    width: int = 0


class FloatUnit(Core):
    """A pipeline of `hw.float` between streams."""

    FLAGS = {"framing": "padding bits that were not zero"}
    registers = ()

    def __init__(self, *, parameters: FloatParameters) -> None:
        self.width = parameters.width
        fields = (
            {"mantissa": self.width, "exponent": EXPONENT_BITS, "nan": 1}
            if self.width
            else {"a": 32, "b": 32}
        )
        taken = tuple(
            StreamField(name=name, bits=bits, count=1, description=name)
            for name, bits in fields.items()
        )
        given = (StreamField(name="o", bits=32, count=1, description="result"),)
        super().__init__(streams={"i": taken, "o": given})

    @property
    def latency(self) -> int:
        return self._pipeline().latency + 1

    def _pipeline(self) -> Any:
        if self.width:
            return FromInteger(width=self.width, exponent_bits=EXPONENT_BITS)
        return Adder()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pipeline = pipeline = self._pipeline()
        m.submodules.queue = queue = ResultQueue(width=33)
        low = 0
        for field in self.streams["i"]:
            port = getattr(pipeline, field.name)
            m.d.comb += port.eq(self.i.payload.data[low : low + field.bits])
            low += field.bits
        tags = Cat(self.i.valid, self.i.payload.last)
        done, last = delay(m, queue.room, tags, pipeline.latency, name="tags", reset=True)
        m.d.comb += [
            pipeline.en.eq(queue.room),
            self.i.ready.eq(queue.room),
            queue.push.eq(queue.room & done),
            queue.word.eq(Cat(pipeline.o, last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m


def _design(width: int = 0) -> Design:
    p = FloatParameters(width=width)
    top = AxiTop(unit="float_unit", core=FloatUnit, parameters=p)
    return emit(top, "float_unit", parameters=p)


def _run(design: Design, fields: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    beats = pack(
        design.manifest["streams"]["s_axis"],
        {name: np.asarray(values).reshape(-1, 1) for name, values in fields.items()},
    )
    result = run(design, inputs={"s_axis": beats}, outputs={"m_axis": len(beats)}, **options)
    return result.outputs["m_axis"].view(np.float32).ravel()


def _add(x: np.ndarray, y: np.ndarray, **options: Any) -> np.ndarray:
    return _run(_design(), {"a": x.view(np.uint32), "b": y.view(np.uint32)}, **options)


def test_adder_on_five_million_pairs():
    # Every pair of special classes, random, near, halfway and cancelling pairs, and NumPy's float32
    # addition itself where nothing is flushed.
    x, y = pairs(5_000_000, seed=1)
    total = _add(x, y)
    assert_equal(total, binary32.add(x, y), context={"inputs": {"x": x, "y": y}})
    with np.errstate(all="ignore"):
        exact = binary32.flush(x) + binary32.flush(y)
    plain = np.isnan(exact) | (np.abs(exact) >= np.finfo(np.float32).tiny) | (exact == 0)
    assert_equal(np.isnan(total), np.isnan(exact))
    kept = plain & ~np.isnan(exact)
    assert kept.mean() > 0.7
    assert_equal(total[kept], exact[kept])


def test_adder_under_stalls():
    x, y = pairs(20_000, seed=2)
    for stalls in (Stalls(idle=0.3, back_pressure=0.5), Stalls(back_pressure=0.8)):
        assert_equal(_add(x, y, stalls=stalls), binary32.add(x, y))


def test_adder_netlist():
    x, y = pairs(50_000, seed=3)
    assert_equal(_add(x, y, netlist=netlist(_design(), "gates")), binary32.add(x, y))


def _integers(width: int, count: int, seed: int) -> dict[str, np.ndarray]:
    """Integers of every length, halfway cases among them, over all exponents."""
    rng = np.random.default_rng(seed)
    length = rng.integers(0, width, count)
    q = rng.integers(0, 1 << 62, count) & ((np.int64(1) << length) - 1)
    half = np.int64(1) << np.maximum(length - 25, 0)
    q = np.where(rng.random(count) < 0.3, q & ~(half - 1) | half, q)
    q = np.where(rng.random(count) < 0.5, -q, q)
    q = np.where(rng.random(count) < 0.01, -(np.int64(1) << (width - 1)), q)
    q = np.clip(q, -(1 << (width - 1)), (1 << (width - 1)) - 1)
    exponent = np.where(rng.random(count) < 0.5, rng.integers(-180, 140, count), 0)
    exponent = np.where(rng.random(count) < 0.1, rng.integers(-1024, 1024, count), exponent)
    return {"mantissa": q, "exponent": exponent, "nan": rng.random(count) < 0.01}


@pytest.mark.parametrize("width", [2, 13, 25, 39, 50])
def test_rounding_of_integers(width):
    fields = _integers(width, 300_000, seed=width)
    expected = binary32.from_integer(fields["mantissa"], fields["exponent"], fields["nan"])
    wire = {
        "mantissa": fields["mantissa"] & ((1 << width) - 1),
        "exponent": fields["exponent"] & ((1 << EXPONENT_BITS) - 1),
        "nan": fields["nan"].astype(np.int64),
    }
    assert_equal(_run(_design(width), wire), expected, context={"inputs": fields})


def test_a_planted_fault_is_caught():
    # Halfway cases away from even.
    x, y = pairs(20_000, seed=4)
    wrong = binary32.add(x, y)
    wrong.view(np.uint32)[1234] ^= 1
    with pytest.raises(MismatchError, match="1 of"):
        assert_equal(_add(x, y), wrong)
