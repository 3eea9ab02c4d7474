"""Pulsed updates: coincidences of random pulses, each of which moves a weight by one step.

T. Gokmen and Y. Vlasov, "Acceleration of Deep Neural Network Training with Resistive Cross-Point
Devices", Frontiers in Neuroscience 10:333, 2016, with the management of updates and of lengths that
IBM's Analog Hardware Acceleration Kit has (M. J. Rasch et al., AICAS 2021). The devices are ideal:
every step is alike and no weight has a limit.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from ..arrays import Floats, Integers
from ..checks import array, flag, instance, is_number, number, shown, whole
from ..errors import UserError
from ..formats import binary32
from ..parameters import Parameters
from .bits import MOST_FIRST, BitSource, sources
from .lfsr import Lfsr
from .parameters import check_generators

__all__ = ["PulsedParameters", "Pulses", "pulsed_gradient", "pulses", "sums"]

PAIRS = 128
"""Pairs that are counted at a time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PulsedParameters(Parameters):
    """Parameters of pulsed updates.

    A pair of vectors moves a weight by ``step`` in each cycle in which pulses of its row and of
    its column coincide; `pulses` has the chances. Random words are those of linear feedback shift
    registers (`sw.stochastic.lfsr`).

    Parameters
    ----------
    step : float
        What a coincidence of pulses changes a weight by, above 0 and below 1.
    length : int
        Most pulses of a pair of vectors, 1..256.
    update_management : bool
        Whether pulses of both vectors are made as likely: the chances of ``x`` are multiplied by
        the root of the largest ``d`` over the largest ``x``, and those of ``d`` are divided by it.
    length_management : bool
        Whether a pair has only as many pulses as take the largest product in steps.
    share : str
        Of `sw.stochastic.bits.SHARES`; every line of a crossbar has a generator of its own.
    width : int
        Bits of the shift registers, 8..32, whose words repeat after `repeats` pairs. All are on
        one cycle of states, so that a register meets words that another had long before.
    bits : int
        Bits of chances and random words, 2..24, no more than ``width``.
    form : str
        Of the shift registers, ``fibonacci`` or ``galois``.
    seed : int
        From which the states of the shift registers are counted, 1..2**width - 1.
    """

    step: float = 0.001
    length: int = 31
    update_management: bool = True
    length_management: bool = True
    share: str = "independent"
    width: int = 24
    bits: int = 16
    form: str = "fibonacci"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        if not is_number(self.step) or not 0 < self.step < 1:
            raise UserError(f"step must be a number above 0 and below 1, not {shown(self.step)}")
        whole("length", self.length, 1, 256)
        flag("update_management", self.update_management)
        flag("length_management", self.length_management)
        check_generators(self)

    @property
    def lfsr(self) -> Lfsr:
        """The shift register."""
        return Lfsr(width=self.width, form=self.form)

    @property
    def repeats(self) -> int:
        """Pairs after which all random words repeat, in whole ones."""
        return self.lfsr.period // self.length

    def sources(self, columns: int, rows: int) -> list[BitSource]:
        """Return the sources of the bits of ``x`` and of ``d``."""
        elements = (columns, rows)
        return sources(
            self.lfsr, bits=self.bits, share=self.share, seed=self.seed, elements=elements
        )


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Pulses:
    """Pairs of vectors, ready to be compared with random words.

    Parameters
    ----------
    x, d : array of int64, (pairs, columns) and (pairs, rows)
        Magnitudes as of `BitSource`, with the signs of the values.
    lengths : array of int64, (pairs,)
        Pulses of each pair.
    """

    x: Integers
    d: Integers
    lengths: Integers

    def __post_init__(self) -> None:
        """Check types and shapes."""
        most = 1 << 24
        x = array("x", self.x, "integer", shape=("pairs", "columns"), low=-most, high=most)
        d = array("d", self.d, "integer", shape=(len(x), "rows"), low=-most, high=most)
        lengths = array("lengths", self.lengths, "integer", shape=(len(x),), low=0, high=256)
        for name, value in (("x", x), ("d", d), ("lengths", lengths)):
            object.__setattr__(self, name, value.astype(np.int64))


