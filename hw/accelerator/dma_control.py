"""What the engine that moves words does: its commands as requests of rows."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import ADDRESS_BITS, BITS, TABLE
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import count_ahead
from ..bus.bursts import request_signature
from .ports import CAUSES, PC_BITS, engine_members, field_of, write_signature

__all__ = ["DmaControl", "beats_bits", "fetch_signature", "position_bits"]

_NAMED = {each.name: each for each in TABLE}
BASE, LOAD, STORE = (_NAMED[f"dma.{name}"] for name in ("base", "load", "store"))
ELEMENT_BITS = 32
"""Of an address in a bank, signed; the rest of the field above it is lost."""

_OP = slice(4, 8)


def beats_bits(p: AcceleratorParameters) -> int:
    """Return the bits of the beats of a row, of which no program has more."""
    return LOAD.named["words"].bits + (p.word_bits // p.port_bits).bit_length() - 1


def position_bits(p: AcceleratorParameters) -> int:
    """Return the bits of a word's address in a bank, or of the one beyond the last."""
    return p.bank_words.bit_length()


def fetch_signature() -> stream.Signature:
    """Return the signature of what asks for instructions."""
    return stream.Signature(data.StructLayout({"address": ADDRESS_BITS, "count": PC_BITS}))


class DmaControl(Circuit):
    """Commands carried out one after the other: tokens, then requests of rows, then their end.

    Latency is one cycle from ``granted`` to the first request, interval one cycle a request. All
    that it gives depends on registers, ``command.ready`` and ``busy`` also on what is offered, and
    ``fetch.ready`` on ``reads.ready``.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    command, wait, waiting, granted, signal, busy, error, error_pc, fetch, stop :
        As of `DmaEngine`.
    reads, writes : Out(request_signature)
        Requests of beats.
    reading, writing, fetching : In(1)
        Some of the beats, or of the instructions, have not come to their end.
    failed : In(1)
        The bus answered with an error.
    halted : Out(1)
        Stopped, or after an error.
    start : Out(1), first, bank : Out
        A run begins with this word of the scratchpad.
    end : Out
        Address of the word behind those that were asked for.
    loads, stores, fetches : Out(1)
        What beats are for now.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        request = request_signature(ADDRESS_BITS, beats_bits(p))
        inputs = ("reading", "writing", "fetching", "failed", "stop")
        outputs = ("halted", "start", "loads", "stores", "fetches")
        super().__init__(
            {
                **engine_members(),
                "fetch": In(fetch_signature()),
                "reads": Out(request),
                "writes": Out(request),
                **dict.fromkeys(inputs, In(1)),
                **dict.fromkeys(outputs, Out(1)),
                "first": Out(position_bits(p)),
                "bank": Out(write_signature(p).members["bank"].shape),
                "end": Out(position_bits(p)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the states, and what each of them uses."""
        m = Module()
        run = Signal(BITS)
        is_store = Signal()
        free = Signal()
        asking = Signal()
        wrong = Signal(self.error.shape())
        erred = Signal()
        taken = self.command.valid & self.command.ready
        m.d.comb += [
            self.halted.eq(self.stop | erred),
            self.wait.eq(field_of(run, LOAD.named["wait"])),
            is_store.eq(run[_OP] == STORE.op),
            self.command.ready.eq(free & ~self.fetch.valid),
            self.busy.eq(~free | self.command.valid | self.signal.any()),
        ]
        self._fetch(m, free, wrong)
        last = self._rows(m, run, self._windows(m, taken), asking, wrong)
        m.d.sync += self.signal.eq(0)
        with m.FSM() as states:
            with m.State("COMMAND"):
                m.d.comb += free.eq(~self.halted)
                with m.If(taken & (self.command.payload.word[_OP] != BASE.op)):
                    m.d.sync += run.eq(self.command.payload.word)
                    m.next = "WAIT"
                with m.If(self.fetch.valid & self.fetch.ready):
                    m.next = "FETCH"
            with m.State("FETCH"), m.If(~self.reading & ~self.fetching):
                m.next = "COMMAND"
            with m.State("WAIT"):
                m.d.comb += self.waiting.eq(~self.halted)
                with m.If(self.start):
                    m.next = "ROWS"
            with m.State("ROWS"):
                m.d.comb += asking.eq(1)
                with m.If(last):
                    m.next = "END"
            with m.State("END"):
                with m.If(~self.halted & ~Mux(is_store, self.writing, self.reading)):
                    m.d.sync += self.signal.eq(field_of(run, LOAD.named["signal"]))
                    m.next = "COMMAND"
        moving = states.ongoing("ROWS") | states.ongoing("END")
        m.d.comb += [
            self.start.eq(self.waiting & self.granted),
            self.fetches.eq(states.ongoing("FETCH")),
            self.loads.eq(moving & ~is_store),
            self.stores.eq(moving & is_store),
        ]
        with m.If(taken):
            m.d.sync += self.error_pc.eq(self.command.payload.pc)
        with m.If(~self.halted):
            m.d.sync += [
                self.error.eq(Mux(self.failed, CAUSES["bus"], wrong)),
                erred.eq(self.failed | wrong.any()),
            ]
        return m

    def _windows(self, m: Module, taken: Value) -> tuple[Signal, Value]:
        """Keep the windows; return the external address, and whether the other one is no word's."""
        p = self.parameters
        word = self.command.payload.word
        address = field_of(word, BASE.named["address"])
        element = Signal(ELEMENT_BITS)
        bank = Signal(BASE.named["bank"].bits)
        external = Signal(ADDRESS_BITS)
        value, mask = BASE.fixed
        with m.If(taken & (word & mask == value)):
            with m.If(field_of(word, BASE.named["window"]) == 0):
                m.d.sync += [element.eq(address), bank.eq(field_of(word, BASE.named["bank"]))]
            with m.Else():
                m.d.sync += external.eq(address)
        low = (p.values - 1).bit_length()
        high = (p.bank_values - 1).bit_length()
        m.d.comb += [self.first.eq(element[low:high]), self.bank.eq(bank)]
        return external, element[:low].any() | element[high:].any() | (bank >= p.banks)

    def _fetch(self, m: Module, free: Value, wrong: Signal) -> None:
        """Ask for instructions."""
        bits = self.parameters.port_bits
        beats = (self.fetch.payload.count * BITS + bits - 1) >> (bits.bit_length() - 1)
        aligned = Signal()
        m.d.comb += [
            aligned.eq(~_part(self.fetch.payload.address, max(BITS, bits)).any()),
            self.reads.payload.address.eq(self.fetch.payload.address),
            self.reads.payload.beats.eq(beats),
            self.reads.valid.eq(free & self.fetch.valid & aligned),
            self.fetch.ready.eq(free & aligned & self.reads.ready),
        ]
        with m.If(free & self.fetch.valid & ~aligned):
            m.d.comb += wrong.eq(CAUSES["alignment"])

    def _rows(
        self, m: Module, run: Signal, window: tuple[Value, Value], asking: Value, wrong: Signal
    ) -> Signal:
        """Ask for row after row, as long as they are where they may be; return when for the last.

        While ``asking`` the requests are those of rows, whatever `_fetch` asks for; none is taken
        when the master is stopped.
        """
        p = self.parameters
        rows, words, distance = (
            field_of(run, LOAD.named[name]) for name in ("rows", "words", "distance")
        )
        external, misplaced = window
        is_store = run[_OP] == STORE.op
        address = Signal(ADDRESS_BITS)
        taken = Signal()
        last = Signal()
        # Where the row that is asked for ends, and the one behind it.
        end = Signal(range(p.bank_words + (1 << len(words))))
        following = Signal.like(end)
        outside = Signal()
        m.d.comb += [
            following.eq(Mux(asking, end, self.first) + words),
            last.eq(taken & count_ahead(m, taken, rows, name="row")),
            self.writes.payload.address.eq(address),
            self.writes.payload.beats.eq(words * (p.word_bits // p.port_bits)),
        ]
        with m.If(self.start | taken):
            m.d.sync += [end.eq(following), outside.eq(misplaced | (following > p.bank_words))]
        with m.If(asking):
            with m.If(outside):
                m.d.comb += wrong.eq(CAUSES["address"])
            with m.Elif(_part(address, p.word_bits).any()):
                m.d.comb += wrong.eq(CAUSES["alignment"])
            with m.Else():
                m.d.comb += [
                    self.reads.valid.eq(~is_store),
                    self.writes.valid.eq(is_store),
                    taken.eq(Mux(is_store, self.writes.ready, self.reads.ready)),
                ]
            m.d.comb += self.reads.payload.eq(self.writes.payload)
        with m.If(self.start):
            m.d.sync += [address.eq(external), self.end.eq(self.first)]
        with m.Elif(taken):
            m.d.sync += [address.eq(address + distance), self.end.eq(end)]
        return last


def _part(address: Value, bits: int) -> Value:
    """Return which byte of so many bits an address is."""
    return address[: (bits // 8).bit_length() - 1]
