"""The order of operands and products of the array whose precision is switched."""

import itertools
from collections.abc import Mapping
from typing import Any

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters

from ...engine.order import Operand, Part, Piece, Product, Term, matrices

__all__ = ["multimode_matrices"]


def multimode_matrices(p: MultimodeParameters, job: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry of the manifest: operands and products by the bits of their modes.

    ``job`` names the registers of a product's size, as in `Product`.
    """
    names = {mode: DIGIT_BITS * digits for mode, digits in enumerate(MODES)}
    operands = {
        f"{name}_{bits}": _operand(p, name, side, mode)
        for name, side in (("a", "rows"), ("b", "columns"))
        for mode, bits in names.items()
    }
    products = {
        f"product_{names[a]}_{names[b]}": _product(p, a, b, job)
        for a, b in itertools.product(names, repeat=2)
    }
    return matrices(operands, products)


def _operand(p: MultimodeParameters, name: str, side: str, mode: int) -> Operand:
    """Return the order of words of some lines and steps, each of an element of several lines."""
    count, values = getattr(p, side), DIGITS // MODES[mode]
    words = Part(
        line=(Term(of="value", divide=p.lanes, times=values), Term(of="part")),
        place=(Term(of="beat", times=p.lanes), Term(of="value", modulo=p.lanes)),
        parts=values,
        pieces=_pieces(p, mode),
    )
    block = p.formats[mode].reduction
    codes = Part(
        line=(
            Term(of="value", divide=DIGITS, times=values),
            Term(of="value", modulo=DIGITS),
        ),
        place=(Term(of="beat", divide=block // p.lanes),),
        every=block,
        group=DIGITS,
        used=values,
    )
    return Operand(
        stream=f"s_axis_{name}",
        side=side,
        lines=count * values,
        places=p.lanes,
        beats=1,
        parts={"word": words, "exponent": codes},
        constants={"mode": mode},
    )


def _pieces(p: MultimodeParameters, mode: int) -> tuple[Piece, ...]:
    """Return where the bits of a code are: together, or the sign above or beside the others."""
    size, bits = DIGIT_BITS * MODES[mode], p.formats[mode].element.bits
    if p.coded:
        return (Piece(low=0, bits=bits, at=0, step=size),)
    beside = DIGITS * DIGIT_BITS
    sign = {"at": size - 1, "step": size} if p.sign_inside else {"at": beside, "step": 1}
    return (
        Piece(low=0, bits=bits - 1, at=0, step=size),
        Piece(low=bits - 1, bits=1, **sign),
    )


def _product(p: MultimodeParameters, mode_a: int, mode_b: int, job: Mapping[str, str]) -> Product:
    """Return the order of results: by words of a row, their elements, those of a column's."""
    down, across = (DIGITS // MODES[mode] for mode in (mode_a, mode_b))
    names = (DIGIT_BITS * MODES[mode] for mode in (mode_a, mode_b))
    a, b = (f"{name}_{bits}" for name, bits in zip("ab", names, strict=True))
    return Product(
        a=a,
        b=b,
        stream="m_axis",
        field="result",
        beats=p.rows * p.sums(mode_a, mode_b),
        line=(Term(of="beat", divide=across),),
        column=(Term(of="value", times=across), Term(of="beat", modulo=across)),
        job=job,
    )
