"""Many multipliers side by side on the same operands, in one design."""

import dataclasses

import numpy as np
from amaranth.hdl import Cat, Module

from hw.approx.product import ApproxMultiplier
from hw.base.field import Field
from hw.base.pipeline import delay
from hw.bus.top import AxiTop
from hw.engine.core import Core
from hw.flow.emit import Design, emit
from hw.stream.fifo import OutputFifo
from sim.bench import Stalls, run
from sim.compare import assert_equal
from sim.streams import pack, unpack
from sw.approx.product import Datapath, multiply_bits
from sw.formats import FloatFormat
from sw.parameters import Parameters

WORD = 32
STALLS = Stalls(idle=0.3, back_pressure=0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideParameters(Parameters):
    """``cases`` are multipliers, their bits and their formats."""

    cases: tuple[tuple[str, int, FloatFormat], ...]
    target: str = "generic"


class SideBySide(Core):
    """Multipliers of the low bits of two words."""

    FLAGS = {"framing": "padding bits that were not zero"}
    registers = ()

    def __init__(self, *, parameters: SideParameters) -> None:
        self.parameters = parameters
        self.multipliers = [
            ApproxMultiplier(multiplier=name, bits=bits, format=form, target=parameters.target)
            for name, bits, form in parameters.cases
        ]
        taken = (Field(name=name, bits=WORD, description=name) for name in "ab")
        given = Field(name="o", bits=WORD, count=len(self.multipliers), description="products")
        super().__init__(streams={"i": tuple(taken), "o": (given,)})

    @property
    def latency(self) -> int:
        return max(unit.latency for unit in self.multipliers) + 1

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.queue = queue = OutputFifo(shape=self.o.payload.shape().size)
        a, b = (self.i.payload.data.word_select(i, WORD) for i in range(2))
        latency = self.latency - 1
        for i, unit in enumerate(self.multipliers):
            m.submodules[f"unit_{i}"] = unit
            width = unit.format.width
            m.d.comb += [
                unit.en.eq(queue.credit),
                unit.a.eq(a[:width]),
                unit.b.eq(b[:width]),
            ]
            wait = latency - unit.latency
            product = delay(m, queue.credit, unit.o, wait, name=f"product_{i}")
            m.d.comb += queue.word[i * WORD : (i + 1) * WORD].eq(product)
        tags = Cat(self.i.valid, self.i.payload.last)
        done, last = delay(m, queue.credit, tags, latency, name="tags", reset=True)
        m.d.comb += [
            self.i.ready.eq(queue.credit),
            queue.push.eq(queue.credit & done),
            queue.word[-1].eq(last),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m


def design(cases, target: str = "generic") -> Design:
    p = SideParameters(cases=tuple(cases), target=target)
    return emit(AxiTop(unit="side_by_side", core=SideBySide, parameters=p), "side", parameters=p)


def check(cases, pairs, target: str = "generic") -> None:
    """Compare every multiplier with its model, and again with stalls on some of the pairs."""
    circuit = design(cases, target)
    _compare(circuit, cases, *pairs)
    some = np.random.default_rng(1).choice(len(pairs[0]), 3000)
    _compare(circuit, cases, *(x[some] for x in pairs), stalls=STALLS)


def _compare(circuit: Design, cases, a: np.ndarray, b: np.ndarray, **options) -> None:
    streams = circuit.manifest["streams"]
    beats = pack(streams["s_axis"], {"a": a.reshape(-1, 1), "b": b.reshape(-1, 1)})
    result = run(circuit, inputs={"s_axis": beats}, outputs={"m_axis": len(beats)}, **options)
    found = unpack(streams["m_axis"], result.outputs["m_axis"])["o"].astype(np.uint32)
    for i, (name, bits, form) in enumerate(cases):
        x, y = (v & np.uint32((1 << form.width) - 1) for v in (a, b))
        expected = multiply_bits(Datapath(name=name, bits=bits), x, y, form)
        context = {"multiplier": name, "bits": bits, "format": form, "inputs": {"x": x, "y": y}}
        assert_equal(found[:, i], expected, context=context)
