"""The scratchpad: banks of words that all engines read and write."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire
from .ports import read_signature, write_signature

__all__ = ["Bank", "Scratchpad", "chosen"]


class Bank(Circuit):
    """Bank of the scratchpad: a memory for each lane and for each slice's exponent code.

    Latency is a cycle from ``en`` to ``data`` and ``side``, which are the memories' read registers;
    interval a word a cycle, read and written. A write is visible to a read of a later cycle; what
    is read of a word in the cycle in which it is written is unknown.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    read : In(read_signature(parameters)), write : In(write_signature(parameters))
        Ports of the scratchpad, of which ``bank`` is of no account.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {"read": In(read_signature(parameters)), "write": In(write_signature(parameters))}
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the memories."""
        m = Module()
        p = self.parameters
        parts = (
            ("lane", VALUE_BITS, self.write.lanes, self.write.data, self.read.data),
            ("slice", p.format.exponent_bits, self.write.slices, self.write.side, self.read.side),
        )
        for name, bits, enables, given, taken in parts:
            for n, enable in enumerate(enables):
                words = uninitialized_memory(shape=bits, depth=p.bank_words, no_collision=True)
                m.submodules[f"{name}_{n}"] = words
                write, read = words.write_port(), words.read_port()
                m.d.comb += [
                    write.en.eq(self.write.en & enable),
                    write.addr.eq(self.write.address),
                    write.data.eq(given.word_select(n, bits)),
                    read.en.eq(self.read.en),
                    read.addr.eq(self.read.address),
                    taken.word_select(n, bits).eq(read.data),
                ]
        return m


class Scratchpad(Circuit):
    """Banks, each of which one reader and one writer use in a cycle.

    Latency is `READ_LATENCY` cycles from a read's ``en`` to its word, which comes from a register
    and is unknown when nothing was read; interval a word a cycle at each port. A write is visible
    to a read whose ``en`` is in a later cycle; what is read of a word in the cycle in which it is
    written is unknown. Contents stay over a reset.

    Parameters
    ----------
    parameters : AcceleratorParameters
    readers, writers : tuple of str
        Names of the ports.

    Members
    -------
    read_<name> : In(read_signature(parameters))
    write_<name> : In(write_signature(parameters))
    conflict : Out(1)
        Two readers, or two writers, used one bank in the cycle before: what they read, or the
        words that they wrote, are unknown. From a register.
    """

    def __init__(
        self,
        *,
        parameters: AcceleratorParameters,
        readers: tuple[str, ...],
        writers: tuple[str, ...],
    ) -> None:
        self.parameters = parameters
        self.readers = readers
        self.writers = writers
        super().__init__(
            {
                **{f"read_{name}": In(read_signature(parameters)) for name in readers},
                **{f"write_{name}": In(write_signature(parameters)) for name in writers},
                "conflict": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Give each bank the ports of those that use it, and each reader its bank's word."""
        m = Module()
        p = self.parameters
        reads = {name: getattr(self, f"read_{name}") for name in self.readers}
        writes = {name: getattr(self, f"write_{name}") for name in self.writers}
        banks, conflicts = [], []
        for n in range(p.banks):
            m.submodules[f"bank_{n}"] = bank = Bank(parameters=p)
            banks.append(bank)
            for kind, ports, mine in (("read", reads, bank.read), ("write", writes, bank.write)):
                uses = Signal(len(ports), name=f"{kind}s_{n}")
                m.d.comb += uses.eq(Cat(port.en & (port.bank == n) for port in ports.values()))
                m.d.comb += mine.en.eq(uses.any())
                for member, way in mine.signature.members.items():
                    if way.flow == In and member not in ("en", "bank"):
                        given = (getattr(port, member) for port in ports.values())
                        m.d.comb += getattr(mine, member).eq(chosen(uses, given))
                conflicts += [use & uses[:k].any() for k, use in enumerate(uses)]
        m.d.sync += self.conflict.eq(Cat(conflicts).any())
        for name, port in reads.items():
            bank = register(m, 1, f"{name}_bank", len(port.bank), port.bank)
            used = wire(m, f"{name}_banks", p.banks, 1 << bank)
            for member in ("data", "side"):
                words = [getattr(each.read, member) for each in banks]
                word = Signal(len(words[0]), name=f"{name}_{member}", reset_less=True)
                m.d.sync += word.eq(chosen(used, words))
                m.d.comb += getattr(port, member).eq(word)
        return m


def chosen(which: Signal, values: Iterable[Value]) -> Value:
    """Return the value whose bit is set, of which there is at most one."""
    return reduce(or_, (Mux(bit, value, 0) for bit, value in zip(which, values, strict=True)))
