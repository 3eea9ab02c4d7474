"""Join and fork: streams that move together."""

from typing import Any

from amaranth.hdl import Cat, Module, ShapeLike, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["Fork", "Join"]


class Join(Circuit):
    """Join of streams: a beat of each is accepted in the same cycle.

    Latency is 0, interval one cycle. ``o`` depends on all inputs; the ready of each input depends
    on the valid of the others and on ``o.ready``.

    Parameters
    ----------
    shapes : tuple of ShapeLike
        Of the inputs.

    Members
    -------
    i_0, i_1, ... : In(stream.Signature(shape))
        Streams that wait for each other.
    o : Out(stream.Signature(StructLayout))
        Fields ``_0``, ``_1``, ...: their beats.
    """

    def __init__(self, *, shapes: tuple[ShapeLike, ...]) -> None:
        self.shapes = shapes
        together = data.StructLayout({f"_{n}": shape for n, shape in enumerate(shapes)})
        members: dict[str, Any] = {
            f"i_{n}": In(stream.Signature(shape)) for n, shape in enumerate(shapes)
        }
        super().__init__(members | {"o": Out(stream.Signature(together))})

    def elaborate(self, platform: Any) -> Module:
        """Wait for all."""
        m = Module()
        ports = [getattr(self, f"i_{n}") for n in range(len(self.shapes))]
        m.d.comb += self.o.valid.eq(Cat(port.valid for port in ports).all())
        for n, port in enumerate(ports):
            others = Cat(other.valid for other in ports if other is not port)
            m.d.comb += [
                port.ready.eq(self.o.ready & others.all()),
                self.o.payload[f"_{n}"].eq(port.payload),
            ]
        return m


class Fork(Circuit):
    """Fork of a stream: each output takes every beat, none waits for another's ready.

    Latency is 0, interval one cycle. The valid of an output depends on ``i.valid`` and on a
    register that holds whether the output has accepted the beat; ``i.ready`` on the ready of all.

    Parameters
    ----------
    shape : ShapeLike
        Of the stream.
    count : int
        Outputs.

    Members
    -------
    i : In(stream.Signature(shape))
    o_0, o_1, ... : Out(stream.Signature(shape))
        Copies.
    """

    def __init__(self, *, shape: ShapeLike, count: int) -> None:
        self.shape = shape
        self.count = count
        members: dict[str, Any] = {f"o_{n}": Out(stream.Signature(shape)) for n in range(count)}
        super().__init__({"i": In(stream.Signature(shape))} | members)

    def elaborate(self, platform: Any) -> Module:
        """Note who has accepted the beat, until all have."""
        m = Module()
        ports = [getattr(self, f"o_{n}") for n in range(self.count)]
        accepted = Signal(self.count)
        m.d.comb += self.i.ready.eq((Cat(port.ready for port in ports) | accepted).all())
        for n, port in enumerate(ports):
            m.d.comb += [
                port.payload.eq(self.i.payload),
                port.valid.eq(self.i.valid & ~accepted[n]),
            ]
        fired = Cat(port.valid & port.ready for port in ports)
        m.d.sync += accepted.eq(
            (accepted | fired) & ~(self.i.valid & self.i.ready).replicate(self.count)
        )
        return m
