"""The step of sparse training, subtile by subtile."""

from fractions import Fraction

import numpy as np
import pytest

from sim.compare import assert_equal
from sw.errors import UserError
from sw.sparse import fast
from sw.sparse import quantile_estimator as quantile
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.tracking import Estimator, TrackingParameters, importance, largest, settle
from tests.sparse.stimuli import magnitudes


def flushed(value: np.float32) -> np.float32:
    return value if abs(value) >= 2.0**-126 or value != value else value * np.float32(0)


def distance(weight: np.float32, fallback: np.float32) -> np.float32:
    """Return the magnitude of a difference, rounded once from the exact one."""
    one, other = flushed(weight), flushed(fallback)
    if not (np.isfinite(one) and np.isfinite(other)):
        with np.errstate(invalid="ignore"):
            return abs(one - other)
    exact = abs(Fraction(float(one)) - Fraction(float(other)))
    # A quotient of Python's integers is rounded correctly to binary64, exact sums of these are not
    # always: of the binary32 numbers about it the nearest counts, of two the even one.
    about = np.float32(min(exact, Fraction(2) ** 129))
    near = [np.nextafter(about, np.float32(0)), about, np.nextafter(about, np.float32(np.inf))]

    def rank(value: np.float32) -> tuple[Fraction, int]:
        number = Fraction(float(value)) if np.isfinite(value) else Fraction(2) ** 128
        return abs(number - exact), int(value.view(np.uint32) & 1)

    return flushed(min(near, key=rank))


@pytest.mark.parametrize("seed", range(4))
def test_importance_is_rounded_once(seed):
    rng = np.random.default_rng(seed)
    weights = magnitudes(rng, (600,), 10.0 ** -rng.integers(0, 38))
    near = weights * (1 + rng.standard_normal(600) * 2.0 ** -rng.integers(0, 24, 600))
    with np.errstate(invalid="ignore", over="ignore"):
        fallback = np.where(rng.random(600) < 0.5, near, magnitudes(rng, (600,), 0.1))
        fallback = fallback.astype(np.float32)
    expected = [distance(*pair) for pair in zip(weights, fallback, strict=True)]
    found = importance(weights, fallback)
    nan = np.isnan(expected)
    assert_equal(np.isnan(found), nan, context={"seed": seed})
    assert_equal(found[~nan], np.array(expected)[~nan], context={"seed": seed})


def test_what_is_not_kept_is_its_fallback():
    weights = np.array([1, 2, 1e-40, -3], np.float32)
    fallback = np.array([0.5, -0.25, 0.125, 0], np.float32)
    settled = settle(weights, np.array([1, 0, 1, 0], bool), fallback)
    assert_equal(settled, np.array([1, -0.25, 0, 0], np.float32))
    assert settled.dtype == np.float32


def test_largest():
    x = np.array([3, 1, -4, 1, np.nan, 1, 0, np.inf, 1, 0], np.float32)
    for number, places in ((1, [4]), (2, [4, 7]), (4, [0, 2, 4, 7]), (6, [0, 1, 2, 3, 4, 7])):
        assert np.flatnonzero(largest(number / 10, x)).tolist() == places
    assert largest(0.26, x).sum() == 3


def test_an_estimator_goes_on():
    """Packets of whole beats are as one; with `restart` each is as the first."""
    x = np.abs(np.random.default_rng(1).standard_normal(4000)).astype(np.float32)
    p = QuantileParameters(between="carry", step=6)
    for model in (quantile.estimate, fast.estimate):
        estimator = Estimator(p, model)
        found = np.concatenate([estimator(part) for part in np.split(x, 20)])
        assert_equal(found, quantile.estimate(p, x).mask)
    again = Estimator(p.replace(between="restart"))
    for part in np.split(x, 20):
        assert_equal(again(part), quantile.estimate(p, part).mask)


def test_short_beats_count_for_nothing():
    """13 values in beats of 4 move the estimate by 13."""
    p = QuantileParameters(between="carry", step=6, delay=0, initial=1.0)
    estimator = Estimator(p)
    assert not estimator(np.zeros(13, np.float32)).any()
    assert estimator.state is not None
    assert estimator.state.tolist() == [p.start - 13 * p.down]


def test_an_estimate_finds_nearly_the_largest():
    """Of 20,000 values nearly those of the sort are found once the estimate has settled."""
    x = np.abs(np.random.default_rng(3).standard_normal((8, 20_000))).astype(np.float32)
    estimator = Estimator(TrackingParameters().estimator, fast.estimate)
    found = [estimator(values) for values in x][-1]
    wanted = largest(0.1, x[-1])
    assert found.mean() == pytest.approx(0.1, abs=0.004)
    assert (found & wanted).sum() > 0.97 * wanted.sum()


def test_parameters():
    p = TrackingParameters(keep=0.05, lanes=8, step=9, guard=4, delay=1, initial=0.5, words=2)
    q = p.estimator
    assert (q.keep, q.lanes, q.step, q.guard, q.delay) == (0.05, 8, 9, 4, 1)
    assert (q.initial, q.between) == (0.5, "carry")
    assert (p.regenerator.words, p.regenerator.lanes) == (2, 8)
    assert TrackingParameters.make(preset="dropback").threshold == "exact"


def test_at_least_one_is_tracked():
    assert largest(1e-5, np.array([1, -3, 2], np.float32)).tolist() == [False, True, False]


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"keep": 1.5}, "keep must be a number from 9.5e-07 to 1 - 9.5e-07, not 1.5"),
        ({"decay": 1.5}, "decay must be a number from 0 to 1, not 1.5"),
        ({"decay": "fast"}, "decay must be a number from 0 to 1, not 'fast'"),
        (
            {"threshold": "sort"},
            "threshold must be one of quantile, multiplicative, exact, not 'sort'",
        ),
        ({"between": "mean"}, "between must be one of restart, carry, not 'mean'"),
        ({"between": "ever"}, "between must be one of restart, carry, not 'ever'"),
        ({"memory": 2}, "memory must be a number from 0 to 1, not 2"),
        ({"scan": "both"}, "scan must be one of forward, reversed, not 'both'"),
        ({"scope": "tensor"}, "scope must be one of all, layer, not 'tensor'"),
        ({"measured": True}, "measured must be one of before, after, not True"),
        ({"seed": -1}, "seed must be an integer from 0 to 4294967295, not -1"),
        ({"lanes": 17}, "lanes must be an integer from 1 to 16, not 17"),
        ({"rounds": 6}, "rounds must be an integer from 7 to 22, not 6"),
    ],
)
def test_errors(fields, message):
    with pytest.raises(UserError) as error:
        TrackingParameters(**fields)
    assert str(error.value) == message


def test_the_first_estimate_is_the_largest_value_that_is_not_kept():
    values = np.array([3, -10, 1, 2, 5, 4, 7, 6, -9, 8], np.float32)
    assert TrackingParameters(keep=0.1).started(values).initial == 9
    assert TrackingParameters(keep=0.4).started(values).initial == 6


def test_the_first_of_many_equal_ones_are_kept():
    kept = largest(0.25, np.tile(np.array([1, 2], np.float32), 500))
    assert np.flatnonzero(kept).tolist() == [*range(1, 500, 2)]
