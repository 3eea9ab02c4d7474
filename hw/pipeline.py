"""Small pieces of clock-enabled pipelines, built in place."""

from collections.abc import Iterable

from amaranth.hdl import Module as Body
from amaranth.hdl import Signal, Value, ValueLike

__all__ = ["count_events", "delay"]


def delay(
    m: Body, en: ValueLike, value: Value, cycles: int, *, name: str, reset: bool = False
) -> Value:
    """Return ``value`` after ``cycles`` enabled cycles; with ``reset``, 0 after reset."""
    for i in range(cycles):
        later = Signal(len(value), name=f"{name}_{i}", reset_less=not reset)
        with m.If(en):
            m.d.sync += later.eq(value)
        value = later
    return value


def count_events(m: Body, clear: ValueLike, events: Iterable[tuple[Signal, ValueLike]]) -> None:
    """Add each event, a cycle or a number of things, to its signal, from ``clear`` on."""
    for counter, event in events:
        m.d.sync += counter.eq(counter + event)
        with m.If(clear):
            m.d.sync += counter.eq(0)
