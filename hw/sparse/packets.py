"""Parts of the sparse array, and the packets and layouts that go between them."""

import abc
from typing import Any

from amaranth.lib import data
from amaranth.lib.wiring import In
from amaranth.utils import ceil_log2

from sw.formats import BINARY32
from sw.formats.coding import FloatCoding
from sw.sparse.array_parameters import SparseArrayParameters

from ..base.circuit import Circuit
from ..base.field import Field
from ..stream.packet import Packet

__all__ = [
    "JOB_MEMBERS",
    "ArrayPart",
    "job_members",
    "nonzero_layout",
    "step_layout",
    "streams",
    "table_layout",
]

JOB_MEMBERS = ("rows", "depth", "mode", "keep")
"""Members that tell the shape of the masks of a pass."""


class ArrayPart(Circuit, abc.ABC):
    """Part of the sparse array, with the members that ``_members`` returns.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = parameters
        super().__init__(self._members(parameters))

    @abc.abstractmethod
    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        """Return the members for a configuration."""


def streams(p: SparseArrayParameters) -> dict[str, Packet]:
    """Return the packets of the array's streams."""
    fields = {
        "i_pointer": ("pointer", p.pointer_bits, None, "where a sub-tile's values begin"),
        "i_mask": ("mask", p.mask_bits, None, "places of nonzeros, the lowest first"),
        "i_value": ("value", 32, p.issue_width, "binary32 nonzeros; a pass begins with a beat"),
        "i_x": ("x", 32, p.columns, "a row of an activation tile, binary32"),
        "o": ("sum", 32, p.columns, "binary32 sums"),
    }
    return {
        stream: Packet(
            Field(
                name=name,
                bits=bits,
                count=count,
                description=text,
                coding=FloatCoding(BINARY32) if "binary32" in text else None,
            )
        )
        for stream, (name, bits, count, text) in fields.items()
    }


def nonzero_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of what a PE row stores of a nonzero.

    ``value``; ``offset``: its row of an activation tile, from an output pixel's first; ``first`` of
    its row; ``is_null``: it stands for a row without nonzeros.
    """
    return data.StructLayout({"value": 32, "offset": ceil_log2(p.patch), "first": 1, "is_null": 1})


def step_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of a step of all PE rows: a nonzero at an output pixel.

    ``number`` of the nonzero; ``opening``: it is number 0; ``pixel``, ``begins``: that is 0;
    ``valid``; ``half``: ping-pong select of all memories.
    """
    return data.StructLayout(
        {
            "number": ceil_log2(p.nonzeros),
            "opening": 1,
            "pixel": ceil_log2(p.pixels),
            "begins": 1,
            "valid": 1,
            "half": 1,
        }
    )


def job_members(p: SparseArrayParameters) -> dict[str, Any]:
    """Return the members in `JOB_MEMBERS`."""
    bits = (1 + ceil_log2(p.sums), 1 + ceil_log2(p.depth), 2, 5)
    return {name: In(width) for name, width in zip(JOB_MEMBERS, bits, strict=True)}


def table_layout(depth: int, patch: int) -> data.StructLayout:
    """Return the layout of a write to a table of rows of an activation tile."""
    return data.StructLayout({"write": 1, "index": ceil_log2(depth), "rows": ceil_log2(patch)})
