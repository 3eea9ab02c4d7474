"""The circuit of every random word, and the registers that start a stream of them."""

import math
from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.words import KEY_BITS, ROUNDS, Words, fields_of

from ..base.cipher import IndexCipher
from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from ..engine.registers import Register, word

__all__ = ["STREAM_FLAGS", "RandomWords", "beats_inside", "restarted_inside", "stream_registers"]

BLOCK_BITS = 32

STREAM_FLAGS = {
    "restarted": "random words were started anew while elements were inside",
    "exhausted": "a stream of random words ended: from here on they come again",
}
"""Events of units that round stochastically."""


def stream_registers(streams: Mapping[str, Words]) -> tuple[Register, ...]:
    """Return the registers of streams, by the suffix of their names.

    The keys that are written count from a write to ``restart`` on.
    """
    registers = []
    for suffix, stream in streams.items():
        for half, name in enumerate(("low", "high")):
            text = f"{name} half of the key of the random words{suffix.replace('_', ' of ')}"
            reset = stream.key >> 32 * half & 0xFFFFFFFF
            registers.append(word(f"stream{suffix}_{name}", "rw", 32, text, reset=reset))
    text = "starts the random words of the keys, from the first one; with no elements inside"
    return (*registers, word("restart", "wo", 1, text))


def restarted_inside(m: Module, restart: Value, accepted: Value, given: Value, most: int) -> Value:
    """Return whether there is a restart while beats, at most ``most``, are inside."""
    return restart & (accepted | beats_inside(m, accepted, given, most).any())


def beats_inside(m: Module, accepted: Value, given: Value, most: int) -> Signal:
    """Return how many beats, at most ``most``, are inside."""
    inside = Signal(range(most + 1), name="beats_inside")
    m.d.sync += inside.eq(inside + accepted - given)
    return inside


class RandomWords(Circuit):
    """A beat of random words, one for each lane, as of `sw.words.Words`.

    From a restart on, beat ``b`` has the words ``first + b * stride`` and following. Lanes share a
    cipher where their words are always of one block. Latency is `latency` enabled cycles, interval
    one. ``o`` comes from registers, but for the choice of words of a block that serves several
    beats.

    Parameters
    ----------
    lanes : int
        Words of a beat.
    bits : int
        Bits of a word, 1..32.
    key : int
        Of the stream after reset.
    first, stride : int
        Index of the first beat's first word, and from one beat's to the next one's.
    skips : int
        Bits of ``skip``; without it streams start with the first beat.

    Members
    -------
    en : In(1)
        Clock enable of every register but the key and the counters.
    step : In(1)
        Draws a beat; counts with ``en``.
    restart : In(1)
        Takes ``key`` and starts its stream, with no beat under way.
    key : In(64)
        Of a stream.
    skip : In(skips)
        Beats that the stream is started after.
    o : Out(lanes * bits)
        Words, lane 0 lowest.
    exhausted : Out(1)
        The counters pass the last block of the stream.
    """

    latency = IndexCipher(rounds=ROUNDS, bits=KEY_BITS).latency
    """Enabled cycles from a step to its words."""

    def __init__(
        self, *, lanes: int, bits: int, key: int, first: int, stride: int, skips: int = 0
    ) -> None:
        self.lanes = lanes
        self.bits = bits
        self.first_key = key
        self.first = first
        self.stride = stride
        self.skips = skips
        members: dict[str, Any] = dict.fromkeys(("en", "step", "restart"), In(1))
        members |= {"key": In(KEY_BITS), "o": Out(lanes * bits), "exhausted": Out(1)}
        members |= {"skip": In(skips)} if skips else {}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build a cipher for as many lanes as always have their words from one block."""
        m = Module()
        fields = fields_of(self.bits)
        shared = math.gcd(fields, self.lanes, self.first, self.stride)
        # A counter counts groups of ``shared`` words, of which a block has a power of two.
        group_bits = (fields // shared).bit_length() - 1
        step = self.stride // shared
        key = Signal(KEY_BITS, init=self.first_key)
        with m.If(self.restart):
            m.d.sync += key.eq(self.key)
        words, ends = [], []
        for n in range(self.lanes // shared):
            start = self.first // shared + n
            index = Signal(BLOCK_BITS + group_bits, init=start, name=f"index_{n}")
            following = Signal(len(index) + 1, name=f"following_{n}")
            m.d.comb += following.eq(index + step)
            with m.If(self.en & self.step):
                m.d.sync += index.eq(following)
            with m.If(self.restart):
                m.d.sync += index.eq(start + (self.skip * step if self.skips else 0))
            ends.append(following[-1])
            m.submodules[f"cipher_{n}"] = cipher = IndexCipher(rounds=ROUNDS, bits=KEY_BITS)
            m.d.comb += [
                cipher.en.eq(self.en),
                cipher.i.eq(index[group_bits:]),
                cipher.key.eq(key),
            ]
            place = delay(m, self.en, index[:group_bits], cipher.latency, name=f"place_{n}")
            width = BLOCK_BITS // fields
            # Verilator warns of shifts that are cut, which a selection is.
            bits = (shared * width).bit_length() - 1
            group = wire(m, f"group_{n}", BLOCK_BITS, cipher.o >> Cat(Const(0, bits), place))
            words += [group[lane * width :][: self.bits] for lane in range(shared)]
        m.d.comb += [
            self.o.eq(Cat(words)),
            self.exhausted.eq(self.en & self.step & Cat(ends).any()),
        ]
        return m
