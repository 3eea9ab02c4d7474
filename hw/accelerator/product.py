"""The product engine: panels in, a matrix of binary32 out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import advance, delay
from ..bfp.array import MacArray
from ..stream.packet import Packet
from .front import EngineFront, fields_of, outside
from .panel_reader import LOOPS, PanelReader
from .ports import CAUSES, PLACE, engine_members, read_signature, write_signature
from .product_scale import ProductScale

__all__ = ["ProductEngine", "TileWriter"]


class TileWriter(Circuit):
    """Writes the rows of tiles, which come tile by tile, to their places in matrices.

    Latency is two cycles from a row to its write, interval one; ``port`` comes from registers.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    packet : Packet
        Of ``i``: a row of a tile.

    Members
    -------
    start : In(1)
        Starts with what the following six have, which stays while rows come.
    base, bank : In
        Address of the first matrix's first element.
    step : In(signed(32))
        Elements from there to that of the next matrix.
    stride : In(signed(32))
        Elements from a row of a matrix to the next.
    rows, tile_columns : In(16)
        Of a matrix; rows of tiles that it has not are dropped.
    halt : In(1)
        Nothing is written any more.
    i : In(packet.signature)
        Rows; one is taken in each cycle.
    port : Out(write_signature(...))
        Of the scratchpad.
    bad : Out(1)
        A row's address is not in its bank, or no multiple of a tile's columns; it is not written.
    """

    latency = 2

    def __init__(self, *, parameters: AcceleratorParameters, packet: Packet) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "start": In(1),
                **PLACE,
                **dict.fromkeys(("step", "stride"), In(signed(32))),
                **dict.fromkeys(("rows", "tile_columns"), In(16)),
                "halt": In(1),
                "i": In(packet.signature),
                "port": Out(write_signature(parameters)),
                "bad": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Find the address of a row, then the word and the lanes of it."""
        m = Module()
        p = self.parameters
        address = Signal(signed(32))
        keep = Signal()
        row = Signal(len(self.i.payload.data.as_value()))
        self._walk(m, address, keep)
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += row.eq(self.i.payload.data.as_value())

        across = (p.values - 1).bit_length()
        word, place = address[across:], address[:across]
        misaligned = (place & (p.columns - 1)) != 0
        parts = [place == n for n in range(0, p.values, p.columns)]
        m.d.comb += self.bad.eq(keep & (outside(p, self.bank, word) | misaligned))
        m.d.sync += [
            self.port.en.eq(keep & ~self.bad & ~self.halt),
            self.port.bank.eq(self.bank),
            self.port.address.eq(word),
            self.port.data.eq(row.replicate(len(parts))),
            self.port.lanes.eq(Cat(bit.replicate(p.columns) for bit in parts)),
        ]
        return m

    def _walk(self, m: Module, address: Signal, keep: Signal) -> None:
        """Give the address of each row that comes, and whether its matrix has it."""
        p = self.parameters
        # The matrix, the tile's row 0 in column 0, the present row there, and elements to the
        # tile's column.
        matrix = Signal(signed(32))
        first = Signal(signed(32))
        line = Signal(signed(32))
        offset = Signal(32)
        left = Signal(16)
        column = Signal(16, init=1)
        row = Signal(range(p.rows))
        accept = Signal()
        last_column = Signal()
        tile_end = accept & advance(m, accept, row, p.rows)
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            last_column.eq(column == self.tile_columns),
        ]
        m.d.sync += [address.eq(line + offset), keep.eq(accept & (row < left))]
        following, behind = line + self.stride, matrix + self.step

        def begin(at: Value) -> list[Any]:
            """Begin with the matrix of which the first element is there."""
            return [*(each.eq(at) for each in (matrix, first, line)), left.eq(self.rows)]

        with m.If(accept):
            m.d.sync += line.eq(following)
        with m.If(tile_end):
            m.d.sync += [
                column.eq(Mux(last_column, 1, column + 1)),
                offset.eq(Mux(last_column, 0, offset + p.columns)),
            ]
            with m.If(~last_column):
                m.d.sync += line.eq(first)
            with m.Elif(left > p.rows):
                m.d.sync += [first.eq(following), left.eq(left - p.rows)]
            with m.Else():
                m.d.sync += begin(behind)
        with m.If(self.start):
            m.d.sync += begin(self.base)


