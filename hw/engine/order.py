"""The order of matrices on streams: which element of an operand or a product stands where."""

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["Operand", "Part", "Product", "Term", "matrices"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Term:
    """``times * (x // divide % modulo)``, where x is the number ``of`` a beat or of a value.

    Beats count from 0 in a tile, values from 0 in a field of a beat. Without ``modulo`` the
    quotient is taken whole. A coordinate is the sum of some terms.
    """

    of: str
    divide: int = 1
    modulo: int = 0
    times: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """The field of a beat that carries a matrix.

    Parameters
    ----------
    line, place : tuple of Term
        Coordinates of a value: its line from the tile's first on, and its place in that line.
    every : int
        Places of the reduction that share a value, such as the elements of a block.
    """

    line: tuple[Term, ...]
    place: tuple[Term, ...]
    every: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operand:
    """An operand of a product: lines, its rows or its columns, along the reduction.

    Lines and places beyond the matrix are zeros. A job goes through the product's tiles row by row
    of tiles, and takes the operand's tile of each of them anew.

    Parameters
    ----------
    stream : str
        That takes it.
    lines : int
        Of a tile.
    places, beats : int
        A tile's beats are as many for each begun so many places of the reduction.
    parts : mapping of str to Part
        Matrix by the name of the field that carries it.
    """

    stream: str
    lines: int
    places: int
    beats: int
    parts: Mapping[str, Part]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
    """What an array makes of its operands ``a``, by rows, and ``b``, by columns.

    Parameters
    ----------
    stream, field : str
        That give it.
    lines, columns : int
        Of a tile.
    beats : int
        Of a tile.
    line, column : tuple of Term
        Coordinates of a value in its tile.
    job : mapping of str to str
        Registers of the job's size: its ``rows`` and ``columns`` of tiles, and its ``depth``, the
        begun ``places`` of operand ``a``.
    """

    stream: str
    field: str
    lines: int
    columns: int
    beats: int
    line: tuple[Term, ...]
    column: tuple[Term, ...]
    job: Mapping[str, str]


def matrices(a: Operand, b: Operand, product: Product) -> dict[str, Any]:
    """Return the entry of a manifest that describes the matrices of an array's job."""
    described = {"a": a, "b": b, "product": product}
    return {"matrices": {name: dataclasses.asdict(each) for name, each in described.items()}}
