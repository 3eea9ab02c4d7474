"""The core of a unit: streams, registers, jobs and flags, which the AXI top puts outside."""

from collections.abc import Mapping
from typing import Any, ClassVar

from amaranth.hdl import Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.timing import Timing

from ..base.circuit import Circuit
from ..base.field import Field, struct
from ..stream.packet import Packet
from .registers import Register, word
from .size import check_streams

__all__ = ["RESULT_FLAGS", "Core"]

RESULT_FLAGS = {"nan": "a result was NaN", "overflow": "a result was infinite"}
"""Events of fp32 results, the first of a unit's ``FLAGS``."""


class Core(Circuit):
    """A unit without its AXI ports.

    ``registers`` describes the registers that follow those common to all units, ``FLAGS`` the
    events that `AxiTop` keeps, both of the class or of the object. A unit with ``JOBS`` works when
    started, on the job that its descriptor gives; others whenever data come. `AxiTop` resets the
    core for ``control.abort``; ``ABORT`` says what is lost by it besides what is in flight.
    ``BUSY``, of the class or of the object, says when the core is busy, and is empty for one that
    never is. ``facts``, of the class or of the object, are further entries of the manifest. Latency
    and interval are `timing`, which the parameters own.

    Parameters
    ----------
    streams : mapping of str to Packet
        What each stream carries; ``i`` and ``i_<name>`` are inputs, ``o`` and ``o_<name>`` outputs.
    job : tuple of Field
        With ``JOBS`` only: the descriptor's fields, each of which is a register too.
    masters : mapping of str to members
        AXI4 masters, each the members of its channels by name: ``awaddr``, ``awvalid``, ...

    Members
    -------
    <stream> : In or Out(stream.Signature(...))
        Streams, as in ``streams``.
    <register> : In(shape) for ``rw`` and ``wo`` registers, Out(shape) for ``ro``.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    busy : Out(1)
        With ``BUSY`` only.
    job : In(struct)
        With ``JOBS`` only: the descriptor, unchanged while the job runs.
    start : In(1)
        With ``JOBS`` only: starts a job.
    done : Out(1)
        With ``JOBS`` only: its last result was accepted in this cycle.
    <master>_<name> : In or Out
        Channels, as in ``masters``.
    idle : Out(1)
        With masters only: none of them offers anything in this cycle, or waits for an answer.
    aborting : In(1)
        With masters only: an abort waits for ``idle``; bursts that are offered or under way go on
        to their end, no other is begun.
    """

    JOBS: ClassVar[bool] = False
    BUSY: str = ""
    ABORT: ClassVar[str] = ""
    FLAGS: Mapping[str, str]
    facts: Mapping[str, Any] = {}
    registers: tuple[Register, ...]
    parameters: Any

    def __init__(
        self,
        *,
        streams: Mapping[str, Packet],
        job: tuple[Field, ...] = (),
        masters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.streams = dict(streams)
        self.masters = {name: dict(channels) for name, channels in (masters or {}).items()}
        check_streams(self.streams)
        members: dict[str, Any] = {
            name: (Out if name.startswith("o") else In)(packet.signature)
            for name, packet in self.streams.items()
        }
        members |= {"clear": In(1)}
        members |= {"busy": Out(1)} if self.BUSY else {}
        if self.JOBS:
            members |= {"job": In(struct(job)), "start": In(1), "done": Out(1)}
        for master, channels in self.masters.items():
            members |= {f"{master}_{name}": member for name, member in channels.items()}
            members |= {"idle": Out(1), "aborting": In(1)}
        members["flags"] = Out(data.StructLayout(dict.fromkeys(self.FLAGS, 1)))
        for register in self.registers:
            members[register.name] = (Out if register.access == "ro" else In)(register.shape)
        super().__init__(members)
        if not isinstance(getattr(self.parameters, "timing", None), Timing):
            raise TypeError(f"{type(self.parameters).__name__} must have a timing")
        described = (word(f.name, "rw", f.bits, f.description, locked="busy") for f in job)
        self.registers = (*described, *self.registers)
        self._described = frozenset(field.name for field in job)

    @property
    def timing(self) -> Timing:
        """Cycles without stalls, which belong to the parameters."""
        return self.parameters.timing

    @property
    def latency(self) -> int | None:
        """Cycles from a beat to the first results that it completes, where that is fixed."""
        return self.timing.latency if self.timing.fixed else None

    def port(self, register: Register) -> Value:
        """Return what a register drives or reads: a member, or a field of the job."""
        if register.name in self._described:
            return self.job[register.name]
        return getattr(self, register.name)
