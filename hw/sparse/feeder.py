"""Feeder of the sparse array: compressed blocks, as the encoder gives them, become passes."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.errors import UserError
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.csb_parameters import CsbEncoderParameters

from ..base.circuit import Circuit
from ..base.field import Field
from ..stream.buffer import StreamBuffer
from ..stream.downsizer import Downsizer
from ..stream.join import Fork
from ..stream.packet import Packet
from .csb_encoder import VALUE, block_packet
from .packer import ValuePacker
from .packets import streams

__all__ = ["ArrayFeeder"]


class ArrayFeeder(Circuit):
    """Adapter from `CsbEncoder` to `SparseArray` in mode ``sparse``.

    A packet of as many blocks as a pass has sub-tiles becomes that pass, a block a sub-tile: its
    rows are the sub-tile's, its columns the places of a row, in mask words of their own. The array
    wants all pointers of a pass before its first mask, so masks and values of two passes are
    buffered.

    Latency is 0 from a block to its pointer, two cycles to its first mask and from a value to its
    beat. Interval is one cycle per pointer, mask word and value. ``o_pointer`` depends on
    ``i_block``; the others come from registers or a memory's read register.

    Parameters
    ----------
    encoder : CsbEncoderParameters
        Of the encoder; ``pointer_bits`` are the array's.
    array : SparseArrayParameters
        Of the array; its jobs have as many ``rows`` and ``depth`` as a block rows and columns.

    Members
    -------
    i_value : In(VALUE.signature), i_block : In(block_packet(encoder).signature)
        From the encoder.
    o_pointer, o_mask, o_value : Out(streams(array)[...].signature)
        To the array.
    """

    def __init__(self, *, encoder: CsbEncoderParameters, array: SparseArrayParameters) -> None:
        self.encoder = encoder
        self.array = array
        if encoder.pointer_bits != array.pointer_bits:
            raise UserError(
                f"pointer_bits of encoder and array must be the same, "
                f"not {encoder.pointer_bits} and {array.pointer_bits}"
            )
        if encoder.columns > array.depth:
            raise UserError(
                f"columns of a block must be no more than depth, {array.depth}, "
                f"not {encoder.columns}"
            )
        packets = streams(array)
        super().__init__(
            {
                "i_value": In(VALUE.signature),
                "i_block": In(block_packet(encoder).signature),
                "o_pointer": Out(packets["i_pointer"].signature),
                "o_mask": Out(packets["i_mask"].signature),
                "o_value": Out(packets["i_value"].signature),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Fork blocks to pointers and masks; pack values."""
        m = Module()
        m.submodules.fork = fork = Fork(shape=block_packet(self.encoder), count=2)
        wiring.connect(m, wiring.flipped(self.i_block), fork.i)
        self._point(m, fork.o_0)
        self._mask(m, fork.o_1)
        self._pack(m)
        return m

    def _point(self, m: Module, block: Any) -> None:
        """Give each block's pointer and, behind a packet's last, where its values end."""
        offered, given = block.payload, self.o_pointer.payload
        ending = Signal()
        end = offered.data.pointer + sum(offered.data.mask.as_value())
        m.d.comb += [
            self.o_pointer.valid.eq(block.valid),
            given.data.pointer.eq(Mux(ending, end, offered.data.pointer)),
            given.last.eq(ending),
            block.ready.eq(self.o_pointer.ready & (ending | ~offered.last)),
        ]
        with m.If(self.o_pointer.valid & self.o_pointer.ready):
            m.d.sync += ending.eq(offered.last & ~ending)

    def _mask(self, m: Module, block: Any) -> None:
        """Buffer masks, and give the words of each row."""
        e, p = self.encoder, self.array
        packet = Packet(Field(name="mask", bits=1, count=e.elements, description="mask"))
        m.submodules.masks = masks = StreamBuffer(shape=packet, depth=_two_passes(p.pass_subtiles))
        m.d.comb += [
            masks.i.valid.eq(block.valid),
            masks.i.payload.data.mask.eq(block.payload.data.mask),
            masks.i.payload.last.eq(block.payload.last),
            block.ready.eq(masks.i.ready),
        ]
        bits = masks.o.payload.data.mask.as_value()
        words = [
            bits[row * e.columns : (row + 1) * e.columns][start : start + p.mask_bits]
            for row in range(e.rows)
            for start in range(0, e.columns, p.mask_bits)
        ]
        if len(words) == 1:
            target = self.o_mask
            m.d.comb += target.payload.data.mask.eq(words[0])
        else:
            m.submodules.words = split = Downsizer(packet=streams(p)["i_mask"], count=len(words))
            wiring.connect(m, split.o, wiring.flipped(self.o_mask))
            target = split.i
            m.d.comb += [target.payload.data.mask[n].eq(word) for n, word in enumerate(words)]
        m.d.comb += [
            target.valid.eq(masks.o.valid),
            target.payload.last.eq(masks.o.payload.last),
            masks.o.ready.eq(target.ready),
        ]

    def _pack(self, m: Module) -> None:
        """Buffer values in the beats of the array."""
        p = self.array
        packet = streams(p)["i_value"]
        most = -(-p.pass_subtiles * self.encoder.elements // p.issue_width)
        m.submodules.packer = packer = ValuePacker(packet=packet)
        m.submodules.values = values = StreamBuffer(shape=packet, depth=_two_passes(most))
        wiring.connect(m, wiring.flipped(self.i_value), packer.i)
        wiring.connect(m, packer.o, values.i)
        wiring.connect(m, values.o, wiring.flipped(self.o_value))


def _two_passes(most: int) -> int:
    """Return a depth for two passes of ``most`` words, a power of two."""
    return 2 << ceil_log2(most)
