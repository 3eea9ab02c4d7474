"""The cipher that makes a random word of a number."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from sw.cipher import constants
from sw.stages import CIPHER_ROUNDS, cipher_latency

from .circuit import Circuit
from .pipeline import register, wire

__all__ = ["IndexCipher"]


class IndexCipher(Circuit):
    """Words enciphered as `sw.cipher.encrypt` does with the `round_keys` of a key.

    Latency is `latency` enabled cycles, interval one. ``o`` comes from registers.

    Parameters
    ----------
    rounds : int
        Rounds.
    bits : int
        Bits of the key, a multiple of 16.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(32)
        Word.
    key : In(bits)
        Held while words are under way.
    o : Out(32)
        Enciphered word.
    """

    def __init__(self, *, rounds: int, bits: int) -> None:
        self.rounds = rounds
        self.bits = bits
        super().__init__({"en": In(1), "i": In(32), "key": In(bits), "o": Out(32)})

    @property
    def latency(self) -> int:
        """Enabled cycles from word to word."""
        return cipher_latency(self.rounds)

    def elaborate(self, platform: Any) -> Module:
        """Build the rounds."""
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        x, y = self.i[16:], self.i[:16]
        for n, constant in enumerate(constants(self.rounds)):
            key = self.key.word_select(n % (self.bits // 16), 16) ^ constant
            x = net(f"x_{n}", 16, (x.rotate_right(7) + y)[:16] ^ key)
            y = net(f"y_{n}", 16, y.rotate_left(2) ^ x)
            if n % CIPHER_ROUNDS == CIPHER_ROUNDS - 1 or n == self.rounds - 1:
                x, y = reg(f"x_{n}_later", 16, x), reg(f"y_{n}_later", 16, y)
        m.d.comb += self.o.eq(Cat(y, x))
        return m
