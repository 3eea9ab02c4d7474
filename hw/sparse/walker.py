"""Mask walker of the decoder: where the values of sparse blocks are, one a cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.sparse.csb_parameters import CsbDecoderParameters

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .block_memory import checked_block
from .first_one import FirstOne

__all__ = ["MaskWalker", "walk_step"]


def walk_step(p: CsbDecoderParameters) -> data.StructLayout:
    """Return the layout of a step through a block.

    ``address`` of a value and ``one``, its place in the part, if it is ``present``; ``mask`` of the
    block; ``part_end`` and ``block_end``: the step is the last of the part and of the block;
    ``corrupt`` and ``last``: those of the block.
    """
    return data.StructLayout(
        {
            "address": checked_block(p)["address"].width,
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
    """Mask walker: in each part of a block a step for each value, or one if it has none.

    Latency is one cycle; interval one cycle per step, from block to block without a pause.
    ``o.valid`` comes from a register, ``o.payload`` depends on registers; ``i.ready`` depends on
    ``o.ready``.

    Parameters
    ----------
    parameters : CsbDecoderParameters
        Of the decoder, which say how long a part is.

    Members
    -------
    i : In(stream.Signature(checked_block(parameters)))
        Blocks.
    o : Out(stream.Signature(walk_step(parameters)))
        Steps.
    """

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {"i": In(stream.Signature(checked_block(p))), "o": Out(stream.Signature(walk_step(p)))}
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a block while its ones are removed, the lowest first."""
        m = Module()
        p = self.parameters
        parts = p.elements // p.part
        block, given = self.i.payload, self.o.payload
        left = Signal(p.elements, reset_less=True)
        address = Signal.like(block.address, reset_less=True)
        part = Signal(range(parts))
        m.submodules.first = first = FirstOne(width=p.part)
        accept = wire(m, "accept", 1, self.i.valid & self.i.ready)
        backward = register(m, accept, "backward", 1, block.backward)
        step = wire(m, "step", 1, self.o.valid & self.o.ready)
        part_end = wire(m, "part_end", 1, ~first.rest.any())
        block_end = wire(m, "block_end", 1, part_end & (part == parts - 1))
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        with m.If(accept):
            m.d.sync += [left.eq(block.mask), address.eq(block.address)]
        with m.Elif(step):
            m.d.sync += left.eq(Mux(part_end, left >> p.part, Cat(first.rest, left[p.part :])))
            with m.If(first.one.any()):
                m.d.sync += address.eq(Mux(backward, address - 1, address + 1))
        with m.If(step & part_end):
            m.d.sync += part.eq(Mux(block_end, 0, part + 1))
        m.d.comb += [
            first.i.eq(left[: p.part]),
            self.i.ready.eq(~self.o.valid | self.o.ready & block_end),
            given.address.eq(address),
            given.one.eq(first.one),
            given.present.eq(first.one.any()),
            given.mask.eq(register(m, accept, "mask", p.elements, block.mask)),
            given.part_end.eq(part_end),
            given.block_end.eq(block_end),
            given.corrupt.eq(register(m, accept, "corrupt", 1, block.corrupt)),
            given.last.eq(register(m, accept, "last", 1, block.last)),
        ]
        return m
