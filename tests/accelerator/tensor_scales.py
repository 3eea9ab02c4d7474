"""Scales of tensors by whole numbers, and the interpreter on a bench's scratchpad."""

import copy
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from sw.accelerator.coding import encode
from sw.accelerator.machine import Machine

from .made import SMALL
from .scratchpad import Scratchpad

__all__ = [
    "INFINITY",
    "NEAREST",
    "QUIET",
    "STOCHASTIC",
    "assert_address_error",
    "base",
    "factor",
    "interpreted",
    "largest",
    "value",
]

NEAREST = SMALL.replace(rows=1, columns=2, format="nvfp4", banks=4, bank_words=256, port_bits=32)
STOCHASTIC = NEAREST.replace(format="nvfp4:rounding=stochastic")

INFINITY, QUIET = 0x7F800000, 0x7FC00000
NORMAL = 1 << 23
LEAST = Fraction(2688, 1 << 116)
"""Of a largest magnitude that is not zero, as it counts."""


def value(bits: int) -> Fraction:
    """Return a finite magnitude; a subnormal one is zero."""
    exponent = Fraction(2) ** ((bits >> 23) - 150)
    return Fraction(bits & NORMAL - 1 | NORMAL) * exponent if bits >= NORMAL else Fraction(0)


def rounded(x: Fraction) -> int:
    """Return the bits of what is not negative, to nearest even; what is not normal is zero."""
    if not x:
        return 0
    exponent = x.numerator.bit_length() - x.denominator.bit_length() - 24
    while x / Fraction(2) ** exponent >= 1 << 24:
        exponent += 1
    bits = (exponent + 149 << 23) + round(x / Fraction(2) ** exponent)
    return 0 if bits < NORMAL else min(bits, INFINITY)


def largest(words: np.ndarray | Sequence[int]) -> int:
    """Return the bits of the largest finite magnitude."""
    sizes = (int(bits) & 0x7FFFFFFF for bits in np.ravel(words))
    return max((bits for bits in sizes if NORMAL <= bits < INFINITY), default=0)


def factor(a: int, b: int) -> int:
    """Return the bits of the factor of products, given those of the largest magnitudes."""
    a, b = a & 0x7FFFFFFF, b & 0x7FFFFFFF
    if max(a, b) > INFINITY:
        return QUIET
    if INFINITY in (a, b):
        return QUIET if min(a, b) < NORMAL else INFINITY
    first, second = (max(value(n), LEAST) if n >= NORMAL else Fraction(0) for n in (a, b))
    product = rounded(first * second)
    return product if product == INFINITY else rounded(value(product) / 2688**2)


def base(engine: str, window: int, bank: int, address: int, **fields: int) -> int:
    """Return what sets where a window begins."""
    return encode(f"{engine}.base", window=window, bank=bank, address=address, **fields)


def interpreted(memory: Scratchpad, commands: Sequence[int]) -> Scratchpad:
    """Return what the interpreter makes of a scratchpad; no token is waited for in vain."""
    p, after = memory.p, copy.deepcopy(memory)
    machine = Machine(p, bytearray(0))
    machine.words[...] = memory.values.reshape(machine.words.shape)
    bits = p.format.exponent_bits
    for bank, words in zip(machine.side, memory.side, strict=True):
        for part in range(p.slices):
            bank[:, part] = [word >> bits * part & (1 << bits) - 1 for word in words]
    tokens = encode("signal", tokens=0xFFFF)
    outcome = machine.run([*[tokens] * len(commands), *commands, encode("halt")])
    assert not outcome.error, outcome
    after.values[...] = machine.words.reshape(after.values.shape)
    after.side = [
        [sum(int(code) << bits * part for part, code in enumerate(word)) for word in words]
        for words in machine.side
    ]
    return after


def assert_address_error(commands: Sequence[int], engine: str) -> None:
    """Check that the last command stops the interpreter."""
    outcome = Machine(NEAREST, bytearray(0)).run(list(commands))
    assert (outcome.error, outcome.engine, outcome.pc) == ("address", engine, len(commands) - 1)
