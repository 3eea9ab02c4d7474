"""Sections of a data sheet on streams: layout of beats, coding of numbers, worked beats, order."""

from collections.abc import Iterator

from hw.base.field import Field
from hw.stream.packet import Packet, Parts
from sw.formats.block_coding import ElementCoding, ScaleCoding
from sw.formats.coding import BITS, Coding

from .document import Block, Code, Items, Section, Text, table
from .facts import Facts
from .worked import worked

__all__ = ["computation", "numbers", "stream_sections", "worked_sections"]

SHOWN = 16
"""Values of a worked beat that are listed of each field."""


def stream_sections(facts: Facts) -> Iterator[Section]:
    """Give a section on all streams, and one for each."""
    if not facts.top.streams:
        return
    yield Section(
        "Streams",
        (
            Text(
                "All streams are AXI4-Stream of whole bytes. Fields lie from bit 0 of `tdata` up, "
                "without gaps; of a field with several values the first is lowest. Bits above the "
                "last field are padding: 0 in what comes out, and to be 0 in what goes in. Byte i "
                "is `tdata[8i+7:8i]`."
            ),
        ),
    )
    for name, packet, port in facts.streams():
        direction = "in" if name.startswith("s") else "out"
        told = [f"Order: {port.order}", f"`tlast`: {port.last}"]
        told += [f"`tready`: {port.ready}"] if port.ready else []
        yield Section(
            f"Stream {name} ({direction}, {packet.bytes} bytes a beat)",
            (
                *table(_head("of tdata"), _layout(packet, packet.bytes)),
                *(_carried(packet) if isinstance(packet, Parts) else ()),
                Items(tuple(told)),
            ),
            level=3,
        )


def _head(of: str) -> tuple[str, ...]:
    return "field", f"bits {of}", "values x bits", "coding", "meaning"


def _layout(packet: Packet, size: int) -> list[tuple[str, ...]]:
    """Return the rows of the fields of a packet of ``size`` bytes, and of its padding."""
    rows, low = [], 0
    for field in packet.fields:
        count = 1 if field.count is None else field.count
        rows.append(
            (
                f"`{field.name}`",
                f"{low + field.width - 1}..{low}" if field.width > 1 else str(low),
                f"{count} x {field.bits}" if count > 1 else str(field.bits),
                _coding(field),
                field.description,
            )
        )
        low += field.width
    if low < 8 * size:
        high = 8 * size - 1
        bits = f"{high}..{low}" if high > low else str(low)
        rows.append(("padding", bits, str(8 * size - low), "zeros", "of no meaning"))
    return rows


def _carried(port: Parts) -> Iterator[Block]:
    """Give the layout of what a port carries in parts."""
    for name, packet in port.carried.items():
        beats = port.beats(name)
        many = f"{beats} beats, the lowest bits first" if beats > 1 else "one beat"
        yield Text(f"It carries words of {name}, each of {packet.bits} bits in {many}:")
        yield from table(_head("of the word"), _layout(packet, beats * port.bytes))


def _coding(field: Field) -> str:
    if field.coding is None:
        return "unsigned integer"
    return field.coding.title


def numbers(facts: Facts) -> Iterator[Section]:
    """Give a section on the coding of numbers, with one for each."""
    codings: dict[Coding, None] = {}
    for _, packet, _ in facts.packets():
        for field in packet.fields:
            if field.coding and field.coding != BITS:
                codings[field.coding] = None
    if not codings:
        yield Section(
            "Number coding", (Text("All fields are unsigned integers, or single bits: 1 is yes."),)
        )
        return
    yield Section(
        "Number coding",
        (Text("Codes are in hexadecimal. Fields that are not named here are unsigned integers."),),
    )
    for coding in codings:
        yield Section(
            f"Coding: {coding.title}",
            (
                *table(("bits or codes", "meaning"), coding.rows()),
                Code(coding.formula),
                *_legend(coding),
                *table(("code", "what it is"), coding.samples()),
            ),
            level=3,
        )


def _legend(coding: Coding) -> Iterator[Block]:
    if isinstance(coding, ElementCoding):
        yield Text(
            "q is the integer that the element's code means, c the exponent code of its block, as "
            "a number without a sign."
        )
    if isinstance(coding, ScaleCoding):
        yield Text("c is the code as a number without a sign.")


def worked_sections(facts: Facts) -> Iterator[Section]:
    """Give a section of a worked beat of each stream."""
    if not facts.top.streams:
        return
    yield Section(
        "Worked beats",
        (
            Text(
                "For each stream one beat: numbers, their codes (hexadecimal), the fields that "
                "they are in, and the bytes, byte 0 first. Read from right to left it is the way "
                "back. The numbers are examples; a beat out is not the result of a beat in here. "
                "Of a stream that carries words in parts it is the beats of a word."
            ),
        ),
    )
    seen: dict[tuple[Field, ...], str] = {}
    for name, packet, size in facts.packets():
        example = worked(packet)
        if packet.fields in seen:
            text = f"Beats are alike, see [Worked beat of {seen[packet.fields]}]"
            same = Section(f"Worked beat of {seen[packet.fields]}", ())
            yield Section(f"Worked beat of {name}", (Text(f"{text}(#{same.anchor})."),), level=3)
            continue
        seen[packet.fields] = name
        rows: list[tuple[str, str, str, str]] = []
        left: dict[str, int] = {}
        for line in example.lines:
            field = line.place.strip("`").partition("[")[0]
            left[field] = left.get(field, 0) + 1
            if left[field] <= SHOWN:
                rows.append((line.place, line.number, line.code, line.bits))
            elif left[field] == SHOWN + 1:
                rows.append((f"`{field}[...]`", "and so on", "as the bytes say", "and up"))
        yield Section(
            f"Worked beat of {name}",
            (
                *table(("value", "number", "code", "bits"), rows),
                Code(_bytes(example.beat.ljust(size, b"\0"))),
            ),
            level=3,
        )


def _bytes(beat: bytes) -> str:
    """Return bytes in rows of 16, each with the number of its first."""
    rows = [beat[n : n + 16] for n in range(0, len(beat), 16)]
    return "\n".join(f"byte {16 * n:>4}: {row.hex(' ').upper()}" for n, row in enumerate(rows))


def computation(facts: Facts) -> Iterator[Section]:
    """Give the sections on the order of beats, and on what is computed."""
    yield Section("Order of operands and results", (Items(facts.notes.order),))
    yield Section("What is computed, and rounded when", (Items(facts.notes.sums),))
    if listing := facts.notes.listing:
        blocks = (*map(Text, listing.text), *table(listing.head, listing.rows))
        yield Section(listing.title, blocks)
