"""A bus master that runs a program of accesses, in place of a processor."""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false
# Migen makes attributes of records and modules as a program runs.

from litex.gen import LiteXModule
from litex.soc.interconnect import wishbone
from migen import FSM, If, Memory, NextState, NextValue, Signal

__all__ = ["COUNT", "END", "READ", "WAIT", "WRITE", "Master", "word"]

END, WRITE, READ, WAIT, COUNT = range(5)
"""What it does: ends; writes; reads; waits for the interrupt; counts cycles, until that."""


def word(kind: int, address: int = 0, data: int = 0) -> int:
    """Return a word of a program."""
    return kind << 64 | address << 32 | data


class Master(LiteXModule):
    """Does one word of its program after the other, on a bus of 32 bits.

    Parameters
    ----------
    words : int
        Of the program, which a simulation loads from the file of its name.

    Members
    -------
    irq
        The interrupt that it waits for.
    bus
        Wishbone.
    got, data
        A read has ended; what was read.
    taken, cycles
        An interrupt was taken; cycles since it was told to count.
    failed, ended
        An access was answered by an error; the program has ended.
    """

    autocsr_exclude = {"steps"}

    def __init__(self, words: int) -> None:
        self.irq = Signal()
        self.bus = bus = wishbone.Interface(data_width=32, address_width=32)
        self.got, self.taken, self.failed, self.ended = (Signal() for _ in range(4))
        self.data, self.cycles = Signal(32), Signal(32)
        self.specials.steps = steps = Memory(67, words, init=[0], name="steps")
        self.specials.port = port = steps.get_port()
        at, kind = Signal(max=max(words, 2)), port.dat_r[64:]
        self.sync += self.cycles.eq(self.cycles + 1)
        self.comb += [
            port.adr.eq(at),
            bus.adr.eq(port.dat_r[34:64]),
            bus.dat_w.eq(port.dat_r[:32]),
            bus.sel.eq(0xF),
            bus.we.eq(kind == WRITE),
            self.data.eq(bus.dat_r),
        ]
        self.fsm = fsm = FSM(reset_state="FETCH")
        fsm.act("FETCH", NextState("DO"))
        fsm.act(
            "DO",
            If(kind == END, self.ended.eq(1)),
            If(
                (kind == WRITE) | (kind == READ),
                bus.cyc.eq(1),
                bus.stb.eq(1),
                If(
                    bus.ack,
                    self.got.eq(kind == READ),
                    self.failed.eq(bus.err),
                    NextValue(at, at + 1),
                    NextState("FETCH"),
                ),
            ),
            If(
                (kind == WAIT) & self.irq,
                self.taken.eq(1),
                NextValue(at, at + 1),
                NextState("FETCH"),
            ),
            If(
                kind == COUNT,
                NextValue(self.cycles, 0),
                NextValue(at, at + 1),
                NextState("FETCH"),
            ),
        )
