"""Many multipliers side by side on the same operands, in one design."""

import dataclasses

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring

from hw.approx.product import ApproxMultiplier
from hw.base.field import Field
from hw.base.pipeline import delay
from hw.bus.top import AxiTop
from hw.engine.core import Core
from hw.flow.emit import Design, emit
from hw.stream.packet import Packet
from hw.stream.pipeline import StreamPipeline
from sim.bench import Stalls, run
from sim.compare import assert_equal
from sim.streams import pack, unpack
from sw.approx.product import Datapath, multiply_bits
from sw.formats import FloatFormat
from sw.parameters import Parameters
from sw.timing import Timing

WORD = 32
STALLS = Stalls(idle=0.3, back_pressure=0.5)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideParameters(Parameters):
    """``cases`` are multipliers, their bits and their formats."""

    cases: tuple[tuple[str, int, FloatFormat], ...]
    target: str = "generic"

    @property
    def multipliers(self) -> list[ApproxMultiplier]:
        return [
            ApproxMultiplier(multiplier=name, bits=bits, format=form, target=self.target)
            for name, bits, form in self.cases
        ]

    @property
    def timing(self) -> Timing:
        return Timing(latency=max(unit.latency for unit in self.multipliers) + 1)


class SideBySide(Core):
    """Multipliers of the low bits of two words."""

    FLAGS = {"framing": "padding bits that were not zero"}
    registers = ()

    def __init__(self, *, parameters: SideParameters) -> None:
        self.parameters = parameters
        self.multipliers = parameters.multipliers
        operands = (Field(name=name, bits=WORD, description=name) for name in "ab")
        products = Field(name="o", bits=WORD, count=len(self.multipliers), description="products")
        super().__init__(streams={"i": Packet(*operands), "o": Packet(products)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.pipeline = pipeline = StreamPipeline(
            packet=self.streams["o"], stages=self.timing.latency - 1
        )
        en, operands = pipeline.en, self.i.payload.data
        for i, unit in enumerate(self.multipliers):
            m.submodules[f"unit_{i}"] = unit
            width = unit.format.width
            m.d.comb += [
                unit.en.eq(en),
                unit.a.eq(operands.a[:width]),
                unit.b.eq(operands.b[:width]),
            ]
            wait = pipeline.stages - unit.latency
            product = delay(m, en, unit.o, wait, name=f"product_{i}")
            m.d.comb += pipeline.result.o[i].eq(product)
        m.d.comb += [
            self.i.ready.eq(en),
            pipeline.accept.eq(self.i.valid),
            pipeline.last.eq(self.i.payload.last),
        ]
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
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
