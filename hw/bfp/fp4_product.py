"""Products of two numbers of E2M1, integers in units of 1/4, by target."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.formats.element import ELEMENTS

from ..base.pipeline import register, wire
from ..cells.bit import Bit, bits
from ..cells.carry import add
from ..cells.lut import lut_pair
from ..cells.pipeline import register_bits

__all__ = ["CODE_BITS", "LARGEST", "gated_product", "looked_up_products", "shifted_product"]

CODE_BITS = ELEMENTS["e2m1"].bits

LARGEST = ELEMENTS["e2m1"].largest ** 2
"""The largest product."""

MAGNITUDES = (0, 1, 2, 3, 4, 6, 8, 12)
"""The integers of the codes without a sign, in units of 1/2."""

SIZE = LARGEST.bit_length()

ZERO, ONE = Bit(0), Bit(1)


def looked_up_products(
    m: Module, en: Value, name: str, pairs: list[tuple[list[Bit], list[Bit]]]
) -> list[list[Bit]]:
    """Return the products of up to two pairs of codes, registered, in tables of ``xilinx``.

    A bit of a magnitude is one table of six inputs. It feeds a carry chain that negates: behind
    the lowest one the carry, which inverts the bits above, becomes what the signs say.
    """
    signs = [~(a[-1] ^ b[-1]) for a, b in pairs]
    same = [Bit(value) for value in lut_pair(m, signs[0], signs[-1])]
    rows = []
    for i, ((a, b), plus) in enumerate(zip(pairs, same, strict=False)):
        codes = [*a[:-1], *b[:-1]]
        products = [MAGNITUDES[k & 7] * MAGNITUDES[k >> 3] for k in range(64)]
        magnitude = [
            Bit.lookup(codes, sum((p >> n & 1) << k for k, p in enumerate(products)))
            for n in range(SIZE)
        ]
        row = add(m, "xilinx", [plus] * (SIZE + 1), [~plus ^ v for v in [*magnitude, ZERO]], ONE)
        # The ends leave the chain inverted, and are registered so.
        row[0], row[-1] = ~row[0], ~row[-1]
        row = register_bits(m, en, f"{name}_{i}", row)
        rows.append([~row[0], *row[1:-1], ~row[-1]])
    return rows


def gated_product(m: Module, en: Value, name: str, a: list[Bit], b: list[Bit]) -> list[Bit]:
    """Return the magnitude of a product, a row for each bit of ``b``'s significand in ``ecp5``.

    Rows are registers that are reset where they do not count, in two places by the exponent.
    """
    fraction, low, high = (bit.value for bit in b[:-1])
    # a * 2**low, in tables of four inputs.
    moved = [MAGNITUDES[k & 7] << (k >> 3) for k in range(16)]
    size = max(moved).bit_length()
    tables = [sum((v >> n & 1) << k for k, v in enumerate(moved)) for n in range(size)]
    row = Signal(size, name=f"{name}_row")
    m.d.comb += row.eq(Cat(Bit.lookup([*a[:-1], b[1]], table).value for table in tables))

    def gated(place: str, counts: Value) -> list[Bit]:
        kept = register(m, en, f"{name}_{place}", size, Mux(counts, row, 0))
        return [ZERO] * 2 + bits(kept) + [ZERO] * SIZE

    hidden = gated("low", ~high & (low | fraction)), gated("high", high)
    behind = gated("low_half", ~high & low & fraction), gated("high_half", high & fraction)
    whole, half = (
        [x | y for x, y in zip(rows[0][2 + k :], rows[1][k:], strict=False)][:SIZE]
        for k, rows in ((0, hidden), (1, behind))
    )
    return add(m, "ecp5", whole, half)


def shifted_product(m: Module, name: str, a: list[Bit], b: list[Bit]) -> list[Bit]:
    """Return a product in gates: that of the significands, negated, then moved.

    Nothing is registered.
    """

    def node(what: str, value: Value) -> Value:
        return wire(m, f"{name}_{what}", 1, value)

    codes = [[bit.value for bit in v] for v in (a, b)]
    minus = node("minus", codes[0][3] ^ codes[1][3])
    (fa, ha), (fb, hb) = ((v[0], node(f"hidden_{i}", v[1] | v[2])) for i, v in enumerate(codes))
    # The product of significands is 0, 1, 2, 3, 4, 6 or 9.
    one, both = node("one", fa & fb), node("both", ha & hb)
    two = node("two", (ha & fb) ^ (fa & hb))
    four, eight = node("four", both & ~one), node("eight", both & one)
    # Its negative has all bits inverted above the lowest one.
    low = node("low", minus & (one | two))
    sign = node("sign", low | minus & both)
    number = [
        one,
        node("negated_1", two ^ (minus & one)),
        node("negated_2", four ^ low),
        node("negated_3", eight ^ (low | minus & four)),
    ]
    places = [
        [~v[2], node(f"up_1_{i}", v[2] & ~v[1]), node(f"up_2_{i}", v[2] & v[1])]
        for i, v in enumerate(codes)
    ]
    row = []
    moved = []
    for k in range(5):
        ways = [
            x & y for i, x in enumerate(places[0]) for j, y in enumerate(places[1]) if i + j == k
        ]
        moved.append(node(f"moved_{k}", Cat(ways).any()))
    for n in range(SIZE):
        parts = [moved[k] & number[n - k] for k in range(5) if 0 <= n - k < 4]
        above = [moved[k] for k in range(5) if n - k >= 4]
        extension = ~moved[4] if len(above) == 4 else Cat(above).any()
        parts += [sign & extension] if above else []
        row.append(Bit(node(f"bit_{n}", Cat(parts).any())))
    return [*row, Bit(sign)]
