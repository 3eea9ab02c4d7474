"""Products of two numbers of FP4, E2M1, integers in units of 1/4: one circuit a target."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from sw.formats.element import ELEMENTS

from ..base.pipeline import register, wire
from ..cells.bit import Bit, bits
from ..cells.carry import add
from ..cells.lut import lut_pair
from ..cells.pipeline import register_bits

__all__ = ["CODE_BITS", "LARGEST", "gated_product", "looked_up_products", "shifted_product"]

E2M1 = ELEMENTS["e2m1"]

CODE_BITS = E2M1.bits

LARGEST = E2M1.largest**2
"""The largest product."""

MAGNITUDES: list[int] = E2M1.decode(np.arange(8)).tolist()
"""The integers of the codes without their sign, in units of 1/2."""

SIZE = LARGEST.bit_length()

ZERO, ONE = Bit(0), Bit(1)

Pair = tuple[list[Bit], list[Bit]]


def _tables(inputs: list[Bit], values: list[int]) -> list[Bit]:
    """Return the bits of the value that wires choose from a list."""
    return [
        Bit.lookup(inputs, sum((v >> n & 1) << k for k, v in enumerate(values)))
        for n in range(max(values).bit_length())
    ]


def looked_up_products(m: Module, en: Signal, name: str, pairs: list[Pair]) -> list[list[Bit]]:
    """Return the products of one or two pairs of codes, from registers; for ``xilinx``.

    A bit of a magnitude is a table of six inputs, which feeds a carry chain that negates: its carry
    inverts the bits above the lowest one if the signs differ. Products are in two's complement.
    """
    signs = [~(a[-1] ^ b[-1]) for a, b in pairs]
    alike = [Bit(value) for value in lut_pair(m, signs[0], signs[-1])]
    rows = []
    for i, ((a, b), plus) in enumerate(zip(pairs, alike, strict=False)):
        products = [MAGNITUDES[k & 7] * MAGNITUDES[k >> 3] for k in range(64)]
        magnitude = [*_tables(a[:-1] + b[:-1], products), ZERO]
        row = add(m, "xilinx", [plus] * len(magnitude), [~plus ^ bit for bit in magnitude], ONE)
        # Registers hold the inverse of both ends, as it comes from the chain.
        row = register_bits(m, en, f"{name}_{i}", [~row[0], *row[1:-1], ~row[-1]])
        rows.append([~row[0], *row[1:-1], ~row[-1]])
    return rows


def gated_product(m: Module, en: Signal, name: str, a: list[Bit], b: list[Bit]) -> list[Bit]:
    """Return the magnitude of a product, with a bit for its sign, one addition behind registers.

    For ``ecp5``. Each bit of ``b``'s magnitude has a register of ``a``'s, which is reset where the
    bit is 0 and so takes one look-up table, of the reset. No two bits are 1 that are not
    neighbours: the registers of bits 0 and 2 are one row, those of bits 1 and 3 another.
    """
    first, second = (
        wire(m, f"{name}_{i}", 4, Cat(bit.value for bit in _tables(code[:-1], MAGNITUDES)))
        for i, code in enumerate((a, b))
    )
    rows = [
        bits(register(m, en, f"{name}_times_{1 << k}", 4, Mux(second[k], first, 0)))
        for k in range(4)
    ]
    even, odd = (
        [x | y for x, y in zip(low + [ZERO] * 2, [ZERO] * 2 + high, strict=True)]
        for low, high in zip(rows[:2], rows[2:], strict=True)
    )
    # Bit 7 is that of 12 * 12 alone.
    total = add(m, "ecp5", [*even[1:], ZERO], odd)
    return [even[0], *total, rows[2][2] & rows[3][3], ZERO]


def shifted_product(m: Module, name: str, a: list[Bit], b: list[Bit]) -> list[Bit]:
    """Return a product in two's complement, without registers; for gates.

    The product of the significands is negated, which needs few gates while it is 0, 1, 2, 3, 4, 6
    or 9, and then moved.
    """

    def node(what: str, value: Value) -> Value:
        return wire(m, f"{name}_{what}", 1, value)

    (fa, ea, xa, sa), (fb, eb, xb, sb) = ([bit.value for bit in code] for code in (a, b))
    minus, ha, hb = node("minus", sa ^ sb), node("hidden_a", ea | xa), node("hidden_b", eb | xb)
    odd, two = node("odd", fa & fb), node("two", (ha & fb) ^ (fa & hb))
    normal = node("normal", ha & hb)
    sign = node("sign", minus & (odd | two | normal))
    number = [
        odd,
        two ^ (minus & odd),
        Mux(odd, minus, normal ^ (minus & two)),
        (normal & odd) ^ sign,
        sign,
    ]
    number = [node(f"number_{n}", value) for n, value in enumerate(number)]
    # Moved by 0..2 for each operand: by the lowest bit of the sum of these, and by 2 or 4.
    one_a, two_a = node("one_a", xa & ~ea), node("two_a", xa & ea)
    one_b, two_b = node("one_b", xb & ~eb), node("two_b", xb & eb)
    by_1, by_4 = node("by_1", one_a ^ one_b), node("by_4", two_a & two_b)
    by_0 = node("by_0", ~(two_a | two_b | (one_a & one_b)))
    by_2 = node("by_2", ~(by_0 | by_4))
    near = [
        node(f"near_{n}", Mux(by_1, low, high))
        for n, (low, high) in enumerate(zip([Const(0), *number[:-1]], number, strict=True))
    ]
    wide = [*near, sign, sign, sign]
    row = []
    for n in range(SIZE):
        parts = [by & wide[n - k] for by, k in ((by_0, 0), (by_2, 2), (by_4, 4)) if n >= k]
        row.append(Bit(node(f"place_{n}", Cat(parts).any())))
    return [*row, Bit(sign)]
