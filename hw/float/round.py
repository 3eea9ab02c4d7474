"""The rounder: to nearest even, then what lies beyond the normal numbers becomes 0 or infinity."""

from amaranth.hdl import Cat, Const, Mux, Value

from sw.formats import FloatFormat

__all__ = ["in_range", "round_product", "rounds_up"]


def rounds_up(last: Value, half: Value, rest: Value) -> Value:
    """Return whether rounding to nearest even adds one to the ``last`` place.

    Behind it come the place of one ``half`` and, where not all are 0, the ``rest``.
    """
    return half & (last | rest)


def round_product(product: Value, rest: Value, exponent: Value) -> Value:
    """Return the rounded fraction of a product of 1..4 and, above it, its exponent; combinational.

    A carry out of the fraction goes to the exponent, where a product of 2..4 adds one.

    Parameters
    ----------
    product : Value
        Significand: two bits before the point, behind it one place more than the fraction has.
    rest : Value
        Some place behind those is not 0.
    exponent : Value
        Of a product of 1..2, with the bias; signed.
    """
    half, last, next_, wide = product[0], product[1], product[2], product[-1]
    up = Mux(wide, last & (next_ | half | rest), rounds_up(last, half, rest))
    fraction = Mux(wide, product[2:-1], product[1:-2])
    packed = Cat(fraction, exponent).as_signed()
    return packed + Cat(up, Const(0, len(fraction) - 1), wide, 0)


def in_range(
    format: FloatFormat,
    packed: Value,
    *,
    negative: Value,
    special: Value,
    zero: Value,
    nan: Value,
) -> Value:
    """Return a value of ``format`` from what was rounded as if exponents were unbounded.

    Below the normal numbers it is a zero, beyond them an infinity, of the same sign; combinational.

    Parameters
    ----------
    format : FloatFormat
        Format of the result.
    packed : Value
        Fraction and, above it, exponent with the bias, signed.
    negative : Value
        Sign, of a NaN too, which has none in the result.
    special : Value
        The result is an infinity or, with ``nan``, a NaN, whatever else.
    zero : Value
        The result is a zero, unless it is special.
    nan : Value
        What is special is a NaN.
    """
    point, ones = format.fraction_bits, format.exponent_ones << format.fraction_bits
    exponent = packed[point:].as_signed()
    over = exponent >= format.exponent_ones
    under = zero | (exponent <= 0)
    value = Mux(under, 0, Mux(over, ones, packed[: point + format.exponent_bits]))
    bound = Cat(Const(0, point - 1), nan, Const(-1, format.exponent_bits), negative & ~nan)
    return Mux(special, bound, Cat(value, negative))
