"""The first one in some bits, and what belongs to it."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Value

from ..base.pipeline import wire

__all__ = ["chosen", "first_one", "number"]


def first_one(m: Module, name: str, bits: Value) -> tuple[Value, Value]:
    """Return the lowest one in ``bits`` alone, and ``bits`` without it."""
    # Whether there is a one below each bit; a carry chain would be slower at these widths.
    below = wire(m, f"{name}_below_1", len(bits), bits << 1)
    span = 1
    while span < len(bits) - 1:
        span *= 2
        below = wire(m, f"{name}_below_{span}", len(bits), below | below << span // 2)
    return (
        wire(m, name, len(bits), bits & ~below),
        wire(m, f"{name}_rest", len(bits), bits & below),
    )


def chosen(one: Value, words: Sequence[Value]) -> Value:
    """Return the word whose bit in ``one`` is set; 0 if none is."""
    terms = [word & bit.replicate(len(word)) for word, bit in zip(words, one, strict=True)]
    while len(terms) > 1:
        pairs = [a | b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def number(one: Value) -> Value:
    """Return the number of the only bit in ``one`` that is set; 0 if none is."""
    bits = max(1, (len(one) - 1).bit_length())
    return Cat(Cat(one[n] for n in range(len(one)) if n >> i & 1).any() for i in range(bits))
