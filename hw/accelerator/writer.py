"""Writer to a window: results, beat by beat, to its positions."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire
from .ports import write_signature
from .reader import locate
from .walker import SETS, Walker, pass_set

__all__ = ["Writer"]


class Writer(Circuit):
    """Words to a window's positions of the scratchpad, a beat a cycle.

    What is outside is not written; of a window of single elements lane 0 goes to the element.
    A word is written beat by beat, each to its lanes. Latency and interval are one cycle; ``port``
    comes from registers.

    Members
    -------
    set : In(1), slot : In(4), payload : In(SLOT_BITS), restart : In(1), ready : Out(1)
        As of `Walker`.
    valid : In(1), beat : In(32 x vector lanes)
        A beat; only with ``ready``.
    stop : In(1)
        Write nothing.
    port : Out(write_signature(parameters))
    bad : Out(1)
        An address had no word. Nothing has been written since, nor will be.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                **SETS,
                "restart": In(1),
                "ready": Out(1),
                "valid": In(1),
                "beat": In(parameters.vector_width * VALUE_BITS),
                "stop": In(1),
                "port": Out(write_signature(parameters)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Step with the last beat of each word."""
        m = Module()
        p = self.parameters
        m.submodules.walker = walker = Walker(parameters=p)
        lane, word, missing = locate(p, walker, walker.single)
        wrong = wire(m, "wrong", 1, missing)
        beats, value = p.vector_beats, self.beat[:VALUE_BITS]
        # Which beat of the word comes.
        which = Signal(beats, init=1)
        pass_set(m, self, walker)
        m.d.comb += [
            walker.restart.eq(self.restart),
            walker.step.eq(self.valid & which[-1]),
            self.ready.eq(walker.ready),
        ]
        with m.If(self.valid):
            m.d.sync += which.eq(which.rotate_left(1))
        with m.If(self.valid & wrong):
            m.d.sync += self.bad.eq(1)
        given = Mux(walker.single, value.replicate(p.vector_width), self.beat)
        alone = Mux(which[0], Const(1) << lane, 0)
        all_ = Cat(each.replicate(p.vector_width) for each in which)
        m.d.sync += [
            self.port.en.eq(self.valid & walker.inside & ~wrong & ~self.bad & ~self.stop),
            self.port.bank.eq(walker.bank),
            self.port.address.eq(word),
            self.port.data.eq(given.replicate(beats)),
            self.port.lanes.eq(Mux(walker.single, alone, all_)),
        ]
        return m
