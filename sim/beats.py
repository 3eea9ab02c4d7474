"""Beats as bytes: fields and matrices by the descriptions of a manifest.

The source of this file is also part of the drivers that are delivered, so that it takes nothing
of Gradgate, and NumPy only where there are many beats at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "coordinate",
    "element_bits",
    "in_place",
    "pack_beat",
    "pack_beats",
    "product_matrix",
    "tile_beats",
    "unpack_beat",
    "unpack_beats",
]

CHUNK = 1 << 26  # bits expanded at a time, one byte each


def pack_beat(stream: Mapping[str, Any], fields: Mapping[str, Any]) -> bytes:
    """Return a beat of a stream, its entry of the manifest, from its fields.

    A field of ``count`` values is a sequence of them, one of a single value may be an integer.
    Values from ``-2**bits`` up to below ``2**bits`` are taken modulo the width; `ValueError` for
    others, and for other fields than the stream's.
    """
    names = [field["name"] for field in stream["fields"]]
    if sorted(names) != sorted(fields):
        raise ValueError(f"fields must be {names}, not {[*fields]}")
    word = 0
    for field in stream["fields"]:
        name, bits, count = field["name"], field["bits"], field["count"]
        values = fields[name]
        values = [values] if count == 1 and not hasattr(values, "__len__") else values
        if len(values) != count:
            raise ValueError(f"{name} must have {count} values, not {len(values)}")
        size, mask, part = 1 << bits, (1 << bits) - 1, 0
        for value in reversed(values):
            if not -size <= value < size:
                raise ValueError(f"{name} must be from {-size} to {mask}, not {value}")
            part = part << bits | int(value) & mask
        word |= part << field["offset"]
    return word.to_bytes(stream["bytes"], "little")


def unpack_beat(stream: Mapping[str, Any], beat: bytes) -> dict[str, list[int]]:
    """Return the fields of a beat: `pack_beat` undone, each a list of values of 0 and up."""
    if len(beat) != stream["bytes"]:
        raise ValueError(f"a beat must have {stream['bytes']} bytes, not {len(beat)}")
    word = int.from_bytes(beat, "little")
    fields = {}
    for field in stream["fields"]:
        bits = field["bits"]
        part, mask = word >> field["offset"], (1 << bits) - 1
        fields[field["name"]] = [part >> i * bits & mask for i in range(field["count"])]
    return fields


def pack_beats(stream: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    """Return many beats, uint8 of shape (beats, bytes), as `pack_beat` makes each of them.

    Fields are integer arrays of shape (beats, count), whose values fit; one of a single value may
    be (beats,). No field is wider than 64 bits.
    """
    import numpy as np

    beats = len(next(iter(fields.values())))
    field = stream["fields"][0]
    if len(fields) == 1 and field["bits"] in (8, 16, 32, 64):
        words = np.asarray(fields[field["name"]]).astype(f"<u{field['bits'] // 8}", order="C")
        return words.view(np.uint8).reshape(beats, stream["bytes"])
    packed = np.zeros((beats, stream["bytes"]), np.uint8)
    step = max(1, CHUNK // (8 * stream["bytes"]))
    for start in range(0, beats, step):
        part = slice(start, min(start + step, beats))
        bits = np.zeros((part.stop - start, 8 * stream["bytes"]), np.uint8)
        for field in stream["fields"]:
            width, count = field["bits"], field["count"]
            values = np.asarray(fields[field["name"]][part]).reshape(-1, count)
            values = np.ascontiguousarray(values.astype("<i8"))
            expanded = np.unpackbits(values.view(np.uint8), bitorder="little")
            expanded = expanded.reshape(-1, count, 64)[:, :, :width].reshape(-1, count * width)
            bits[:, field["offset"] : field["offset"] + count * width] = expanded
        packed[part] = np.packbits(bits, axis=1, bitorder="little")
    return packed


def unpack_beats(stream: Mapping[str, Any], packed: Any) -> dict[str, Any]:
    """Return the fields of beats as int64 arrays of shape (beats, count): `pack_beats` undone."""
    import numpy as np

    values = {
        field["name"]: np.empty((len(packed), field["count"]), np.int64)
        for field in stream["fields"]
    }
    step = max(1, CHUNK // (8 * stream["bytes"]))
    for start in range(0, len(packed), step):
        bits = np.unpackbits(packed[start : start + step], axis=1, bitorder="little")
        for field in stream["fields"]:
            width, count = field["bits"], field["count"]
            part = bits[:, field["offset"] : field["offset"] + count * width]
            wide = np.zeros((len(bits), count, 64), np.uint8)
            wide[:, :, :width] = part.reshape(-1, count, width)
            bytes_ = np.packbits(wide, axis=2, bitorder="little")
            values[field["name"]][start : start + step] = bytes_.view("<i8")[:, :, 0]
    return values


def coordinate(terms: Sequence[Mapping[str, Any]], numbers: Mapping[str, Any]) -> Any:
    """Return a coordinate in a tile, a sum of terms of numbers, or of arrays of these."""
    total: Any = 0
    for term in terms:
        number = numbers[term["of"]] // term["divide"]
        number = number % term["modulo"] if term["modulo"] else number
        total = total + term["times"] * number
    return total


def in_place(part: Mapping[str, Any], element: Any, number: Any) -> Any:
    """Return the bits that an element, or an array, has in its value as part ``number`` of it."""
    placed = element if not part["pieces"] else 0
    for piece in part["pieces"]:
        bits = element >> piece["low"] & (1 << piece["bits"]) - 1
        placed = placed | bits << piece["at"] + piece["step"] * number
    return placed


def element_bits(part: Mapping[str, Any], field: Mapping[str, Any]) -> int:
    """Return the bits of an element of the matrix that a field carries."""
    return sum(piece["bits"] for piece in part["pieces"]) or field["bits"]


def tile_beats(
    operand: Mapping[str, Any],
    stream: Mapping[str, Any],
    matrices: Mapping[str, Sequence[Sequence[int]]],
    places: int,
    tile: int,
) -> list[bytes]:
    """Return the beats of a tile of an operand of a product.

    Parameters
    ----------
    operand, stream : mapping
        Of the manifest: its entry of ``matrices``, and that stream.
    matrices : mapping of str to sequence of sequences
        By name of the field that carries it: lines, each of its elements along the reduction, of
        0 and up; those of whole blocks have one for each begun block.
    places : int
        Elements along the reduction.
    tile : int
        Which of the tiles of lines.
    """
    fields = {field["name"]: field for field in stream["fields"]}
    if sorted(matrices) != sorted(operand["parts"]):
        raise ValueError(f"matrices must be {[*operand['parts']]}, not {[*matrices]}")
    for name, part in operand["parts"].items():
        width, size = -(-places // part["every"]), 1 << element_bits(part, fields[name])
        for line in matrices[name]:
            if len(line) != width:
                raise ValueError(f"a line of {name} must have {width} values, not {len(line)}")
            for element in line:
                if not 0 <= element < size:
                    raise ValueError(f"{name} must be from 0 to {size - 1}, not {element}")
    beats = []
    for beat in range(-(-places // operand["places"]) * operand["beats"]):
        values: dict[str, Any] = dict(operand["constants"])
        for name, part in operand["parts"].items():
            of = range(fields[name]["count"])
            values[name] = [_value(operand, part, matrices[name], tile, beat, v) for v in of]
        beats.append(pack_beat(stream, values))
    return beats


def _value(
    operand: Mapping[str, Any], part: Mapping[str, Any], matrix: Any, tile: int, beat: int, v: int
) -> int:
    """Return a value of a beat: the elements in it, each in its place."""
    word = 0
    for number in range(part["parts"] if v % part["group"] < part["used"] else 0):
        numbers = {"beat": beat, "value": v, "part": number}
        line = tile * operand["lines"] + coordinate(part["line"], numbers)
        place = coordinate(part["place"], numbers)
        if line < len(matrix) and place < len(matrix[line]):
            word |= in_place(part, int(matrix[line][place]), number)
    return word


def product_matrix(
    matrices: Mapping[str, Any],
    name: str,
    stream: Mapping[str, Any],
    beats: Sequence[bytes],
    m: int,
    n: int,
) -> list[list[int]]:
    """Return the rows of a m x n product, bit patterns, from the beats that an array gave.

    ``matrices`` is the entry of the manifest, ``name`` that of the product, which ``stream`` gives.
    """
    product = matrices["products"][name]
    high, wide = (matrices["operands"][product[side]]["lines"] for side in "ab")
    across = -(-n // wide)
    needed = -(-m // high) * across * product["beats"]
    if len(beats) != needed:
        raise ValueError(f"a {m} x {n} product must have {needed} beats, not {len(beats)}")
    rows = [[0] * n for _ in range(m)]
    for number, each in enumerate(beats):
        tile, beat = divmod(number, product["beats"])
        for value, found in enumerate(unpack_beat(stream, each)[product["field"]]):
            numbers = {"beat": beat, "value": value}
            line = tile // across * high + coordinate(product["line"], numbers)
            column = tile % across * wide + coordinate(product["column"], numbers)
            if line < m and column < n:
                rows[line][column] = found
    return rows
