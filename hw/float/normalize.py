"""Leading zeros and normalising shifts: by fours, then by ones; registers may part the steps."""

from amaranth.hdl import Cat, Const, Mux, Value

__all__ = ["leading_groups", "leading_three", "shift_groups", "shift_three", "zero_groups"]


def _zeros(flags: list[Value], bits: int) -> list[Value]:
    """Return the bits of the number of leading ones of ``flags``, low bit first."""
    if bits == 0:
        return []
    half = 1 << (bits - 1)
    if len(flags) <= half:
        return [*_zeros(flags, bits - 1), Const(0, 1)]
    upper = Cat(*flags[:half]).all()
    near, far = _zeros(flags[:half], bits - 1), _zeros(flags[half:], bits - 1)
    return [*(Mux(upper, f, n) for n, f in zip(near, far, strict=True)), upper]


def zero_groups(value: Value) -> Value:
    """Return which groups of four bits, from the top, are zero; the last one may be short."""
    return Cat(~value[max(0, top - 4) : top].any() for top in range(len(value), 0, -4))


def leading_groups(zero: Value) -> Value:
    """Return how many groups are zero before the first one that is not.

    Where all are zero the result is that number or, to save logic, less.
    """
    return Cat(*_zeros(list(zero), (len(zero) - 1).bit_length()))


def shift_groups(value: Value, groups: Value) -> Value:
    """Return ``value << 4 * groups`` without what leaves at the top."""
    return (value << Cat(Const(0, 2), groups))[: len(value)]


def leading_three(value: Value) -> Value:
    """Return how many of the top three bits are zero up to the first one."""
    a, b, c = value[-1], value[-2], value[-3]
    return Cat(~a & (b | ~c), ~a & ~b)


def shift_three(value: Value, places: Value) -> Value:
    """Return ``value << places`` without what leaves at the top."""
    return (value << places)[: len(value)]
