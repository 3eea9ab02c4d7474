"""Models of approximate multipliers against the papers' figures and a second reading of them."""

import hashlib
from fractions import Fraction
from itertools import product as pairs

import numpy as np
import pytest

from sw.approx.errors import measure, untruncated
from sw.approx.multipliers import NAMES, multiplier
from sw.approx.realm import exact_factors, factors
from sw.approx.table import make, write
from sw.errors import UserError

# SHA-256 of the tables that ApproxTrain ships (its folder lut, of a byte an entry).
HASHES = {
    ("mbm", 7): "dc2c5c50eb820657f593fde6927a18fbb591582e5e050d8cb727895f9a350d7a",
    ("mbm", 1): "8d65a89d33fc69d31f85fd8ed396d6dd5672cd59f80bd2ced560d4bbaeb43222",
    ("mitchell", 7): "ac623c7e6e5bb79b33d6a5b71dcac0fd324788c73c71370e406c0600bbfab667",
    ("mitchell", 1): "ba57af15c8d49bc2d673bdbcc15b9761dddf25386be00890bb7cf56cc02b0dba",
    ("exact", 7): "96a1b918f9dea7db98eceb484d1b606e3cf60982274d7443b9ed65baf4dfcbee",
}

# Mean, mean magnitude, largest and least error in percent, of ApproxTrain's tables.
TABLES = {
    ("mbm", 7): ("0.45", "2.69", "9.4", "-7.6"),
    ("mbm", 5): ("1.33", "3.16", "12.5", "-8.3"),
    ("mbm", 3): ("4.95", "7.41", "25", "-10.5"),
    ("mbm", 1): ("38.9", "44", "100", "-11.1"),
    ("mitchell", 7): ("-3.85", "3.85", "0", "-11.1"),
    ("mitchell", 5): ("-3.84", "3.84", "0", "-11.1"),
    ("mitchell", 3): ("-3.78", "3.78", "0", "-11.1"),
    ("mitchell", 1): ("-2.78", "2.78", "0", "-11.1"),
    ("exact", 7): ("-0.27", "0.27", "0", "-0.77"),
}


def same(text: str, error: float) -> bool:
    """Tell whether an error is, in percent, what is printed, to the digits printed."""
    digits = len(text.partition(".")[2])
    return f"{100 * error + 0.0:.{digits}f}".replace("-0.0", "0.0") in (text, f"-{text}")


@pytest.mark.parametrize("name, bits", HASHES)
def test_tables_are_those_of_approxtrain(name, bits, tmp_path):
    path = tmp_path / f"{name}_{bits}.bin"
    write(make(name, bits), path, "byte")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == HASHES[name, bits]


@pytest.mark.parametrize("name, bits", TABLES)
def test_errors_of_the_tables(name, bits):
    found = measure(make(name, bits).codes, bits)
    values = (found.bias, found.mean, found.largest, found.least)
    for text, value in zip(TABLES[name, bits], values, strict=True):
        assert same(text, value), (text, value)


def test_errors_of_realm():
    """REALM's abstract (DATE 2020): mean 0.4 to 1.6 %, peak 2.08 to 7.4 %, bias mostly 0.05 %.

    The peak of 16 segments is 2.07 % of all pairs of 11 bits, and 2.08 % of finer ones.
    """
    found = untruncated(multiplier("realm16"), 11)
    assert (f"{100 * found.mean:.2f}", f"{100 * found.peak:.2f}") == ("0.42", "2.07")
    fine = measure(lambda x, y: multiplier("realm16").codes(x, y, 23), 23)
    figures = [f"{100 * value:.{d}f}" for value, d in ((fine.bias, 3), (fine.mean, 2))]
    assert figures == ["0.009", "0.42"]
    assert f"{100 * fine.peak:.2f}" == "2.08"
    for name, mean, peak in (("realm8", "0.75", "3.7"), ("realm4", "1.38", "5.7")):
        found = untruncated(multiplier(name), 11)
        assert (f"{100 * found.mean:.2f}", f"{100 * found.peak:.1f}") == (mean, peak)


def test_errors_of_long_fractions():
    mitchell, mbm = (
        measure(lambda x, y, name=name: multiplier(name).codes(x, y, 23), 23)
        for name in ("mitchell", "mbm")
    )
    assert (f"{100 * mitchell.mean:.3f}", f"{100 * mitchell.peak:.2f}") == ("3.849", "11.11")
    figures = [f"{100 * value:.2f}" for value in (mbm.mean, mbm.bias, mbm.peak)]
    assert figures == ["2.58", "-0.10", "7.81"]


def test_distribution():
    found = measure(make("mbm", 7).codes, 7)
    assert found.shares.sum() == 1
    assert found.edges[0] <= found.least < found.edges[1]
    assert found.edges[-2] <= found.largest < found.edges[-1]
    middle = (found.edges[:-1] + found.edges[1:]) / 2
    assert abs(middle @ found.shares - found.bias) < 0.001


