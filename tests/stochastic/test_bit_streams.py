"""The comparators and their registers, every magnitude against every word."""

import numpy as np
import pytest

from hw.stochastic.bits import BitStreams
from sw.stochastic.bits import SHARES, BitSource, sources
from sw.stochastic.lfsr import Lfsr

from ..clocked import drive

PERIOD = 255


def streams(source: BitSource, parallel: int, magnitude: np.ndarray, en: np.ndarray) -> np.ndarray:
    """Return the bits of magnitudes, (cycles, elements), in each cycle with ``en``.

    They are (cycles with ``en`` * parallel, elements).
    """
    dut = BitStreams(source=source, parallel=parallel)
    found = []

    async def bench(ctx):
        for row, step in zip(magnitude.tolist(), en.tolist(), strict=True):
            ctx.set(dut.magnitude, row)
            ctx.set(dut.en, step)
            if step:
                found.append(ctx.get(dut.o.as_value()))
            await ctx.tick()

    drive(dut, bench)
    places = np.arange(source.elements * parallel, dtype=np.uint64)
    bits = np.array(found, np.uint64)[:, None] >> places & 1
    bits = bits.reshape(-1, source.elements, parallel).swapaxes(1, 2)
    return bits.reshape(-1, source.elements).astype(bool)


def check(source: BitSource, parallel: int, magnitude: np.ndarray, en: np.ndarray) -> None:
    found = streams(source, parallel, magnitude, en)
    words = source.words(0, len(found))
    wanted = source.compare(words, np.repeat(magnitude[en], parallel, axis=0))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("share", "bits"), [*((share, 4) for share in SHARES), ("shared", 8), ("rotated", 8)]
)
def test_every_magnitude_and_word(share, bits):
    # 16 magnitudes at a time for a period of the register.
    (source,) = sources(Lfsr(width=8), bits=bits, share=share, seed=3, elements=[16])
    first = np.repeat(np.arange(0, 1 << bits, 16), PERIOD)
    magnitude = first[:, None] + np.arange(16)
    check(source, 1, magnitude, np.ones(len(magnitude), bool))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    ("width", "bits", "form", "parallel"), [(24, 16, "fibonacci", 2), (13, 13, "galois", 8)]
)
def test_several_words_a_cycle_and_pauses(share, width, bits, form, parallel):
    lfsr = Lfsr(width=width, form=form)
    source = sources(lfsr, bits=bits, share=share, seed=5, elements=[2, 3])[1]
    rng = np.random.default_rng(6)
    magnitude = rng.integers(0, 1 << bits, (120, 3))
    check(source, parallel, magnitude, rng.random(120) < 0.7)