class ProductEngine(Circuit):
    """Products of two panels, as `sw.bfp.array.matmul`, to matrices in the scratchpad.

    A word of each panel a cycle, as fast as the array takes them; a row of a tile is a write. The
    tiles of all products of a RUN come one behind the other: they are a job of the array. Counter 3
    of a window has the distance of their panels or matrices, counter 4 that of a matrix's rows.
    Latency and interval: a RUN takes `overhead` cycles more than the array's cycles of the product
    (`Timing.job`), from the cycle in which its tokens are granted to that in which it gives
    tokens. Where tensors have a scale of their own, results are multiplied by the factor that
    `ProductScale` made last; a RUN of that takes its latency and a cycle.

    Members
    -------
    read_a, read_b : Out(read_signature(...))
        Of the panels of rows and of columns.
    write : Out(write_signature(...))
        Of matrices. Other members are those of `engine_members`.
    """

    overhead = PanelReader.latency + TileWriter.latency

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            engine_members()
            | {
                "read_a": Out(read_signature(p)),
                "read_b": Out(read_signature(p)),
                "write": Out(write_signature(p)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect readers, array and writer."""
        m = Module()
        p = self.parameters
        m.submodules.front = front = EngineFront()
        m.submodules.array = array = MacArray(parameters=p.array, products=True)
        m.submodules.reader_a = a = PanelReader(parameters=p, rows=True)
        m.submodules.reader_b = b = PanelReader(parameters=p, rows=False)
        m.submodules.writer = writer = TileWriter(parameters=p, packet=array.streams["o"])
        front.serve(m, self)
        for source, sink in ((a.o, array.i_a), (b.o, array.i_b), (array.o, writer.i)):
            wiring.connect(m, source, sink)
        wiring.connect(m, b.port, wiring.flipped(self.read_b))
        wiring.connect(m, writer.port, wiring.flipped(self.write))
        end = delay(m, 1, array.done, writer.latency, name="done", reset=True)
        bad = a.bad | b.bad | writer.bad
        if p.tensor_scale:
            scale = self._scale(m, front, a, b)
            m.d.comb += array.alpha.eq(scale.alpha)
            end, bad = end | scale.done, bad | scale.bad
        else:
            wiring.connect(m, a.port, wiring.flipped(self.read_a))

        given = fields_of("prod.multiply", front.job)
        start = Signal()
        ragged = Signal()
        m.d.comb += [
            ragged.eq((given["n"] & (p.columns - 1)) != 0),
            start.eq(front.start & ~ragged & front.does("prod.multiply")),
            array.start.eq(start),
            writer.rows.eq(given["m"]),
            writer.tile_columns.eq(array.job.tile_columns),
            writer.halt.eq(front.error.any()),
            front.end.eq(end),
            front.cause.eq(
                Mux(front.start & ragged, CAUSES["size"], Mux(bad, CAUSES["address"], 0))
            ),
        ]
        # Tokens are granted a cycle after a RUN is there, or later.
        m.d.sync += [
            array.job.products.eq(given["more"] + 1),
            array.job.blocks.eq(given["blocks"]),
            array.job.tile_rows.eq((given["m"] + (p.rows - 1)) >> (p.rows - 1).bit_length()),
            array.job.tile_columns.eq(given["n"] >> (p.columns - 1).bit_length()),
        ]
        for reader in (a, b):
            m.d.comb += [getattr(reader, name).eq(array.job[name]) for name in LOOPS]
        for window, part in enumerate((writer, a, b)):
            self._window(m, front, window, part)
            m.d.comb += part.start.eq(start)
        return m

    def _scale(self, m: Module, front: EngineFront, a: PanelReader, b: PanelReader) -> ProductScale:
        """Give the port of rows to the factor's maker too, of which one at most is at work."""
        m.submodules.scale = scale = ProductScale(parameters=self.parameters)
        m.d.comb += scale.start.eq(front.start & front.does("prod.alpha"))
        for name, reader in (("a", a), ("b", b)):
            m.d.comb += [
                getattr(scale, f"base_{name}").eq(reader.base),
                getattr(scale, f"bank_{name}").eq(reader.bank),
            ]
        for name, member in read_signature(self.parameters).members.items():
            port = getattr(self.read_a, name)
            mine, others = getattr(scale.port, name), getattr(a.port, name)
            if member.flow == In:
                m.d.comb += [mine.eq(port), others.eq(port)]
            else:
                chosen = mine | others if name == "en" else Mux(scale.port.en, mine, others)
                m.d.comb += port.eq(chosen)
        return scale

    def _window(self, m: Module, front: EngineFront, number: int, part: Any) -> None:
        """Keep where a window begins, and distances of products and of the writer's rows."""
        bank = Signal(4, name=f"bank_{number}")
        base = Signal(signed(32), name=f"base_{number}")
        given = fields_of("prod.base", front.word)
        with m.If(front.sets("prod.base", number)):
            m.d.sync += [base.eq(given["address"]), bank.eq(given["bank"])]
        m.d.comb += [part.base.eq(base), part.bank.eq(bank)]
        for counter, name in {"prod.counter3": "step", "prod.counter4": "stride"}.items():
            if name in part.signature.members:
                kept = Signal(signed(32), name=f"{name}_{number}")
                with m.If(front.sets("prod.base", number)):
                    m.d.sync += kept.eq(0)
                with m.If(front.sets(counter, number)):
                    m.d.sync += kept.eq(fields_of(counter, front.word)["stride"])
                m.d.comb += getattr(part, name).eq(kept)
