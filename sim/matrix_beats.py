"""Matrices as beats, by the descriptions of a manifest.

As `sim.beats` its source is also part of the drivers that are delivered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .beats import pack_beat, unpack_beat

__all__ = ["coordinate", "element_bits", "in_place", "packet_of", "product_matrix", "tile_beats"]


def packet_of(streams: Mapping[str, Any], order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry of ``streams`` of an operand or product, or of what carries it in parts."""
    stream = streams[order["stream"]]
    return stream["carries"][order["carried"]] if order["carried"] else stream


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
        Of the manifest: its entry of ``matrices``, and `packet_of` that.
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
        beats += _cut(stream, pack_beat(stream, values))
    return beats


def _cut(stream: Mapping[str, Any], beat: bytes) -> list[bytes]:
    """Return the beats of the port in which a beat comes."""
    size = stream["bytes"] // stream.get("beats", 1)
    return [beat[at : at + size] for at in range(0, len(beat), size)]


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

    ``matrices`` is the entry of the manifest, ``name`` that of the product, ``stream`` its
    `packet_of`.
    """
    product = matrices["products"][name]
    high, wide = (matrices["operands"][product[side]]["lines"] for side in "ab")
    across = -(-n // wide)
    parts = stream.get("beats", 1)
    needed = -(-m // high) * across * product["beats"] * parts
    if len(beats) != needed:
        raise ValueError(f"a {m} x {n} product must have {needed} beats, not {len(beats)}")
    rows = [[0] * n for _ in range(m)]
    for number in range(len(beats) // parts):
        tile, beat = divmod(number, product["beats"])
        whole = b"".join(beats[number * parts : (number + 1) * parts])
        for value, found in enumerate(unpack_beat(stream, whole)[product["field"]]):
            numbers = {"beat": beat, "value": value}
            line = tile // across * high + coordinate(product["line"], numbers)
            column = tile % across * wide + coordinate(product["column"], numbers)
            if line < m and column < n:
                rows[line][column] = found
    return rows
