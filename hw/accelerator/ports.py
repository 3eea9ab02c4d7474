"""Ports of the scratchpad, and what engines are sent."""

from amaranth.hdl import Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import BITS, TOKENS, Field
from sw.accelerator.parameters import AcceleratorParameters

__all__ = [
    "CAUSES",
    "COMMAND",
    "PC_BITS",
    "PLACE",
    "READ_LATENCY",
    "engine_members",
    "field_of",
    "read_signature",
    "write_signature",
]

PC_BITS = 16

READ_LATENCY = 2
"""Cycles from a read's enable to its word."""

PLACE: dict[str, wiring.Member] = {"base": In(signed(32)), "bank": In(4)}
"""Address of an element, also of one that the scratchpad does not have."""

COMMAND = data.StructLayout({"word": BITS, "pc": PC_BITS})

CAUSES = {
    "illegal": 1,
    "address": 2,
    "size": 3,
    "alignment": 4,
    "bus": 5,
    "token": 6,
    "conflict": 7,
    "watchdog": 8,
}
"""Why the machine stopped."""


def read_signature(p: AcceleratorParameters) -> wiring.Signature:
    """Return the read port of an engine: the word comes `READ_LATENCY` cycles after ``en``."""
    return wiring.Signature(_word_members(p) | {"data": In(p.word_bits), "side": In(p.side_bits)})


def write_signature(p: AcceleratorParameters) -> wiring.Signature:
    """Return the write port of an engine; ``lanes`` and ``slices`` enable parts of a word."""
    values = {
        "data": Out(p.word_bits),
        "lanes": Out(p.values),
        "side": Out(p.side_bits),
        "slices": Out(p.slices),
    }
    return wiring.Signature(_word_members(p) | values)


def _word_members(p: AcceleratorParameters) -> dict[str, wiring.Member]:
    """Return the members that say whether, and which word."""
    return {
        "en": Out(1),
        "bank": Out((p.banks - 1).bit_length()),
        "address": Out((p.bank_words - 1).bit_length()),
    }


def engine_members() -> dict[str, wiring.Member]:
    """Return the members that every engine has, see the sequencer."""
    return {
        "command": In(stream.Signature(COMMAND)),
        "wait": Out(TOKENS),
        "waiting": Out(1),
        "granted": In(1),
        "signal": Out(TOKENS),
        "busy": Out(1),
        "error": Out(4),
        "error_pc": Out(PC_BITS),
    }


def field_of(word: Value, field: Field) -> Value:
    """Return a field of an instruction."""
    value = word[field.low : field.low + field.bits]
    return value.as_signed() if field.signed else value
