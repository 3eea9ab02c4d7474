"""Digits, each with a sign, of words that hold codes of elements."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Value

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MODES
from sw.formats.element import IntegerElement

from ...base.pipeline import wire
from .digits import WORD_BITS, DigitsOfWords, chosen

__all__ = ["DecodeWords"]


class DecodeWords(DigitsOfWords):
    """Decoder of words of codes into digits, each with the sign of its element.

    A word has 16 bits, a code in the lowest bits of every 4, 8 or 16 of them; those above a code
    are ignored. The digits are those of the integer that the code means. Where elements are moved
    (`MultimodeParameters.moved`), the lower digit is the significand and the upper one the places
    by which it is moved up. The code of NaN means zero. Latency is 0 and interval one
    cycle: it is combinational. Parameters and members are those of `DigitsOfWords`.
    """

    def elaborate(self, platform: Any) -> Module:
        """Decode each word in all modes; choose one."""
        m = Module()
        for n in range(self.count):
            word = self.i.word_select(n, self.parameters.packed_bits)
            options = [self._digits(m, f"{n}_{mode}", word, mode) for mode in range(len(MODES))]
            m.d.comb += self.o.word_select(n, WORD_BITS).eq(chosen(self.mode, options))
        return m

    def _digits(self, m: Module, name: str, word: Value, mode: int) -> Value:
        """Return the digits of a word in a mode."""
        element = self.parameters.formats[mode].element
        size = DIGIT_BITS * MODES[mode]
        digits: list[Value] = []
        for place in range(DIGITS // MODES[mode]):
            own, code = f"{name}_{place}", word.word_select(place, size)[: element.bits]
            value = wire(m, f"value_{own}", size, self._value(m, own, mode, code))
            digits += [Cat(value.word_select(d, DIGIT_BITS), code[-1]) for d in range(MODES[mode])]
        return Cat(digits)

    def _value(self, m: Module, name: str, mode: int, code: Value) -> Value:
        """Return the magnitude that a code means, or significand and exponent."""
        element = self.parameters.formats[mode].element
        if isinstance(element, IntegerElement):
            return Mux(code[-1], -code, code) if element.in_twos_complement else code[:-1]
        fraction, field = code[: element.fraction_bits], code[element.fraction_bits : -1]
        hidden = field.any()
        places = (field - hidden)[: len(field)]
        significand = wire(m, f"significand_{name}", DIGIT_BITS, Cat(fraction, hidden))
        if element.specials == "nan":
            significand = Mux(code[:-1].all(), 0, significand)
        if self.parameters.moved and mode == 1:
            return Cat(significand, places)
        return significand << places