def pulses(p: PulsedParameters, x: Floats, d: Floats, *, rate: float) -> Pulses:
    """Return the pulses of pairs of finite vectors, (pairs, columns) and (pairs, rows).

    ``base = sqrt(rate / (step * pulses))`` times a value is the chance of its pulse, no more than
    1, so that the expected change is ``rate`` times the product. All is computed in binary64, in
    this order; a chance is rounded to a magnitude, a half up. ``rate`` is not negative.
    """
    instance("p", p, PulsedParameters)
    rate = number("rate", rate, 0, binary32.LARGEST)
    x = array("x", x, "float32", shape=("pairs", "columns"), finite=True)
    d = array("d", d, "float32", shape=(len(x), "rows"), finite=True)
    sides = [np.abs(binary32.flush(v).astype(np.float64)) for v in (x, d)]
    x_most, d_most = (side.max(1, initial=0, keepdims=True) for side in sides)
    lengths = np.full(len(x), p.length)
    if p.length_management:
        needed = np.ceil(rate * x_most * d_most / p.step)
        lengths = np.clip(needed, 1, p.length).astype(np.int64)[:, 0]
    base = np.sqrt(rate / (p.step * lengths))[:, None]
    balance = np.ones_like(x_most)
    if p.update_management:
        np.divide(d_most, x_most, out=balance, where=(x_most > 0) & (d_most > 0))
        balance = np.sqrt(balance)
    # Where words are whole states none is zero, see `BitSource`.
    full = (1 << p.bits) - (p.bits == p.width)
    chances = sides[0] * (base * balance), sides[1] * (base / balance)
    magnitudes = [np.minimum(np.floor(c * full + 0.5), full).astype(np.int64) for c in chances]
    x_signed, d_signed = (
        np.where(np.signbit(v), -q, q) for q, v in zip(magnitudes, (x, d), strict=True)
    )
    return Pulses(x=x_signed, d=d_signed, lengths=lengths)


def sums(p: PulsedParameters, pulses: Pulses, *, first: int = 0) -> Integers:
    """Return the coincidences of all pairs, those of unlike signs less, (rows, columns).

    A pair uses up ``length`` words of each source whatever its pulses; ``first`` is the number of
    the first pair.
    """
    instance("p", p, PulsedParameters)
    instance("pulses", pulses, Pulses)
    first = whole("first", first, 0, MOST_FIRST)
    x, d = pulses.x, pulses.d
    x_source, d_source = p.sources(x.shape[1], d.shape[1])
    total = np.zeros((d.shape[1], x.shape[1]), np.float64)
    for start in range(0, len(x), PAIRS):
        part = slice(start, start + PAIRS)
        lengths = pulses.lengths[part]
        bits = []
        for source, signed in ((x_source, x[part]), (d_source, d[part])):
            words = source.words((first + start) * p.length, len(signed) * p.length)
            words = words.reshape(len(signed), p.length, source.elements)
            set_bits = source.compare(words, np.abs(signed)[:, None])
            bits.append(np.where(set_bits, np.sign(signed)[:, None], 0))
        bits[0] = bits[0] * (np.arange(p.length) < lengths[:, None])[:, :, None]
        x_bits, d_bits = (b.reshape(-1, b.shape[2]).astype(np.float64) for b in bits)
        total += d_bits.T @ x_bits
    return total.astype(np.int64)


def pulsed_gradient(
    p: PulsedParameters,
    d: Floats,
    x: Floats,
    *,
    rate: float,
    first: int = 0,
    count: Callable[..., Integers] = sums,
) -> Floats:
    """Return an estimate of ``d @ x.T``, (m, n); ``rate`` times it are the steps made.

    It is ``count * step / rate``, rounded once; zero where the rate is, and NaN where a vector
    holds a NaN or an infinity.

    Parameters
    ----------
    p : PulsedParameters
        Of the updates.
    d, x
        As for `sw.stochastic.gradient.weight_gradient`.
    rate : float
        Rate of learning, 0 or more.
    first : int
        Number of the first pair.
    count : callable
        `sums`, or that of `sw.stochastic.fast`.
    """
    instance("p", p, PulsedParameters)
    rate = number("rate", rate, 0, binary32.LARGEST)
    first = whole("first", first, 0, MOST_FIRST)
    d = array("d", d, "float32", shape=("m", "pairs"))
    x = array("x", x, "float32", shape=("n", d.shape[1]))
    if not (np.isfinite(d).all() and np.isfinite(x).all()):
        return np.full((len(d), len(x)), binary32.NAN)
    if not rate:
        return np.zeros((len(d), len(x)), np.float32)
    found = count(p, pulses(p, x.T, d.T, rate=rate), first=first)
    return binary32.flush((found * (p.step / rate)).astype(np.float32))
