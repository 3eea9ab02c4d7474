"""The order of matrices on streams: which element of an operand or a product stands where."""

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = [
    "Operand",
    "Part",
    "Piece",
    "Product",
    "Term",
    "in_parts",
    "matrices",
    "row_by_row",
    "tile_sizes",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Term:
    """``times * (x // divide % modulo)``, where x is the number ``of`` a beat, value or part.

    Beats count from 0 in a tile, values from 0 in a field of a beat, parts from 0 in a value that
    holds several elements. Without ``modulo`` the quotient is taken whole. A coordinate is the sum
    of some terms.
    """

    of: str
    divide: int = 1
    modulo: int = 0
    times: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """``bits`` of an element, from its bit ``low`` up, at bit ``at + step * part`` of a value."""

    low: int
    bits: int
    at: int
    step: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The field of a beat that carries a matrix.

    Parameters
    ----------
    line, place : tuple of Term
        Coordinates of an element: its line from the tile's first on, and its place in that line.
    every : int
        Places of the reduction that share an element, such as the code of a block's scale.
    parts : int
        Elements of a value.
    pieces : tuple of Piece
        Where the bits of an element are in its value; without, it is the value.
    group, used : int
        Of each ``group`` values the first ``used`` carry elements, the others zeros.
    """

    line: tuple[Term, ...]
    place: tuple[Term, ...]
    every: int = 1
    parts: int = 1
    pieces: tuple[Piece, ...] = ()
    group: int = 1
    used: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operand:
    """An operand of a product: lines, its rows or its columns, along the reduction.

    Lines and places beyond the matrix are zeros. A job goes through the product's tiles row by row
    of tiles, and takes the operand's tile of each of them anew, or each tile ``once``.

    Parameters
    ----------
    stream : str
        That takes it.
    side : str
        Whether lines are ``rows`` or ``columns``.
    lines : int
        Of a tile.
    places, beats : int
        A tile's beats are as many for each begun so many places of the reduction.
    parts : mapping of str to Part
        By the names of the fields that carry a matrix.
    constants : mapping of str to int
        Values of the other fields.
    carried : str
        What the stream carries in parts that this is the order of; empty for its own beats.
    once : bool
        Whether a job takes each tile once, in turn.
    """

    stream: str
    side: str
    lines: int
    places: int
    beats: int
    parts: Mapping[str, Part]
    constants: Mapping[str, int] = dataclasses.field(default_factory=dict)
    carried: str = ""
    once: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
    """What an array makes of two operands.

    Parameters
    ----------
    a, b : str
        Names of the operands, by rows and by columns.
    stream, field : str
        That give it.
    beats : int
        Of a tile.
    line, column : tuple of Term
        Coordinates of a value in its tile.
    job : mapping of str to str
        Registers of the job's size: its ``rows`` and ``columns`` of tiles, and the ``depth`` of
        these, in begun ``places`` of operand ``a``; or its ``tiles`` and their ``beats``.
    carried : str
        As of an `Operand`.
    """

    a: str
    b: str
    stream: str
    field: str
    beats: int
    line: tuple[Term, ...]
    column: tuple[Term, ...]
    job: Mapping[str, str]
    carried: str = ""


def tile_sizes(depth: str) -> dict[str, str]:
    """Return the ``job`` of a product by rows and columns of tiles, and ``depth``, a register."""
    return {"rows": "tile_rows", "columns": "tile_columns", "depth": depth}


def row_by_row(a: Operand, depth: str) -> Product:
    """Return the product of operands ``a`` and ``b`` of which a beat is a row of a tile.

    The register ``depth`` counts begun ``places``.
    """
    return Product(
        a="a",
        b="b",
        stream="m_axis",
        field="result",
        beats=a.lines,
        line=(Term(of="beat"),),
        column=(Term(of="value"),),
        job=tile_sizes(depth),
    )


def matrices(
    operands: Mapping[str, Operand], products: Mapping[str, Product]
) -> dict[str, dict[str, Any]]:
    """Return the entry of a manifest that describes the matrices of an array's jobs, by name."""
    return {
        "operands": {name: dataclasses.asdict(each) for name, each in operands.items()},
        "products": {name: dataclasses.asdict(each) for name, each in products.items()},
    }


def in_parts(
    described: Mapping[str, Any], carriers: Mapping[str, tuple[str, str]]
) -> dict[str, Any]:
    """Return the entry ``described`` of an array whose operands come once, all beats in parts.

    ``carriers`` are, by the array's stream, the one that carries its beats, and their name there.
    """

    def part(each: Mapping[str, Any]) -> dict[str, Any]:
        stream, carried = carriers[each["stream"]]
        return {**each, "stream": stream, "carried": carried}

    operands = {n: {**part(each), "once": True} for n, each in described["operands"].items()}
    products = {n: part(each) for n, each in described["products"].items()}
    return {"operands": operands, "products": products}
