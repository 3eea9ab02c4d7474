"""Small pieces of clock-enabled pipelines, built in place."""

from collections.abc import Iterable

from amaranth.hdl import Module, Mux, ShapeLike, Signal, Value, ValueLike

__all__ = ["advance", "count_ahead", "count_events", "count_to", "delay", "register", "wire"]


def advance(m: Module, en: ValueLike, index: Signal, count: int) -> Value:
    """Step ``index`` through 0..count-1 and again from 0; return whether it is the last."""
    last = index == count - 1
    with m.If(en):
        m.d.sync += index.eq(Mux(last, 0, index + 1))
    return last


def count_to(m: Module, en: ValueLike, size: Value, *, name: str) -> Value:
    """Count enabled cycles from 1 to ``size`` and again from 1; return whether it is the last."""
    count = Signal(len(size), name=f"{name}_count", init=1)
    last = wire(m, f"{name}_last", 1, count == size)
    with m.If(en):
        m.d.sync += count.eq(Mux(last, 1, count + 1))
    return last


def count_ahead(m: Module, en: ValueLike, size: Value, *, name: str) -> Value:
    """Do as `count_to`, but for a register that tells the last; ``size`` is there a cycle before.

    For where what is enabled by the last of all is the end of a long path.
    """
    count = Signal(len(size), name=f"{name}_count", init=1)
    last = Signal(name=f"{name}_last")
    following = count + 1
    m.d.sync += last.eq(Mux(en, Mux(last, size == 1, following == size), count == size))
    with m.If(en):
        m.d.sync += count.eq(Mux(last, 1, following))
    return last


def delay(
    m: Module, en: ValueLike, value: Value, cycles: int, *, name: str, reset: bool = False
) -> Value:
    """Return ``value`` after ``cycles`` enabled cycles; with ``reset``, 0 after reset."""
    for i in range(cycles):
        later = Signal(len(value), name=f"{name}_{i}", reset_less=not reset)
        with m.If(en):
            m.d.sync += later.eq(value)
        value = later
    return value


def register(m: Module, en: ValueLike, name: str, shape: ShapeLike, value: ValueLike) -> Signal:
    """Return ``value`` after an enabled cycle, unknown before."""
    later = Signal(shape, name=name, reset_less=True)
    with m.If(en):
        m.d.sync += later.eq(value)
    return later


def wire(m: Module, name: str, shape: ShapeLike, value: ValueLike) -> Signal:
    """Return ``value`` under a name, which a waveform shows and an expression repeats for free."""
    signal = Signal(shape, name=name)
    m.d.comb += signal.eq(value)
    return signal


def count_events(m: Module, clear: ValueLike, events: Iterable[tuple[Signal, ValueLike]]) -> None:
    """Add each event, a cycle or a number of things, to its signal, from ``clear`` on.

    An event counts a cycle later: it may come at the end of a long path.
    """
    for counter, event in events:
        event = Value.cast(event)
        come = Signal(len(event), name=f"{counter.name}_event")
        m.d.sync += [come.eq(event), counter.eq(counter + come)]
        with m.If(clear):
            m.d.sync += [come.eq(0), counter.eq(0)]
