"""The adder tree of products whose signs are still to be added."""

from amaranth.hdl import Module, Signal

from sw.stages import Schedule

from ..cells.bit import Bit
from ..cells.carry import add
from ..cells.pipeline import register_bits

__all__ = ["add_products"]

ZERO = Bit(0)


def add_products(
    m: Module,
    en: Signal,
    target: str,
    terms: list[list[Bit]],
    *,
    late: list[Bit],
    offset: int,
    stages: Schedule,
    levels: int,
    size: int,
) -> list[Bit]:
    """Return the sum of ``terms`` and ``late`` less ``offset``, in ``size`` bits, registered.

    The terms, unsigned, are added by a binary tree, of which ``stages`` says which levels are
    registered. Bits that are still to be added, ``late``, fill the carry inputs.

    Parameters
    ----------
    m : Module
        Where the tree is put.
    en : Signal
        Clock enable of every register.
    target : str
        Whose carry cells to use.
    terms : list of list of Bit
        Terms of equal weight.
    late : list of Bit
        One of each term, or none.
    offset : int
        The constant by which the terms are too high together.
    stages : Schedule
        Of the registers up to the terms.
    levels : int
        Of the tree, the constants' among them.
    size : int
        Bits of the sum, signed.
    """
    for level in range(levels):
        if stages.full():
            terms = [
                register_bits(m, en, f"terms_{level}_{i}", term) for i, term in enumerate(terms)
            ]
            late = register_bits(m, en, f"late_{level}", late)
        stages.add()
        pairs = zip(terms[::2], terms[1::2], strict=False)
        rest = terms[len(terms) & ~1 :]
        terms = [_add(m, target, x, y, late.pop() if late else None) for x, y in pairs] + rest
    whole = _finish(m, target, (terms[0] + [ZERO] * size)[:size], offset, late)
    return register_bits(m, en, "whole", whole)


def _add(m: Module, target: str, x: list[Bit], y: list[Bit], carry: Bit | None) -> list[Bit]:
    size = max(len(x), len(y)) + 1
    x, y = (term + [ZERO] * (size - len(term)) for term in (x, y))
    return add(m, target, x, y, carry)


def _finish(m: Module, target: str, term: list[Bit], offset: int, late: list[Bit]) -> list[Bit]:
    """Take the offset off, add the last late bit."""
    size = len(term)
    constant = [Bit(-offset >> i & 1) for i in range(size)]
    start = 0 if late else (offset & -offset).bit_length() - 1
    if start >= size - 1:
        return term[:start] + [~bit for bit in term[start:]]
    carry = late[0] if late else None
    return term[:start] + add(m, target, term[start:], constant[start:], carry)
