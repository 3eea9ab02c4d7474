"""What a data sheet is made from: a delivery's design, the circuit's description, its notes."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from hw.bus.top import AxiTop
from hw.engine.core import Core
from hw.stream.packet import Packet, Parts
from hw.units.notes.note import Notes, Port

from ..delivered import Delivered

__all__ = ["Facts"]


@dataclasses.dataclass(frozen=True)
class Facts:
    """A delivery, and what is read off it."""

    delivered: Delivered

    @property
    def name(self) -> str:
        """Of the top module."""
        return self.delivered.design.name

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Of the design."""
        return self.delivered.design.manifest

    @functools.cached_property
    def top(self) -> AxiTop:
        """The circuit, not elaborated."""
        return self.delivered.unit.top(self.delivered.parameters)

    @property
    def core(self) -> Core:
        """The unit without its AXI ports."""
        return self.top.core

    @functools.cached_property
    def notes(self) -> Notes:
        """Of the configuration."""
        return self.delivered.unit.describe(self.delivered.parameters)

    def streams(self) -> Iterator[tuple[str, Packet, Port]]:
        """Give the streams by their AXI names, with what the notes say of them."""
        for member, packet in self.core.streams.items():
            yield AxiTop.axis_name(member), packet, self.notes.ports[member]

    def packets(self) -> Iterator[tuple[str, Packet, int]]:
        """Give what is sent, with its bytes: beats of the streams, or what these carry in parts."""
        for name, packet, _ in self.streams():
            if not isinstance(packet, Parts):
                yield name, packet, packet.bytes
                continue
            for carried, whole in packet.carried.items():
                yield f"{carried} on {name}", whole, packet.beats(carried) * packet.bytes

    @property
    def inputs(self) -> list[str]:
        """AXI names of the streams in."""
        return [name for name, *_ in self.streams() if name.startswith("s")]

    @property
    def outputs(self) -> list[str]:
        """AXI names of the streams out."""
        return [name for name, *_ in self.streams() if name.startswith("m")]

    def register(self, name: str) -> Mapping[str, Any]:
        """Return the manifest's entry of a register."""
        [found] = [each for each in self.manifest["registers"] if each["name"] == name]
        return found

    def address(self, name: str) -> str:
        """Return a register with its address, for a text."""
        return f"`{name}` ({self.register(name)['offset']:#05x})"

    def mask(self, register: str, field: str) -> str:
        """Return the word that has the bits of a field set."""
        [found] = [f for f in self.register(register)["fields"] if f["name"] == field]
        return f"{((1 << found['bits']) - 1) << found['offset']:#x}"
