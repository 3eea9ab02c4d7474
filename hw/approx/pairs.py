"""What units that multiply pairs of floating-point values have in common: streams and events."""

from amaranth.hdl import Cat, Module, Signal, Value

from sw.formats import FloatFormat

from ..base.pipeline import delay
from ..engine.core import StreamField

__all__ = ["FLAGS", "events", "streams"]

FLAGS = {
    "nan": "a product was NaN",
    "overflow": "a product was infinite",
    "underflow": "a product was zero, its operands were not",
}
"""Events of a product, in the order of `events`."""


def streams(format: FloatFormat, lanes: int) -> dict[str, tuple[StreamField, ...]]:
    """Return the fields of pairs, ``i``, and of their products, ``o``."""
    texts = {"a": "first factors", "b": "second factors", "product": "products"}
    a, b, product = (
        StreamField(name=n, bits=format.width, count=lanes, description=f"{format.name} {text}")
        for n, text in texts.items()
    )
    return {"i": (a, b), "o": (product,)}


def events(
    m: Module,
    en: Signal,
    format: FloatFormat,
    a: Value,
    b: Value,
    product: Value,
    late: int,
    n: int,
) -> Value:
    """Return the events of lane ``n``, whose product comes ``late`` enabled cycles after a pair."""
    point = format.fraction_bits
    normal = a[point:-1].any() & b[point:-1].any()
    normal = delay(m, en, normal, late, name=f"normal_{n}")
    special, fraction = product[point:-1].all(), product[:point].any()
    return Cat(special & fraction, special & ~fraction, normal & ~product[:-1].any())
