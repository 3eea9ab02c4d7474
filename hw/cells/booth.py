"""Booth's recoding in radix 4: a multiplier's digits of -2..2 and the rows that they select."""

import dataclasses
from functools import partial
from typing import Generic, TypeVar

from amaranth.hdl import Cat, Const, Module, Signal, Value

from sw.stages import booth_registers as registers

from ..base.pipeline import register, wire
from .bit import Bit

__all__ = ["Digit", "multiply", "recode", "registers"]

T = TypeVar("T", Value, Bit)


@dataclasses.dataclass(frozen=True)
class Digit(Generic[T]):
    """A digit; its row is one too low where it is negative, for the row is one's complement.

    Parameters
    ----------
    one, two : Value or Bit
        Whether its magnitude is 1, or 2.
    negative : Value or Bit
        Whether it is negative; may be a negative zero, whose row is all ones.
    """

    one: T
    two: T
    negative: T


def recode(low: T, middle: T, high: T) -> Digit[T]:
    """Return the digit of two bits, ``middle`` and ``high``, and the one below them."""
    one = middle ^ low
    return Digit(one, (high ^ middle) & ~one, high)


def multiply(
    m: Module, en: Signal, a: Value, b: Value, *, rows: int = 1, constant: bool = False
) -> Value:
    """Return the product of unsigned integers, after `registers` enabled cycles.

    Adds a row, ``a`` times a digit, for each digit of ``b``, and ``rows`` of them between two
    registers; interval is one cycle. Not the output but what is between rows is registered.
    Negative rows are one's complement; their +1 enters with the next row. Instead of sign bits a
    row has their inverse and a one, and row 0 what makes all that a power of two beyond the
    product.

    Parameters
    ----------
    m : Module
        Where rows are put.
    en : Signal
        Clock enable.
    a, b : Value
        Integers of 3 bits or more.
    rows : int
        Rows that are added in a cycle.
    constant : bool
        ``a`` is the same while products are under way, and needs no registers.
    """
    reg, net = partial(register, m, en), partial(wire, m)
    size, width = len(a) + 1, len(a) + len(b)
    digits = len(b) // 2 + 1
    done: Value = Const(0, 0)
    total: Value = Const(0, 0)
    b = Cat(0, b, 0, 0)
    for k in range(digits):
        if k > 1 and (k - 1) % rows == 0:
            done, total = reg(f"done_{k}", len(done), done), reg(f"part_{k}", len(total), total)
            a = a if constant else reg(f"a_{k}", len(a), a)
            b = reg(f"b_{k}", len(b), b)
        digit = recode(b[0], b[1], b[2])
        below, negative, b = b[0], b[2], b[2:]
        one = net(f"one_{k}", 1, digit.one)
        two = net(f"two_{k}", 1, digit.two)
        row = (Cat(a, 0) & one.replicate(size)) | (Cat(0, a) & two.replicate(size))
        row = row ^ negative.replicate(size)
        if k == 0:
            total = net("row_0", size + 3, Cat(row, negative, negative, ~negative))
            continue
        total = net(
            f"partial_{k}",
            min(size + 5, width - len(done)),
            total + Cat(below, 0, row, ~negative, 1),
        )
        done, total = Cat(done, total[:2]), total[2:]
    return Cat(done, total)
