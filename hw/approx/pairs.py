"""Streams and events of units that multiply pairs of floating-point values."""

from collections.abc import Iterable

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data

from sw.formats import FloatFormat
from sw.formats.coding import FloatCoding

from ..base.field import Field
from ..base.pipeline import delay
from ..float.classify import classify
from ..stream.packet import Packet

__all__ = ["FLAGS", "events", "flag", "streams"]

FLAGS = {
    "nan": "a product was NaN",
    "overflow": "a product was infinite",
    "underflow": "a product was zero, its operands were not",
}
"""Events of a product, in the order of `events`."""


def streams(format: FloatFormat, lanes: int) -> dict[str, Packet]:
    """Return the packets of pairs, ``i``, and of their products, ``o``."""
    texts = {"a": "first factors", "b": "second factors", "product": "products"}
    a, b, product = (
        Field(
            name=n,
            bits=format.width,
            count=lanes,
            description=f"{format.name} {text}",
            coding=FloatCoding(format),
        )
        for n, text in texts.items()
    )
    return {"i": Packet(a, b), "o": Packet(product)}


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
    normal = ~(classify(a, format).zero | classify(b, format).zero)
    normal = delay(m, en, normal, late, name=f"normal_{n}")
    kind = classify(product, format)
    return Cat(kind.nan, kind.infinite, normal & ~product[:-1].any())


def flag(m: Module, flags: data.View, push: Signal, found: Iterable[Value]) -> None:
    """Raise each of `FLAGS` where a beat of products leaves, by the `events` of its lanes."""
    found = list(found)
    for i, name in enumerate(FLAGS):
        m.d.comb += flags[name].eq(push & Cat(each[i] for each in found).any())
