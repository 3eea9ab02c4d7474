"""Worked beats: numbers, the codes of the fields that they are in, and the bytes of these."""

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

from hw.base.field import Field
from hw.stream.packet import Packet
from sw.formats.block_coding import ElementCoding, ScaleCoding
from sw.formats.coding import hexadecimal
from sw.formats.word_coding import WordCoding

__all__ = ["Line", "Worked", "worked"]

MODE = 1
"""Of the words of a worked beat."""

SCALES = 4
"""Exponent codes beside the words of a line, one an element."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A value of a beat: where it is, what it is worth, and its code."""

    place: str
    number: str
    code: str
    bits: str


@dataclasses.dataclass(frozen=True)
class Worked:
    """A beat.

    Parameters
    ----------
    fields : dict of str to list of int
        Codes of each field.
    lines : list of Line
        Their meaning.
    beat : bytes
        As they are on the stream, byte 0 on ``tdata[7:0]``.
    """

    fields: dict[str, list[int]]
    lines: list[Line]
    beat: bytes


def worked(packet: Packet) -> Worked:
    """Return a beat whose numbers are small and differ."""
    fields = {field.name: _codes(field, n) for n, field in enumerate(packet.fields)}
    for field in packet.fields:
        if isinstance(field.coding, WordCoding):
            _words(packet, field.coding, fields)
    word = offset = 0
    lines: list[Line] = []
    for field in packet.fields:
        codes = fields[field.name]
        for i, code in enumerate(codes):
            word |= code << offset + i * field.bits
        lines += _lines(packet, field, fields, offset)
        offset += field.width
    return Worked(fields, lines, word.to_bytes(packet.bytes, "little"))


def _words(packet: Packet, coding: WordCoding, fields: dict[str, list[int]]) -> None:
    """Choose the mode, and leave out the exponents of elements that words of it do not have."""
    fields["mode"] = [MODE]
    used = SCALES // coding.places[MODE]
    for other in packet.fields:
        if isinstance(other.coding, ScaleCoding):
            codes = fields[other.name]
            fields[other.name] = [c if n % SCALES < used else 0 for n, c in enumerate(codes)]


def _codes(field: Field, number: int) -> list[int]:
    """Return the codes of a field, one for each of its values."""
    count = 1 if field.count is None else field.count
    if field.coding:
        return field.coding.some(count)
    most = (1 << field.bits) - 1
    return [(n + 1 + 2 * number) & most for n in range(count)]


def _lines(
    packet: Packet, field: Field, fields: dict[str, list[int]], offset: int
) -> Iterator[Line]:
    """Give the values of a field."""
    codes = fields[field.name]
    for i, code in enumerate(codes):
        place = field.name if field.count is None else f"{field.name}[{i}]"
        low = offset + i * field.bits
        bits = f"{low + field.bits - 1}..{low}" if field.bits > 1 else f"{low}"
        number = _number(packet, field, fields, i)
        yield Line(f"`{place}`", number, hexadecimal(code, field.bits), bits)


def _number(packet: Packet, field: Field, fields: dict[str, list[int]], i: int) -> str:
    """Return what a value of a field is worth."""
    coding, code = field.coding, fields[field.name][i]
    if coding is None:
        return str(code)
    if isinstance(coding, WordCoding):
        return _elements(packet, coding, fields, i)
    if isinstance(coding, ElementCoding):
        return _element(packet, field, fields, i)
    number = coding.number(code)
    if isinstance(coding, ScaleCoding):
        words = next((f.coding for f in packet.fields if isinstance(f.coding, WordCoding)), None)
        if isinstance(words, WordCoding):
            if i % SCALES >= SCALES // words.places[MODE]:
                return "of no element"
            number = ScaleCoding(words.formats[MODE]).number(code)
        return f"q = 1 is worth {_text(number)}"
    return _text(number)


def _element(packet: Packet, field: Field, fields: dict[str, list[int]], i: int) -> str:
    """Return what an element is worth under the scale of its vector."""
    assert isinstance(field.coding, ElementCoding)
    q = field.coding.number(fields[field.name][i])
    for other in packet.fields:
        if isinstance(other.coding, ScaleCoding):
            scales = fields[other.name]
            scale = other.coding.number(scales[i * len(scales) // len(fields[field.name])])
            assert q is not None and scale is not None
            return f"{_text(q * scale)} (q = {q})"
    return f"q = {q}"


def _elements(packet: Packet, coding: WordCoding, fields: dict[str, list[int]], i: int) -> str:
    """Return what the elements of a word are worth, each under the scale of its line."""
    [words] = [f.name for f in packet.fields if f.coding is coding]
    [scales] = [f.name for f in packet.fields if isinstance(f.coding, ScaleCoding)]
    count = len(fields[scales]) // SCALES
    first = i // (len(fields[words]) // count) * SCALES
    texts = []
    for n, q in enumerate(coding.numbers(MODE, fields[words][i])):
        scale = ScaleCoding(coding.formats[MODE]).number(fields[scales][first + n])
        assert scale is not None
        texts.append(f"{_text(q * scale)} (q = {q})")
    return f"mode {MODE}: {', '.join(texts)}"


def _text(number: Fraction | None) -> str:
    return "no number" if number is None else f"{float(number):.9g}"
