"""Writer to a window: results, one after the other, to its positions."""

from typing import Any

from amaranth.hdl import Const, Module, Mux
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire
from .ports import write_signature
from .reader import locate
from .walker import SETS, Walker, pass_set

__all__ = ["Writer"]


class Writer(Circuit):
    """Words to a window's positions of the scratchpad, one a cycle.

    What is outside is not written; of a window of single elements lane 0 goes to the element.
    Latency and interval are one cycle; ``port`` comes from registers.

    Members
    -------
    set : In(1), slot : In(4), payload : In(SLOT_BITS), restart : In(1), ready : Out(1)
        As of `Walker`.
    valid : In(1), word : In(word_bits)
        A word; only with ``ready``.
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
                **dict.fromkeys(("restart", "valid", "stop"), In(1)),
                **dict.fromkeys(("ready", "bad"), Out(1)),
                "word": In(parameters.word_bits),
                "port": Out(write_signature(parameters)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Step with each word."""
        m = Module()
        m.submodules.walker = walker = Walker(parameters=self.parameters)
        lane, word, missing = locate(self.parameters, walker, walker.single)
        values = self.parameters.values
        wrong = wire(m, "wrong", 1, missing)
        value = self.word[:VALUE_BITS]
        pass_set(m, self, walker)
        m.d.comb += [
            walker.restart.eq(self.restart),
            walker.step.eq(self.valid),
            self.ready.eq(walker.ready),
        ]
        with m.If(self.valid & wrong):
            m.d.sync += self.bad.eq(1)
        m.d.sync += [
            self.port.en.eq(self.valid & walker.inside & ~wrong & ~self.bad & ~self.stop),
            self.port.bank.eq(walker.bank),
            self.port.address.eq(word),
            self.port.data.eq(Mux(walker.single, value.replicate(values), self.word)),
            self.port.lanes.eq(Mux(walker.single, Const(1) << lane, (1 << values) - 1)),
        ]
        return m
