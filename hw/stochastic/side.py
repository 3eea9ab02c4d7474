"""One side of the outer product: the vectors ``x`` or ``d``, as random bits."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.stochastic.bits import BitSource

from ..base.circuit import Circuit
from .bits import BitStreams
from .loader import Loader

__all__ = ["Side"]


class Side(Circuit):
    """A vector that is loaded, and two that are streamed, of an even and of an odd pair.

    Parameters
    ----------
    sources : tuple of BitSource
        Of both phases; of one number of elements and of bits.
    lanes, parallel : int
        Elements of a beat, and bits of each stream in a cycle.
    exponent_bits : int
        Bits of an exponent's code.
    period : int
        Cycles from one vector kept to the next, at least; more than the beats of a vector.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        Converted elements, as of `Loader`.
    full, exponent, last, early : Out
        Of the loaded vector, as of `Loader`.
    keep : In(2)
        The phase that takes the loaded vector and keeps it; only with ``full``.
    run : In(2)
        Go on to the next bits of a phase.
    bits : Out(2 * parallel * elements)
        Bits of both phases, element by element; of one, phase by phase.
    closing : In(1)
        The phase whose signs are to be seen.
    negative : Out(elements)
        Its signs.
    """

    def __init__(
        self,
        *,
        sources: tuple[BitSource, BitSource],
        lanes: int,
        parallel: int,
        exponent_bits: int,
        period: int,
    ) -> None:
        self.sources = sources
        self.parallel = parallel
        self.elements = sources[0].elements
        self._loader = Loader(
            elements=self.elements,
            lanes=lanes,
            width=sources[0].bits + 1,
            exponent_bits=exponent_bits,
            period=period,
        )
        beat = data.StructLayout(
            {"mantissa": lanes * self._loader.width, "exponent": exponent_bits, "last": 1}
        )
        super().__init__(
            {
                "i": In(stream.Signature(beat)),
                "full": Out(1),
                "exponent": Out(exponent_bits),
                "last": Out(1),
                "early": Out(1),
                "keep": In(2),
                "run": In(2),
                "bits": Out(2 * parallel * self.elements),
                "closing": In(1),
                "negative": Out(self.elements),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.submodules.loader = loader = self._loader
        m.d.comb += [
            loader.i.payload.eq(self.i.payload),
            loader.i.valid.eq(self.i.valid),
            self.i.ready.eq(loader.i.ready),
            loader.take.eq(self.keep.any()),
            self.full.eq(loader.full),
            self.exponent.eq(loader.exponent),
            self.last.eq(loader.last),
            self.early.eq(loader.early),
        ]
        size = self.sources[0].bits
        elements = [loader.vector.word_select(e, size + 1) for e in range(self.elements)]
        signs, streams = [], []
        for phase, source in enumerate(self.sources):
            magnitude = Signal(size * self.elements, name=f"magnitude_{phase}", reset_less=True)
            negative = Signal(self.elements, name=f"negative_{phase}", reset_less=True)
            with m.If(self.keep[phase]):
                m.d.sync += [
                    magnitude.eq(Cat(element[:size] for element in elements)),
                    negative.eq(Cat(element[size] for element in elements)),
                ]
            bits = BitStreams(source=source, parallel=self.parallel)
            m.submodules[f"bits_{phase}"] = bits
            m.d.comb += [bits.magnitude.eq(magnitude), bits.en.eq(self.run[phase])]
            signs.append(negative)
            streams.append(bits.o)
        m.d.comb += [
            self.negative.eq(Array(signs)[self.closing]),
            self.bits.eq(
                Cat(
                    stream.word_select(e, self.parallel)
                    for e in range(self.elements)
                    for stream in streams
                )
            ),
        ]
        return m
