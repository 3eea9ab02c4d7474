"""Integers held between 0 and a limit: parameters, model, circuit, and the record of all that."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
from amaranth.hdl import Module, Mux
from amaranth.lib import wiring

from hw.base.field import Field
from hw.base.pipeline import count_events, register
from hw.engine.core import Core
from hw.engine.registers import word
from hw.stream.packet import Packet
from hw.stream.pipeline import StreamPipeline
from hw.units import Unit
from sw.checks import array, whole
from sw.formats.coding import SignedCoding as Signed
from sw.parameters import Parameters
from sw.timing import Timing


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipParameters(Parameters):
    """``lanes`` integers of ``bits`` bits a beat."""

    timing: ClassVar = Timing(latency=2)
    lanes: int = 4
    bits: int = 8

    def __post_init__(self) -> None:
        whole("lanes", self.lanes, 1, 64)
        whole("bits", self.bits, 2, 16)


def clip(parameters: ClipParameters, x: np.ndarray, limit: int) -> np.ndarray:
    """Return integers (n,), those below 0 as 0 and those above ``limit`` as that: the model."""
    top = (1 << parameters.bits - 1) - 1
    whole("limit", limit, 0, top)
    return np.clip(array("x", x, "integer", shape=("values",), low=-top - 1, high=top), 0, limit)


class Clip(Core):
    """Integers held between 0 and ``limit``; latency two cycles, interval one cycle."""

    FLAGS = {"framing": "padding bits that were not zero"}

    def __init__(self, *, parameters: ClipParameters) -> None:
        self.parameters = p = parameters
        self.registers = (
            word("limit", "rw", p.bits - 1, "the largest result", reset=(1 << p.bits - 1) - 1),
            word("changed", "ro", 32, "values that were below 0 or above the limit"),
        )
        x = Field(name="x", bits=p.bits, count=p.lanes, description="values", coding=Signed(p.bits))
        y = Field(name="y", bits=p.bits - 1, count=p.lanes, description="from 0 to limit")
        self.pipeline = StreamPipeline(packet=Packet(y), stages=p.timing.latency - 1)
        super().__init__(streams={"i": Packet(x), "o": Packet(y)})

    def elaborate(self, platform: Any) -> Module:
        """Build the lanes, a register behind each, in front of the pipeline's FIFO."""
        m = Module()
        m.submodules.pipeline = pipeline = self.pipeline
        changed = []
        for n in range(self.parameters.lanes):
            x = self.i.payload.data.x[n].as_signed()
            clipped = Mux(x < 0, 0, Mux(x > self.limit, self.limit, x))
            y = register(m, pipeline.en, f"y_{n}", self.parameters.bits - 1, clipped)
            m.d.comb += pipeline.result.y[n].eq(y)
            changed.append(clipped != x)
        m.d.comb += [self.i.ready.eq(pipeline.en), pipeline.accept.eq(self.i.valid)]
        m.d.comb += pipeline.last.eq(self.i.payload.last)
        fire = self.i.valid & self.i.ready
        count_events(m, self.clear, [(self.changed, Mux(fire, sum(changed), 0))])
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        return m


UNIT = Unit(
    name="clip",
    summary="integers held between 0 and a limit",
    core=Clip,
    small=ClipParameters(lanes=1, bits=5),
    second=ClipParameters(lanes=2),
    bench="examples.own_unit.bench",
)
