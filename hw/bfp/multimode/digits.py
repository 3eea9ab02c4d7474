"""Digits, each with a sign, of words that hold one, two or four mantissas."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES, MultimodeParameters

from ...base.circuit import Circuit

__all__ = [
    "DIGIT",
    "WORD_BITS",
    "DigitsOfWords",
    "SplitWords",
    "chosen",
    "operand_bits",
]

DIGIT = DIGIT_BITS + 1
"""Bits of a digit and its sign."""

WORD_BITS = DIGITS * DIGIT
"""Bits of a word's digits with their signs, lowest digit first."""


def operand_bits(parameters: MultimodeParameters) -> int:
    """Return the bits of the digits of ``lanes`` words, and one where products may be moved."""
    return parameters.lanes * WORD_BITS + parameters.moved


def chosen(mode: Value, options: list[Any]) -> Value:
    """Return what belongs to the mode."""
    return Mux(mode[1], options[2], Mux(mode[0], options[1], options[0]))


class DigitsOfWords(Circuit):
    """Digits of words, each with the sign of its element; of which kind, a subclass says.

    Latency is 0 and interval one cycle: it is combinational.

    Parameters
    ----------
    parameters : MultimodeParameters
        Of the array.
    count : int
        Words.

    Members
    -------
    mode : In(2)
        0, 1 or 2: elements of 4, 8 or 16 bits.
    i : In(count * packed_bits)
        Words.
    o : Out(count * WORD_BITS)
        Their digits.
    """

    def __init__(self, *, parameters: MultimodeParameters, count: int) -> None:
        self.parameters = parameters
        self.count = count
        super().__init__(
            {
                "mode": In(2),
                "i": In(count * parameters.packed_bits),
                "o": Out(count * WORD_BITS),
            }
        )


class SplitWords(DigitsOfWords):
    """Splitter of words into digits, each with the sign of its mantissa.

    A word has 16 bits of mantissas, lowest first, and above them, where signs are beside, a sign a
    mantissa. Where the sign is inside it is the top bit of each mantissa. Latency is 0 and interval
    one cycle: it is combinational. Parameters and members are those of `DigitsOfWords`.
    """

    def elaborate(self, platform: Any) -> Module:
        """Choose each digit's sign; a sign that is inside is no part of its digit."""
        m = Module()
        size = self.parameters.packed_bits
        for n in range(self.count):
            word = self.i.word_select(n, size)
            digits = [word.word_select(d, DIGIT_BITS) for d in range(DIGITS)]
            for d, digit in enumerate(digits):
                signs, tops = [], []
                for mantissa in MODES:
                    value, place = divmod(d, mantissa)
                    if self.parameters.sign_inside:
                        signs.append(digits[value * mantissa + mantissa - 1][-1])
                        tops.append(place == mantissa - 1)
                    else:
                        signs.append(word[DIGITS * DIGIT_BITS + value])
                        tops.append(False)
                top = chosen(self.mode, tops)
                m.d.comb += self.o.word_select(n * DIGITS + d, DIGIT).eq(
                    Cat(digit[:-1], digit[-1] & ~top, chosen(self.mode, signs))
                )
        return m
