"""Register slice of a stream's ready, with a place for the word that comes as the sink stops."""

from typing import Any

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["SkidBuffer"]


class SkidBuffer(Circuit):
    """A stream whose ready comes from a register.

    Latency is 0 and throughput a word a cycle. ``o`` depends on ``i`` and on registers.

    Parameters
    ----------
    shape : ShapeLike
        Of ``i`` and ``o``.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    """

    def __init__(self, *, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        kept = Signal(self.shape, reset_less=True)
        full = Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            self.o.valid.eq(self.i.valid | full),
            self.o.payload.eq(Mux(full, kept, self.i.payload)),
        ]
        m.d.sync += full.eq(self.o.valid & ~self.o.ready)
        with m.If(~full):
            m.d.sync += kept.eq(self.i.payload)
        return m
