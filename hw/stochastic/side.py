"""One side of the outer product: the vectors ``x`` or ``d``, as random bits."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sw.stochastic.bits import BitSource

from ..base.circuit import Circuit
from ..stream.packet import Packet
from .bits import BitStreams
from .loader import Loader

__all__ = ["Side"]


class Side(Circuit):
    """Loader of a vector, and streams of the bits of two, of an even and of an odd pair.

    Latency is one cycle from ``load`` to ``bits``, interval ``period`` cycles a vector; ``run``
    steps to the next bits, ``parallel`` of each element a cycle. ``bits`` are comparators behind
    registers, ``negative`` is a multiplexer behind registers; all else comes from registers.

    Parameters
    ----------
    sources : tuple of BitSource
        Of both phases; of one number of elements and of bits.
    packet : Packet
        Of ``i``.
    parallel : int
        Bits of each stream in a cycle.
    period : int
        Cycles from one ``load`` to the next, at least; more than the beats of a vector.

    Members
    -------
    i : In(packet.signature)
        Converted elements, as of `Loader`.
    valid : Out(1)
        A vector is loaded.
    exponent, last : Out
        Of the loaded vector, as of `Loader`.
    framing : Out(1)
        As of `Loader`.
    load : In(2)
        The phase that accepts the loaded vector and holds it; only with ``valid``.
    run : In(2)
        Steps to the next bits of a phase.
    bits : Out(ArrayLayout(ArrayLayout(parallel, 2), elements))
        Bits of each element, of both phases.
    sign_phase : In(1)
        Selects the phase of ``negative``.
    negative : Out(elements)
        Signs of that phase's vector.
    """

    def __init__(
        self,
        *,
        sources: tuple[BitSource, BitSource],
        packet: Packet,
        parallel: int,
        period: int,
    ) -> None:
        self.sources = sources
        self.parallel = parallel
        self.elements = sources[0].elements
        self._loader = Loader(packet=packet, elements=self.elements, period=period)
        self.layout = data.ArrayLayout(data.ArrayLayout(parallel, 2), self.elements)
        super().__init__(
            {
                "i": In(packet.signature),
                "valid": Out(1),
                "exponent": Out(packet.fields[1].bits),
                "last": Out(1),
                "framing": Out(1),
                "load": In(2),
                "run": In(2),
                "bits": Out(self.layout),
                "sign_phase": In(1),
                "negative": Out(self.elements),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the loader, and registers and streams of both phases."""
        m = Module()
        m.submodules.loader = loader = self._loader
        vector = loader.o.payload
        wiring.connect(m, wiring.flipped(self.i), loader.i)
        m.d.comb += [
            loader.o.ready.eq(self.load.any()),
            self.valid.eq(loader.o.valid),
            self.exponent.eq(vector.exponent),
            self.last.eq(vector.last),
            self.framing.eq(loader.framing),
        ]
        signs = Array(
            Signal(self.elements, name=f"negative_{phase}", reset_less=True) for phase in (0, 1)
        )
        for phase, source in enumerate(self.sources):
            bits = BitStreams(source=source, parallel=self.parallel)
            m.submodules[f"bits_{phase}"] = bits
            layout = bits.magnitude.shape()
            magnitude = Signal(layout, name=f"magnitude_{phase}", reset_less=True)
            with m.If(self.load[phase]):
                m.d.sync += [
                    magnitude.eq(Cat(element.magnitude for element in vector.elements)),
                    signs[phase].eq(Cat(element.negative for element in vector.elements)),
                ]
            m.d.comb += [bits.magnitude.eq(magnitude), bits.en.eq(self.run[phase])]
            m.d.comb += [self.bits[n][phase].eq(bits.o[n]) for n in range(self.elements)]
        m.d.comb += self.negative.eq(signs[self.sign_phase])
        return m
