"""The pipelines of `hw.float` behind streams, run as RTL or netlist on patterns."""

import dataclasses
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module

from hw.base.field import Field
from hw.base.pipeline import delay
from hw.bus.top import AxiTop
from hw.engine.core import Core
from hw.float.add import Adder
from hw.float.from_integer import FromInteger
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import Design, emit
from hw.stream.fifo import OutputFifo
from sim.bench import run
from sim.streams import pack
from sw.formats import FLOAT_FORMATS
from sw.parameters import Parameters

EXPONENT_BITS = 11


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatParameters(Parameters):
    """``operation`` is ``add``, ``multiply`` or ``round``, of an integer of ``width`` bits."""

    operation: str
    format: str = "binary32"
    width: int = 0
    target: str = "generic"


class FloatUnit(Core):
    """A pipeline of `hw.float` between streams."""

    FLAGS = {"framing": "padding bits that were not zero"}
    registers = ()

    def __init__(self, *, parameters: FloatParameters) -> None:
        self.parameters = p = parameters
        self.word = FLOAT_FORMATS[p.format].width
        fields = {"a": self.word, "b": self.word}
        if p.operation == "round":
            fields = {"mantissa": p.width, "exponent": EXPONENT_BITS, "nan": 1}
        taken = tuple(
            Field(name=name, bits=bits, description=name) for name, bits in fields.items()
        )
        given = (Field(name="o", bits=self.word, description="result"),)
        super().__init__(streams={"i": taken, "o": given})

    @property
    def latency(self) -> int:
        return self._pipeline().latency + 1

    def _pipeline(self) -> Any:
        p = self.parameters
        if p.operation == "round":
            return FromInteger(width=p.width, exponent_bits=EXPONENT_BITS)
        if p.operation == "add":
            return Adder(format=FLOAT_FORMATS[p.format])
        return FloatMultiplier(format=FLOAT_FORMATS[p.format], target=p.target)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.pipeline = pipeline = self._pipeline()
        m.submodules.queue = queue = OutputFifo(shape=self.o.payload.shape().size)
        low = 0
        for field in self.streams["i"]:
            port = getattr(pipeline, field.name)
            m.d.comb += port.eq(self.i.payload.data[low : low + field.bits])
            low += field.bits
        tags = Cat(self.i.valid, self.i.payload.last)
        done, last = delay(m, queue.credit, tags, pipeline.latency, name="tags", reset=True)
        m.d.comb += [
            pipeline.en.eq(queue.credit),
            self.i.ready.eq(queue.credit),
            queue.push.eq(queue.credit & done),
            queue.word.eq(Cat(pipeline.o, last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m


def design(operation: str, **fields: Any) -> Design:
    p = FloatParameters(operation=operation, **fields)
    top = AxiTop(unit="float_unit", core=FloatUnit, parameters=p)
    return emit(top, "float_unit", parameters=p)


def run_patterns(design: Design, fields: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    """Return the pattern that comes out for each pattern of the fields."""
    beats = pack(
        design.manifest["streams"]["s_axis"],
        {name: np.asarray(values).reshape(-1, 1) for name, values in fields.items()},
    )
    result = run(design, inputs={"s_axis": beats}, outputs={"m_axis": len(beats)}, **options)
    found = result.outputs["m_axis"]
    return found.view(f"u{found.shape[1]}").ravel()
