"""A small unit with a memory: it copies bursts, one at a time, and breaks a rule where told to."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from hw.base.field import Field
from hw.bus.top import AxiTop
from hw.engine.core import Core
from hw.engine.registers import counter, word
from hw.flow.emit import Design, emit
from sw.parameters import Parameters
from sw.timing import Timing

BYTES, BEATS = 8, 2
TARGET = 0x12000
"""Reset value of the register."""

FAULTS = (
    "",
    "WITHDRAW",
    "CHANGE",
    "CHANGE_WORD",
    "NO_LAST",
    "EARLY",
    "WRAP",
    "NARROW",
    "EAGER",
    "DEAF",
    "HASTY",
)
"""What the register ``fault`` stands for."""

_REQUEST = {"id": 1, "addr": 40, "len": 8, "size": 3, "burst": 2}
_CHANNELS: dict[str, tuple[Any, dict[str, int]]] = {
    "aw": (Out, _REQUEST),
    "w": (Out, {"data": 8 * BYTES, "strb": BYTES, "last": 1}),
    "b": (In, {"id": 1, "resp": 2}),
    "ar": (Out, _REQUEST),
    "r": (In, {"id": 1, "data": 8 * BYTES, "resp": 2, "last": 1}),
}
MASTER = {
    f"{channel}{name}": flow(bits)
    for channel, (flow, parts) in _CHANNELS.items()
    for name, bits in {**parts, "valid": 1}.items()
}
MASTER |= {f"{c}ready": In(1) if flow is Out else Out(1) for c, (flow, _) in _CHANNELS.items()}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopierParameters(Parameters):
    """Parameters of the copier: none."""

    @property
    def timing(self) -> Timing:
        return Timing(latency=1)


class Copier(Core):
    """Copies a program, an instruction a burst of `BEATS` words, to ``target``, and runs nothing.

    Words may be offered before their address is taken. Where ``fault`` is ``EAGER`` it does not
    wait for answers, where it is ``DEAF`` it begins bursts while an abort waits, where it is
    ``HASTY`` it says that it is idle when it is not.
    """

    JOBS = True
    BUSY = "a job runs"
    FLAGS = {"bus": "the memory answered with an error", "refused": "a start while busy"}
    registers = (
        word("target", "rw", 32, "address of the copy", reset=TARGET),
        word("fault", "rw", 4, "what is broken"),
        counter("reads", "bursts read"),
    )

    def __init__(self, *, parameters: CopierParameters) -> None:
        self.parameters = parameters
        sizes = {"program_low": 32, "program_high": 8, "program_length": 16}
        job = tuple(Field(name=n, bits=bits, description=n) for n, bits in sizes.items())
        super().__init__(streams={}, job=job, masters={"m_axi": MASTER})

    def elaborate(self, platform: Any) -> Module:
        """Read a burst, write it, wait for the answer."""
        m = Module()
        m.submodules.words = words = memory.Memory(shape=64, depth=BEATS, init=[])
        write, read = words.write_port(), words.read_port(domain="comb")
        burst, sent, taken = Signal(16), Signal(range(BEATS + 1)), Signal(range(BEATS))
        odd, addressed = Signal(), Signal()
        fault = {name: self.fault == i for i, name in enumerate(FAULTS)}
        aw, w, b, ar, r = (self._channel(name) for name in ("aw", "w", "b", "ar", "r"))
        program = Cat(self.job.program_low, self.job.program_high)
        for channel, first in ((aw, self.target), (ar, program)):
            m.d.comb += [channel["addr"].eq(first + burst * BEATS * BYTES), channel["size"].eq(3)]
            m.d.comb += [channel["len"].eq(BEATS - 1), channel["burst"].eq(1)]
        with m.If(fault["NARROW"]):
            m.d.comb += ar["size"].eq(2)
        with m.If(fault["WRAP"]):
            m.d.comb += aw["burst"].eq(2)
        with m.If(fault["CHANGE"] & odd):
            m.d.comb += aw["addr"].eq(self.target ^ 8)
        m.d.sync += odd.eq(~odd)
        last = sent == BEATS - 1
        m.d.comb += [
            *(write.addr.eq(taken), write.data.eq(r["data"]), write.en.eq(r["valid"] & r["ready"])),
            *(read.addr.eq(sent), w["data"].eq(read.data)),
            w["strb"].eq(0xFF ^ (fault["CHANGE_WORD"] & odd)),
            w["last"].eq((last & ~fault["NO_LAST"]) | ((sent == 0) & fault["EARLY"])),
            b["ready"].eq(fault["EAGER"]),
            self.busy.eq(1),
            self.idle.eq(fault["HASTY"]),
            self.flags.refused.eq(self.start & self.busy),
            self.flags.bus.eq((r["valid"] & r["resp"][1]) | (b["valid"] & b["resp"][1])),
        ]
        with m.FSM():
            with m.State("REST"):
                m.d.comb += [self.busy.eq(0), self.idle.eq(1)]
                m.d.sync += burst.eq(0)
                with m.If(self.start):
                    m.next = "BEGIN"
            with m.State("BEGIN"):
                m.d.comb += self.idle.eq(1)
                with m.If(~self.aborting | fault["DEAF"]):
                    m.next = "ADDRESS"
            with m.State("ADDRESS"):
                m.d.comb += ar["valid"].eq(~fault["WITHDRAW"] | odd)
                with m.If(ar["valid"] & ar["ready"]):
                    m.d.sync += self.reads.eq(self.reads + 1)
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += r["ready"].eq(1)
                with m.If(r["valid"]):
                    m.d.sync += taken.eq(taken + 1)
                    with m.If(r["last"]):
                        m.d.sync += [taken.eq(0), sent.eq(0), addressed.eq(0)]
                        m.next = "WRITE"
            with m.State("WRITE"):
                m.d.comb += [aw["valid"].eq(~addressed), w["valid"].eq(sent != BEATS)]
                m.d.sync += addressed.eq(addressed | aw["ready"])
                m.d.sync += sent.eq(sent + (w["valid"] & w["ready"]))
                with m.If((addressed | aw["ready"]) & ((last & w["ready"]) | (sent == BEATS))):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += b["ready"].eq(1)
                with m.If(b["valid"] | fault["EAGER"]):
                    m.d.sync += burst.eq(burst + 1)
                    m.next = "BEGIN"
                    with m.If(burst + 1 == self.job.program_length):
                        m.d.comb += self.done.eq(1)
                        m.next = "REST"
        return m

    def _channel(self, name: str) -> dict[str, Any]:
        """Return the signals of a channel."""
        names = (*_CHANNELS[name][1], "valid", "ready")
        return {each: getattr(self, f"m_axi_{name}{each}") for each in names}


def design() -> Design:
    """Return the unit."""
    p = CopierParameters()
    return emit(AxiTop(unit="copier", core=Copier, parameters=p), "copier", parameters=p)