def test_factors_of_realm():
    """A second way to them: the mean of the error over many points."""
    points = (np.arange(400) + 0.5) / 400
    x, y = np.meshgrid(points, points, indexing="ij")
    exact = (1 + x) * (1 + y)
    error = exact - np.where(x + y < 1, 1 + x + y, 2 * (x + y))
    for segments in (4, 8, 16):
        shape = (segments, 400 // segments) * 2
        above, below = ((v / exact).reshape(shape).sum((1, 3)) for v in (error, np.ones_like(x)))
        assert np.abs(above / below - exact_factors(segments)).max() < 2e-5
    # As printed by the first who computed them, of 4 segments.
    first = [[0.0145, 0.0447, 0.0748, 0.0669], [0.0447, 0.1378, 0.1925, 0.0803]]
    assert np.array_equal(exact_factors(4)[:2].round(4), first)
    assert np.array_equal(factors(4)[0], [1, 3, 5, 4])


def reading(name: str, i: int, j: int, m: int) -> int:
    """Carry and fraction by rational numbers, as the papers put it."""
    x, y = Fraction(i, 1 << m), Fraction(j, 1 << m)
    last = Fraction(1, 1 << m)
    if name.startswith("drum"):
        kept = int(name[4:])
        if kept <= m:
            unit = Fraction(1, 1 << kept - 1)
            x, y = ((v // unit * unit) + (unit if v // unit % 2 == 0 else 0) for v in (x, y))
        p = (1 + x) * (1 + y)
    elif name.startswith("array"):
        weights = [Fraction(1, 1 << n) for n in range(m + 1)]
        bits_x, bits_y = ([v * (1 << n) // 1 % 2 for n in range(m + 1)] for v in (1 + x, 1 + y))
        least = last / (1 << int(name[5:]))
        p = sum(
            w * v
            for (a, w), (b, v) in pairs(
                zip(bits_x, weights, strict=True), zip(bits_y, weights, strict=True)
            )
            if a and b and w * v >= least
        )
    elif name in ("exact", "exact_nearest"):
        p = (1 + x) * (1 + y)
    else:
        if name == "mbm" and m < 23:
            x, y = (v if v / last % 2 else v + last for v in (x, y))
        s, c = x + y, Fraction(5, 64) if name == "mbm" else Fraction(0)
        if s < 1:
            p = 1 + s + c // last * last
        else:
            more = s - 1 + c / 2 // last * last
            p = 2 * (1 + (more if more < 1 else s - 1))
        if name.startswith("realm"):
            n = int(name[5:])
            p += Fraction(int(factors(n)[int(x * n), int(y * n)]), 64)
    carry = int(p >= 2)
    unit = last * (1 + carry)
    code = min(p // unit, 4 // unit - 1)
    if name == "exact_nearest":
        rest = p / unit - code
        code += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and code % 2 == 1)
        carry, code = (1, 1 << m) if code == 2 << m else (carry, code)
    return int(carry << m | code - (1 << m))


READ = ("exact", "exact_nearest", "mitchell", "mbm", "realm4", "realm8", "realm16")
READ += ("drum2", "drum3", "drum4", "array0", "array1", "array9")


@pytest.mark.parametrize("name", READ)
def test_models_are_what_the_papers_say(name):
    """All pairs of up to 5 bits, and pairs of 23."""
    least = multiplier(name).least_bits
    for m in range(least, 6):
        side = range(1 << m)
        expected = [[reading(name, i, j, m) for j in side] for i in side]
        fractions = np.arange(1 << m)
        got = multiplier(name).codes(fractions[:, None], fractions, m)
        assert np.array_equal(got, expected), m
    rng = np.random.default_rng(1)
    for x, y in rng.integers(0, 1 << 23, (200, 2)).tolist() + [[(1 << 23) - 1] * 2, [0, 0]]:
        assert multiplier(name).codes(x, y, 23) == reading(name, x, y, 23)


def test_exact_nearest_is_that_of_binary32():
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 1 << 23, (2, 100_000))
    codes = multiplier("exact_nearest").codes(x, y, 23)
    a, b = ((v | 0x3F800000).astype(np.uint32).view(np.float32) for v in (x, y))
    expected = (a * b).view(np.uint32).astype(np.int64) - 0x3F800000
    assert np.array_equal(codes, expected)


def test_realm_stays_below_four():
    ones = (1 << 11) - 1
    assert multiplier("realm4").product(1 << 11 | ones, 1 << 11 | ones, 11) == (4 << 22) - 1
    assert multiplier("realm4").codes(ones, ones, 11) == 1 << 11 | ones


@pytest.mark.parametrize(
    "name, text",
    [
        ("mbn", "unknown multiplier 'mbn', did you mean mbm?"),
        ("realm5", "unknown multiplier 'realm5'"),
        ("drum1", "bits of drum must be an integer from 2 to 24, not 1"),
        ("array24", "places of array must be an integer from 0 to 23, not 24"),
        ("drumK", "multiplier must have a number for K, such as drum6, not 'drumK'"),
        ("drum", "unknown multiplier 'drum'"),
    ],
)
def test_names(name, text):
    assert "mbm" in NAMES
    with pytest.raises(UserError) as caught:
        multiplier(name)
    assert str(caught.value).startswith(text)


def test_bits():
    with pytest.raises(UserError, match="bits of realm16 must be an integer from 4 to 23, not 3"):
        multiplier("realm16").codes(0, 0, 3)
    with pytest.raises(UserError, match="bits of mbm must be an integer from 1 to 23, not 24"):
        multiplier("mbm").codes(0, 0, 24)
