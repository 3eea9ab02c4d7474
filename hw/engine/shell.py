"""Shell of an array: memories for the operands, ports of one width, a job as the array's."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring

from sw.core.shell import ShellParameters

from ..stream.downsizer import Downsizer
from ..stream.packet import Parts
from .core import RESULT_FLAGS, Core
from .operand_input import OperandInput
from .order import in_parts
from .tile_feed import TileFeed
from .tiles import TileArray

__all__ = ["Shell"]


class Shell(Core):
    """An array that is sent each operand of a job once, in beats of one width of all ports.

    A job is the array's. Operands come panel by panel, each panel as the array takes it for a tile,
    and each beat of the array in parts (`Parts`). Panels of ``b`` stay for the whole job, one of
    ``a`` until all of ``b`` have passed; so a job fits if a panel of ``a`` fits its memory and all
    of ``b`` theirs. The next panels of ``a`` come in while the array works. With streams of both,
    either may come first, as far as the memory of ``a`` holds what comes of it before ``b``. With a
    stream of both, ``b`` comes first.

    Results leave as the array gives them, in parts too. All bytes of all these beats count: there
    is no ``tkeep``. Further streams of the array are its own.

    Latency is two cycles more than the array's, interval a beat a cycle at every port. Ready of the
    streams in comes from registers.

    Parameters
    ----------
    parameters : ShellParameters
    array : TileArray
        The array, whose job is of rows and columns of tiles and their blocks.

    Members
    -------
    i_a, i_b : In(stream.Signature(...))
        Parts of the operands; or ``i`` with those of both. ``last`` must come with the last beat of
        an operand; on ``i`` with that of ``a``, and may with that of ``b``.
    o : Out(stream.Signature(...))
        Parts of rows of results; ``last`` is with the last beat of the job.
    job, start, done, busy, clear, flags, <counter>
        As of `TileArray`; the job is there two cycles before the start.
    """

    JOBS = True
    BUSY = TileArray.BUSY
    FLAGS = {
        **TileArray.FLAGS,
        "framing": "an operand's packet did not end with it, or padding bits were not zero",
        "refused": "a start while busy or aborting, with a size of 0 or of "
        "operands that are too large",
        "too_large": "a start of operands that are too large for the memories",
    }

    def __init__(self, *, parameters: ShellParameters, array: TileArray) -> None:
        self.parameters = p = parameters
        self.array = array
        self.registers = array.registers[len(array.job_fields) :]
        a, b, result = (array.streams[name] for name in ("i_a", "i_b", "o"))
        ports = {"i": {"b": b, "a": a}} if p.inputs == 1 else {"i_a": {"a": a}, "i_b": {"b": b}}
        ports |= {"o": {"result": result}}
        self._ports = {name: Parts(p.port_bits, carried) for name, carried in ports.items()}
        inside = {"a": "s_axis_a", "b": "s_axis_b", "result": "m_axis"}
        axis = {"i": "s_axis", "i_a": "s_axis_a", "i_b": "s_axis_b", "o": "m_axis"}
        carriers = {inside[each]: (axis[n], each) for n, parts in ports.items() for each in parts}
        self.facts = {"matrices": in_parts(array.facts["matrices"], carriers)}
        self._others = {n: s for n, s in array.streams.items() if n not in ("i_a", "i_b", "o")}
        super().__init__(streams={**self._ports, **self._others}, job=array.job_fields)

    def elaborate(self, platform: Any) -> Module:
        """Put inputs and memories before the array, and cut its results."""
        m = Module()
        m.submodules.array = array = self.array
        begins = Signal()
        framing = self._feed(m, begins)
        self._give(m)
        fits = self._fits(m)
        m.d.comb += [
            array.job.eq(self.job),
            array.start.eq(self.start & fits),
            array.clear.eq(self.clear),
            begins.eq(array.start & ~array.flags.refused),
            self.busy.eq(array.busy),
            self.done.eq(array.done),
            *(self.flags[name].eq(array.flags[name]) for name in RESULT_FLAGS),
            self.flags.framing.eq(framing | array.flags.framing),
            self.flags.too_large.eq(self.start & ~fits),
            self.flags.refused.eq(array.flags.refused | self.flags.too_large),
        ]
        for name in self._others:
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(array, name))
        for register in self.registers:
            mine, its = self.port(register), array.port(register)
            m.d.comb += mine.eq(its) if register.access == "ro" else its.eq(mine)
        return m

    def _fits(self, m: Module) -> Value:
        """Return whether the operands of the job fit the memories, as it was two cycles before."""
        p = self.parameters
        across = self.job.tile_columns
        depth = self.job[self.array.job_fields[-1].name]
        bits, bits_b = p.most_blocks.bit_length(), p.most_blocks_b.bit_length()
        # An abort does not change the job, which may start as it ends.
        fits = Signal(reset_less=True)
        needed = Signal(bits + bits_b, reset_less=True)
        m.d.sync += [
            needed.eq(depth[:bits] * across[:bits_b]),
            fits.eq(
                (depth <= p.most_blocks) & (across <= p.most_blocks_b) & (needed <= p.most_blocks_b)
            ),
        ]
        return fits

    def _feed(self, m: Module, begins: Value) -> Value:
        """Put the operands through their memories; return whether one is framed wrongly."""
        p, array = self.parameters, self.array
        operands = {"a": (array.i_a, self.job.tile_rows), "b": (array.i_b, self.job.tile_columns)}
        depth = self.job[array.job_fields[-1].name]
        m.submodules.feed = feed = TileFeed(
            widths=(array.streams["i_a"].bits, array.streams["i_b"].bits),
            words=(p.words_a, p.words_b),
            part_bits=p.port_bits,
            block_words=p.block_words,
        )
        m.d.comb += [
            feed.blocks.eq(depth),
            feed.tile_rows.eq(self.job.tile_rows),
            feed.tile_columns.eq(self.job.tile_columns),
            feed.ready.eq(array.i_a.ready),
        ]
        inputs = {}
        for (name, (operand, panels)), words in zip(operands.items(), p.block_words, strict=True):
            one = p.inputs == 1
            packet = self._ports["i" if one else f"i_{name}"]
            inputs[name] = each = OperandInput(
                packet=packet,
                block_beats=words * packet.beats(name),
                open_end=one and name == "b",
            )
            m.submodules[f"input_{name}"] = each
            wiring.connect(m, each.o, getattr(feed, f"i_{name}"))
            m.d.comb += [
                each.start.eq(begins),
                each.blocks.eq(depth),
                each.panels.eq(panels),
                operand.valid.eq(feed.valid),
                operand.payload.data.eq(getattr(feed, f"o_{name}")),
            ]
        self._take(m, inputs["a"], inputs["b"])
        return inputs["a"].framing | inputs["b"].framing | feed.padding

    def _take(self, m: Module, a: OperandInput, b: OperandInput) -> None:
        """Connect the ports to the inputs of the operands."""
        if self.parameters.inputs == 2:
            wiring.connect(m, wiring.flipped(self.i_a), a.i)
            wiring.connect(m, wiring.flipped(self.i_b), b.i)
            return
        m.d.comb += [
            a.i.payload.eq(self.i.payload),
            b.i.payload.eq(self.i.payload),
            a.i.valid.eq(self.i.valid & ~b.active),
            b.i.valid.eq(self.i.valid),
            self.i.ready.eq(b.i.ready | (a.i.ready & ~b.active)),
        ]

    def _give(self, m: Module) -> None:
        """Cut rows of results."""
        packet, row = self._ports["o"], self.array.o
        count = packet.beats("result")
        given = self.o
        if count > 1:
            m.submodules.cut = cut = Downsizer(packet=packet, count=count)
            wiring.connect(m, cut.o, wiring.flipped(self.o))
            given = cut.i
        m.d.comb += [
            given.valid.eq(row.valid),
            given.payload.data.as_value().eq(row.payload.data.as_value()),
            given.payload.last.eq(row.payload.last),
            row.ready.eq(given.ready),
        ]
