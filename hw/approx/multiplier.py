"""Approximate floating-point multipliers as a unit: beats of pairs in, their products out."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.approx.parameters import ApproxParameters

from ..base.pipeline import count_events, delay
from ..engine.core import Core
from ..engine.registers import word
from ..stream.queue import ResultQueue
from . import pairs
from .product import ApproxMultiplier

__all__ = ["ApproxUnit"]


class ApproxUnit(Core):
    """Products of ``lanes`` pairs a cycle, each by an `ApproxMultiplier`.

    A beat of pairs gives a beat of products, with its ``last``. Latency is `latency` cycles,
    without stalls. ``o`` comes from a queue; ``i.ready`` depends on registers only.

    Members
    -------
    i : In(stream.Signature(...))
        Pairs, fields as in `streams`.
    o : Out(stream.Signature(...))
        Their products.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        **pairs.FLAGS,
        "framing": "padding bits that were not zero",
    }
    registers = (
        word("products", "ro", 32, "products given"),
        word("input_stalls", "ro", 32, "cycles that waited for pairs"),
        word("output_stalls", "ro", 32, "cycles that waited for products to be taken"),
    )

    def __init__(self, *, parameters: ApproxParameters) -> None:
        self.parameters = p = parameters
        super().__init__(streams=pairs.streams(p.format, p.lanes))

    @functools.cached_property
    def multiplier(self) -> ApproxMultiplier:
        """What each lane has."""
        return self._lane()

    def _lane(self) -> ApproxMultiplier:
        p = self.parameters
        assert p.bits is not None
        return ApproxMultiplier(
            multiplier=p.multiplier, bits=p.bits, format=p.format, target=p.target
        )

    @property
    def latency(self) -> int:
        """Cycles from a beat to its products, without stalls."""
        return self.multiplier.latency + 2

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        word, latency = p.format.width, self.multiplier.latency
        m.submodules.queue = queue = ResultQueue(width=p.lanes * word + 1)
        # Everything moves by this one register, far from whatever decides it.
        en = Signal(init=1)
        beat = Signal(2 * p.lanes * word, reset_less=True)
        tags = Signal(2)
        taken = Signal(2)
        m.d.sync += en.eq(queue.room)
        m.d.comb += [
            self.i.ready.eq(en),
            taken.eq(Cat(self.i.valid, self.i.valid & self.i.payload.last)),
        ]
        with m.If(en):
            m.d.sync += [beat.eq(self.i.payload.data), tags.eq(taken)]
        done, last = delay(m, en, tags, latency, name="tags", reset=True)

        push = Signal()
        products, events = [], []
        for lane in range(p.lanes):
            m.submodules[f"lane_{lane}"] = multiplier = self._lane()
            a, b = (beat.word_select(lane + i * p.lanes, word) for i in range(2))
            m.d.comb += [multiplier.en.eq(en), multiplier.a.eq(a), multiplier.b.eq(b)]
            products.append(multiplier.o)
            events.append(pairs.events(m, en, p.format, a, b, multiplier.o, latency, lane))
        m.d.comb += [
            push.eq(en & done),
            queue.push.eq(push),
            queue.word.eq(Cat(*products, last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        for i, name in enumerate(pairs.FLAGS):
            m.d.comb += self.flags[name].eq(push & Cat(event[i] for event in events).any())
        count_events(
            m,
            self.clear,
            (
                (self.products, Mux(push, p.lanes, 0)),
                (self.input_stalls, en & ~self.i.valid),
                (self.output_stalls, ~en),
            ),
        )
        return m
