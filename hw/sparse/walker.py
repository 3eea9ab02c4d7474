"""The walker of masks: where the values of sparse blocks are, one a cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.sparse.csb_parameters import CsbDecoderParameters

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .block_memory import checked_block
from .first_one import first_one

__all__ = ["MaskWalker", "walked"]


def walked(parameters: CsbDecoderParameters) -> data.StructLayout:
    """Return the layout of a step through a block.

    ``address`` of a value and ``one``, its place in the part, if it is ``present``; ``mask`` of the
    block; ``part_end`` and ``block_end``: the step is the last of the part and of the block;
    ``corrupt`` and ``last``: those of the block.
    """
    p = parameters
    block = checked_block(p)
    return data.StructLayout(
        {
            "address": block["address"].width,
            "one": p.part,
            "present": 1,
            "mask": p.elements,
            "part_end": 1,
            "block_end": 1,
            "corrupt": 1,
            "last": 1,
        }
    )


class MaskWalker(Circuit):
    """Steps through masks: in each part of a block one for each value, or one if it has none.

    Latency is a cycle; throughput is a step a cycle, from block to block without a pause.
    ``o.valid`` comes from a register, ``o.payload`` depends on registers; ``i.ready`` depends on
    ``o.ready``.

    Parameters
    ----------
    parameters : CsbDecoderParameters
        Of the decoder.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        Blocks, see `block_memory.checked_block`.
    o : Out(stream.Signature(StructLayout))
        Steps, see `walked`.
    """

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "i": In(stream.Signature(checked_block(p))),
                "o": Out(stream.Signature(walked(p))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a block while its ones are taken away, the lowest first."""
        m = Module()
        p = self.parameters
        parts = p.elements // p.part
        left = Signal(p.elements, reset_less=True)
        address = Signal.like(self.i.payload.address, reset_less=True)
        part = Signal(range(parts))
        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        about = Cat(*(getattr(self.i.payload, name) for name in ("backward", "corrupt", "last")))
        backward, corrupt, last = register(m, take, "about", 3, about)
        one, rest = first_one(m, "one", left[: p.part])
        step = wire(m, "step", 1, self.o.valid & self.o.ready)
        part_end = wire(m, "part_end", 1, ~rest.any())
        block_end = wire(m, "block_end", 1, part_end & (part == parts - 1))
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(take):
            m.d.sync += [left.eq(self.i.payload.mask), address.eq(self.i.payload.address)]
        with m.Elif(step):
            m.d.sync += left.eq(Mux(part_end, left >> p.part, Cat(rest, left[p.part :])))
            with m.If(one.any()):
                m.d.sync += address.eq(Mux(backward, address - 1, address + 1))
        with m.If(step & part_end):
            m.d.sync += part.eq(Mux(block_end, 0, part + 1))
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready & block_end),
            self.o.payload.address.eq(address),
            self.o.payload.one.eq(one),
            self.o.payload.present.eq(one.any()),
            self.o.payload.mask.eq(register(m, take, "mask", p.elements, self.i.payload.mask)),
            self.o.payload.part_end.eq(part_end),
            self.o.payload.block_end.eq(block_end),
            self.o.payload.corrupt.eq(corrupt),
            self.o.payload.last.eq(last),
        ]
        return m
