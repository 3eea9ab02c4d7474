"""Random bits: their chances, what shares a word, and that no two sources are near each other."""

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.errors import UserError
from sw.stochastic.bits import SHARES, BitSource, sources
from sw.stochastic.lfsr import FORMS, Lfsr
from sw.stochastic.outer_parameters import OuterProductParameters
from tests.stochastic.reference import Bits

LFSR = Lfsr(width=9)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("width, bits", [(8, 8), (8, 5), (10, 9), (9, 1)])
def test_chances_over_a_period(width, bits, share, form):
    """With whole states exactly; of shorter words those below lack the state zero."""
    lfsr = Lfsr(width=width, form=form)
    (source,) = sources(lfsr, bits=bits, share=share, seed=3, elements=[3])
    words = source.words(0, lfsr.period)
    for q in range(1 << bits):
        ones = source.compare(words, np.full(3, q)).sum(0).tolist()
        chance = q if bits == width else max((q << width - bits) - 1, 0)
        assert ones == 3 * [chance]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("width, bits", [(8, 8), (11, 4), (24, 16), (32, 24), (32, 8)])
def test_words(width, bits, share, form):
    """Of more elements than the register has bits, from any place on."""
    p = OuterProductParameters(width=width, bits=bits, share=share, form=form, rows=1, columns=1)
    elements = 35
    starts = tuple(range(1, 1 + (elements if share == "independent" else 1)))
    source = BitSource(
        lfsr=p.lfsr, bits=bits, share=share, elements=elements, starts=tuple(s * 7 for s in starts)
    )
    slow = Bits(p, [s * 7 for s in starts])
    for first, count in ((0, 5), (13, 4)):
        expected = [[slow.word(e, first + i) for e in range(elements)] for i in range(count)]
        assert_equal(source.words(first, count).astype(np.int64), np.array(expected))


def test_a_wrong_turn_is_noticed(monkeypatch):
    monkeypatch.setattr(Bits, "make", lambda self, element, number: self.registers[0][number] >> 8)
    with pytest.raises(MismatchError):
        test_words(24, 16, "rotated", "galois")


def test_compare():
    """A word that is equal counts where words are whole states."""
    for bits, inclusive in ((9, True), (8, False)):
        source = BitSource(lfsr=LFSR, bits=bits, share="shared", elements=3, starts=(1,))
        assert source.inclusive is inclusive
        got = source.compare(np.array([5, 5, 5]), np.array([4, 5, 6]))
        assert got.tolist() == [False, inclusive, True]


@pytest.mark.parametrize("share", SHARES)
def test_sources_lie_apart(share):
    """Over the cycle of states no distance is less than half of the mean one."""
    lfsr = Lfsr(width=12)
    found = sources(lfsr, bits=8, share=share, seed=5, elements=[4, 4, 3, 3])
    assert [len(s.starts) for s in found] == ([4, 4, 3, 3] if share == "independent" else 4 * [1])
    places = {int(s): i for i, s in enumerate(lfsr.linear.orbit(5, 1, lfsr.period))}
    at = sorted(places[start] for source in found for start in source.starts)
    gaps = np.diff([*at, at[0] + lfsr.period])
    assert gaps.min() >= lfsr.period // len(at) and gaps.max() <= lfsr.period // len(at) + 1
    assert at[0] == lfsr.period // (2 * len(at))


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: BitSource(lfsr=LFSR, bits=10, share="shared", elements=1, starts=(1,)),
            "bits must be an integer from 1 to 9, not 10",
        ),
        (
            lambda: BitSource(lfsr=LFSR, bits=8, share="alone", elements=1, starts=(1,)),
            "share must be one of shared, rotated, independent, not 'alone'",
        ),
        (
            lambda: BitSource(lfsr=LFSR, bits=8, share="independent", elements=3, starts=(1,)),
            "starts must be 3 states, not 1",
        ),
        (
            lambda: BitSource(lfsr=LFSR, bits=8, share="rotated", elements=0, starts=(1,)),
            "elements must be an integer from 1 to 65536, not 0",
        ),
        (
            lambda: sources(Lfsr(width=8), bits=8, share="independent", seed=1, elements=[300]),
            "width must be at least 9 for 300 shift registers that start in different states",
        ),
        (
            lambda: sources(LFSR, bits=8, share="shared", seed=512, elements=[1]),
            "seed must be an integer from 1 to 511, not 512",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value)
