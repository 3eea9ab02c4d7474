"""A multiplier of one's own, of significands with ``bits`` bits behind the leading one."""

__all__ = ["multiply"]

KEPT = 3


def multiply(a: int, b: int, bits: int) -> int:
    """Return the product of each significand's first bits, what is cut off taken as half of it.

    ``a`` and ``b`` are from ``2**bits`` to ``2**(bits + 1) - 1``, which represent 1 up to 2; the
    product is from ``2**(2 * bits)`` to ``2**(2 * bits + 2) - 1``, which represent 1 up to 4.
    """
    cut = max(bits - KEPT, 0)
    half = (1 << cut) >> 1
    return (a >> cut << cut | half) * (b >> cut << cut | half)
