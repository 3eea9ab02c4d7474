"""Encoder, decoder and disassembler of instructions, made of their table."""

import functools
from collections.abc import Mapping

from ..checks import choice, unknown, whole
from ..errors import UserError
from .instructions import BITS, LANE_OPS, TABLE, Instruction

__all__ = ["decode", "disassemble", "encode"]

_BY_NAME = {each.name: each for each in TABLE}


def encode(name: str, **values: int) -> int:
    """Return an instruction; fields that are not given are 0.

    Raises `UserError` for a name, a field or a value that the table does not have.
    """
    found = _BY_NAME[choice("instruction", name, _BY_NAME)]
    word, _ = found.fixed
    for key in values:
        if key not in found.named:
            raise unknown(f"field of {name}", key, found.named)
    for field in found.fields:
        value = whole(f"{field.name} of {name}", values.get(field.name, 0), *field.bounds)
        word |= (value & (1 << field.bits) - 1) << field.low
    problem = _inconsistent(found, values)
    if problem:
        raise UserError(f"{name}: {problem}")
    return word


def decode(word: int, *, rules: bool = True) -> tuple[Instruction, dict[str, int]]:
    """Return the instruction and the values of its fields; `UserError` if it is illegal.

    Without ``rules`` it is not asked whether fields go together: engines find that, all else the
    sequencer.
    """
    whole("instruction", word, 0, (1 << BITS) - 1)
    found = next((i for i in TABLE if word & i.fixed[1] == i.fixed[0]), None)
    if found is None:
        raise UserError(f"instruction {word:032x} is illegal: no engine has it")
    rest = word & ~found.fixed[1]
    values = {}
    for field in found.fields:
        raw = word >> field.low & (1 << field.bits) - 1
        rest &= ~((1 << field.bits) - 1 << field.low)
        value = raw - (raw >> field.bits - 1 << field.bits) if field.signed else raw
        low, high = field.bounds
        if not low <= value <= high:
            raise UserError(
                f"instruction {word:032x} is illegal: {field.name} of {found.name} must be "
                f"{low}..{high}, not {value}"
            )
        values[field.name] = value
    if rest:
        raise UserError(f"instruction {word:032x} is illegal: bits of no field are set")
    problem = _inconsistent(found, values) if rules else ""
    if problem:
        raise UserError(f"instruction {word:032x} is illegal: {problem}")
    return found, values


def _inconsistent(found: Instruction, values: Mapping[str, int]) -> str:
    """Return why values of fields do not go together, or nothing."""
    if found.name != "vec.map":
        return ""
    get = functools.partial(dict(values).get)
    if get("fold", 0) and not get("reduce", 0):
        return "fold must be 0 without a reduction"
    if (get("lane", 0) == LANE_OPS.index("function")) != bool(get("function", 0)):
        return "function must be that of the lane operation function, and 0 for others"
    return ""


def disassemble(word: int) -> str:
    """Return an instruction as text, fields that are 0 left out."""
    found, values = decode(word)
    return " ".join([found.name, *(f"{key}={value}" for key, value in values.items() if value)])
