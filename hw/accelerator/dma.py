"""The engine that moves words between external memory and the scratchpad."""

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import ADDRESS_BITS, BITS
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..bus.axi_master import AxiReader, AxiWriter, axi_read_members, axi_write_members
from .dma_control import DmaControl, beats_bits, fetch_signature
from .dma_paths import DmaFetch, DmaLoad, DmaStore
from .ports import engine_members, read_signature, write_signature

__all__ = ["DmaEngine"]


class DmaEngine(Circuit):
    """Engine that loads and stores rows of words, and fetches instructions, by an AXI4 master.

    Row ``i`` is outside at the external address plus ``i`` times the distance; in the scratchpad
    row lies behind row. Each row is asked for as soon as the port takes it, whatever data are still
    to come. Interval is one beat a cycle, where enough bursts may be under way. Latency is three
    cycles from ``granted`` to the first burst's address, one from a beat of a load to ``write``,
    and two from the last beat, or answer, to ``signal``. ``write``, ``wait``, ``signal`` and
    ``error`` come from registers; for the AXI4 channels see `AxiReader` and `AxiWriter`.

    Commands are legal. A row that is not in the bank, or does not begin with a whole word outside,
    is an error when it is its turn. After an error no burst begins, and those under way are brought
    to their end: what they read is dropped, and what they still write has no strobe.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    command, wait, waiting, granted, signal, busy, error, error_pc :
        As of all engines, see `engine_members`.
    read : Out(read_signature), write : Out(write_signature)
        Ports of the scratchpad.
    fetch : In(stream)
        ``count`` instructions, at least one, at an ``address`` that is a multiple of the larger of
        16 bytes and a beat; taken before a command, between two.
    fetched : Out(stream.Signature(128))
        The instructions.
    stop : In(1)
        Stays until reset: all stops as after an error.
    idle : Out(1)
        No burst is under way: the engine may be reset.
    ar*, r*, aw*, w*, b* : Out or In
        AXI4 channels, flat, see `hw.bus.axi_master`.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        port: dict[str, Any] = {
            "data_bits": p.port_bits,
            "address_bits": ADDRESS_BITS,
            "beats_bits": beats_bits(p),
            "burst": p.burst,
            "outstanding": p.outstanding,
        }
        self.reader = AxiReader(**port)
        self.writer = AxiWriter(**port)
        self.write_port = axi_write_members(p.port_bits, ADDRESS_BITS)
        self.read_port = axi_read_members(p.port_bits, ADDRESS_BITS)
        super().__init__(
            {
                **engine_members(),
                "read": Out(read_signature(p)),
                "write": Out(write_signature(p)),
                "fetch": In(fetch_signature()),
                "fetched": Out(stream.Signature(BITS)),
                "stop": In(1),
                "idle": Out(1),
                **self.write_port,
                **self.read_port,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect the master to the scratchpad and to the port of instructions."""
        m = Module()
        m.submodules.control = control = DmaControl(parameters=self.parameters)
        m.submodules.reader = reader = self.reader
        m.submodules.writer = writer = self.writer
        m.submodules.load = load = DmaLoad(parameters=self.parameters)
        m.submodules.store = store = DmaStore(parameters=self.parameters)
        m.submodules.fetcher = fetcher = DmaFetch(parameters=self.parameters)
        _pass(m, self, control, (*engine_members(), "fetch", "stop"))
        _pass(m, self, reader, self.read_port)
        _pass(m, self, writer, self.write_port)
        wiring.connect(m, load.write, wiring.flipped(self.write))
        wiring.connect(m, store.read, wiring.flipped(self.read))
        wiring.connect(m, fetcher.o, wiring.flipped(self.fetched))
        wiring.connect(m, control.reads, reader.request)
        wiring.connect(m, control.writes, writer.request)
        wiring.connect(m, store.o, writer.i)

        good = Signal()
        failed = Signal()
        m.d.comb += [
            self.idle.eq(reader.idle & writer.idle),
            reader.stop.eq(control.halted),
            writer.stop.eq(control.halted),
            failed.eq(reader.o.valid & reader.o.payload.error | writer.error),
            good.eq(reader.o.valid & ~reader.o.payload.error & ~control.halted),
            reader.o.ready.eq(fetcher.i.ready | ~control.fetches | control.halted),
            fetcher.i.payload.eq(reader.o.payload.data),
            fetcher.i.valid.eq(good & control.fetches),
            fetcher.count.eq(self.fetch.payload.count),
            fetcher.start.eq(self.fetch.valid & self.fetch.ready),
            load.beat.eq(reader.o.payload.data),
            load.en.eq(good & control.loads),
            store.en.eq(control.stores & ~control.halted),
            store.end.eq(control.end),
            control.reading.eq(~reader.idle),
            control.writing.eq(~writer.idle),
            control.fetching.eq(fetcher.busy),
            control.failed.eq(failed),
        ]
        for path in (load, store):
            m.d.comb += [
                path.start.eq(control.start),
                path.first.eq(control.first),
                path.bank.eq(control.bank),
            ]
        return m


def _pass(m: Module, outer: Circuit, inner: Circuit, names: Iterable[str]) -> None:
    """Connect members of a circuit to those of the same names inside it."""
    for name in names:
        mine, its = getattr(outer, name), getattr(inner, name)
        member = outer.signature.members[name]
        if member.is_signature:
            wiring.connect(m, wiring.flipped(mine), its)
        else:
            m.d.comb += mine.eq(its) if member.flow is Out else its.eq(mine)
