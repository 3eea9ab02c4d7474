"""The accelerator with its external memory on the chip, which streams fill and read."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In

from sw.accelerator.chip import ChipParameters
from sw.accelerator.instructions import ADDRESS_BITS

from ..base.field import Field
from ..base.pipeline import register
from ..bus.axi_memory import AxiMemory
from ..engine.core import Core
from ..stream.packet import Packet
from .machine import PROGRAM, Accelerator

__all__ = ["AcceleratorChip"]


def _moved(name: str, beats_bits: int, what: str) -> tuple[Field, ...]:
    """Return the fields of a packet: where in memory, and how many beats."""
    return (
        Field(name=f"{name}_address", bits=32, description=f"address in memory {what}"),
        Field(name=f"{name}_beats", bits=beats_bits, description=f"beats {what}, or 0"),
    )


class AcceleratorChip(Core):
    """An `Accelerator` and the memory that its programs work on.

    A job takes a packet into memory, runs a program, and gives a packet of memory, in this order;
    each of the three may be left out. So a host writes programs, weights and data piece by piece,
    starts, and reads. Memory begins at address 0; bits of an address within a beat are of no
    account. It keeps its contents over jobs, aborts and resets.

    A packet in must end where the job says, else ``framing`` is set; its beats are counted all the
    same. Beats beyond the end of memory are dropped, or unknown, and set ``beyond``. A program that
    the machine refuses, or that ends in an error, is followed by the packet out as any other.

    Latency is the program's; interval is one beat a cycle for packets. The program starts in the
    cycle after the last beat in, and the first beat out is offered three cycles after its end.
    ``i.ready``, ``o`` and ``busy`` depend on registers only.

    Parameters
    ----------
    parameters : ChipParameters

    Members
    -------
    i, o : stream.Signature(...)
        Beats of memory.
    job, start, done, busy, clear, flags
        As in `Core`; a start is refused while a job runs, and if it says to do nothing.
    error, <counter>
        As of `Accelerator`, whose counters count while it runs.
    """

    JOBS = True
    BUSY = "a job runs"
    ABORT = "the program's progress"
    FLAGS = {
        **Accelerator.FLAGS,
        "refused": "a start while busy or aborting, or of a job that does "
        "nothing; or a program with a length that is more than is stored, or at an address that is "
        "no multiple of an instruction's bytes and a beat's",
        "beyond": "a packet went beyond the end of memory",
        "framing": "a packet did not end with its last beat",
    }

    def __init__(self, *, parameters: ChipParameters) -> None:
        self.parameters = p = parameters
        self.machine = Accelerator(parameters=p)
        self.registers = self.machine.registers[len(PROGRAM) :]
        packet = Packet(Field(name="beat", bits=p.port_bits, description="a beat of memory"))
        super().__init__(
            streams={"i": packet, "o": packet},
            job=(
                *_moved("write", p.beats_bits, "to take a packet to"),
                *PROGRAM,
                *_moved("read", p.beats_bits, "to give a packet from"),
            ),
        )

    def elaborate(self, platform: Any) -> Module:
        """Give the memory's port to the machine while that runs, else to packets."""
        m = Module()
        p = self.parameters
        m.submodules.machine = machine = self.machine
        m.submodules.memory = memory = AxiMemory(
            data_bits=p.port_bits,
            address_bits=ADDRESS_BITS,
            words=p.memory_words,
            length_bits=p.beats_bits,
        )
        members = machine.masters["m_axi"]
        port = {n: Signal.like(getattr(memory, n), name=f"own_{n}") for n in members}
        running = Signal()
        self._steps(m, port, running)
        for name, member in members.items():
            its, theirs = getattr(memory, name), getattr(machine, f"m_axi_{name}")
            if member.flow is not In:
                m.d.comb += its.eq(Mux(running, theirs, port[name]))
            elif name.endswith(("valid", "ready")):
                m.d.comb += [theirs.eq(its & running), port[name].eq(its & ~running)]
            else:
                m.d.comb += [theirs.eq(its), port[name].eq(its)]
        m.d.comb += [machine.job[field.name].eq(self.job[field.name]) for field in PROGRAM]
        answered = port["bvalid"] & port["bresp"].any()
        m.d.comb += [
            machine.clear.eq(self.clear),
            port["wdata"].eq(self.i.payload.data),
            port["wstrb"].eq(~0),
            # The answer to a packet comes as the program starts.
            port["bready"].eq(1),
            self.o.payload.data.eq(port["rdata"]),
            self.o.payload.last.eq(port["rlast"]),
            self.flags.beyond.eq(answered | (self.o.valid & self.o.ready & port["rresp"].any())),
        ]
        for flag in set(machine.FLAGS) - {"refused"}:
            m.d.comb += self.flags[flag].eq(machine.flags[flag])
        for each in machine.registers[len(PROGRAM) :]:
            m.d.comb += getattr(self, each.name).eq(getattr(machine, each.name))
        return m

    def _steps(self, m: Module, port: dict[str, Signal], running: Signal) -> None:
        """Carry out a job: its packet in, its program while it is ``running``, its packet out."""
        job, machine = self.job, self.machine
        left = Signal(self.parameters.beats_bits)
        gives = register(m, 1, "gives", 1, job.read_beats != 0)
        something = job.write_beats.any() | job.program_length.any() | job.read_beats.any()
        with m.FSM() as states:
            with m.State("idle"):
                m.d.sync += left.eq(job.write_beats)
                with m.If(self.start & something):
                    m.next = "start"
                    with m.If(job.write_beats != 0):
                        m.next = "address"
            with m.State("address"):
                m.d.comb += port["awvalid"].eq(1)
                with m.If(port["awready"]):
                    m.next = "take"
            with m.State("take"):
                self._take(m, port, left)
            with m.State("start"):
                m.d.comb += machine.start.eq(job.program_length != 0)
                m.d.sync += running.eq(1)
                m.next = "run"
            with m.State("run"), m.If(~machine.busy):
                m.d.sync += running.eq(0)
                m.next = "ask"
            with m.State("ask"):
                m.d.comb += port["arvalid"].eq(gives)
                with m.If(~gives):
                    m.d.comb += self.done.eq(1)
                    m.next = "idle"
                with m.Elif(port["arready"]):
                    m.next = "give"
            with m.State("give"):
                self._give(m, port)
            idle = states.ongoing("idle")
        refused = self.start & ~(idle & something)
        m.d.comb += [
            self.busy.eq(~idle),
            self.flags.refused.eq(refused | machine.flags.refused),
            port["awaddr"].eq(job.write_address),
            port["araddr"].eq(job.read_address),
            port["arlen"].eq(job.read_beats - 1),
        ]

    def _take(self, m: Module, port: dict[str, Signal], left: Signal) -> None:
        """Take the beats of a packet, and count them."""
        final = left == 1
        m.d.comb += [
            port["wvalid"].eq(self.i.valid),
            port["wlast"].eq(final),
            self.i.ready.eq(port["wready"]),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.comb += self.flags.framing.eq(final ^ self.i.payload.last)
            m.d.sync += left.eq(left - 1)
            with m.If(final):
                m.next = "start"

    def _give(self, m: Module, port: dict[str, Signal]) -> None:
        """Give the beats of a packet."""
        m.d.comb += [self.o.valid.eq(port["rvalid"]), port["rready"].eq(self.o.ready)]
        with m.If(port["rvalid"] & port["rready"] & port["rlast"]):
            m.d.comb += self.done.eq(1)
            m.next = "idle"
