"""The compiled loops give the bits of the plain models."""

from typing import Any

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.errors import UserError
from sw.formats.binary32 import add
from sw.stochastic import fast, pulsed
from sw.stochastic import outer_product as outer
from sw.stochastic.bits import SHARES
from sw.stochastic.gradient import Block, weight_gradient
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.pulsed import PulsedParameters, Pulses
from tests.stochastic.stimuli import random_fields, vectors


def check(p: OuterProductParameters, x, d, **options) -> None:
    got = fast.outer_product(p, x, d, **options)
    assert_equal(got, outer.outer_product(p, x, d, **options), context={"parameters": p})


@pytest.mark.parametrize("seed", range(25))
def test_any_parameters(seed):
    rng = np.random.default_rng(seed)
    p = OuterProductParameters(**random_fields(rng))
    pairs = 60 // p.batch * p.batch if p.scale == "batch" else 60
    x, d = vectors(pairs, p.columns, seed), vectors(pairs, p.rows, seed + 1000)
    last = None if p.scale == "batch" else rng.random(pairs) < 0.2
    scale: dict[str, Any] = {"shift": int(rng.integers(0, 32))}
    if p.rate == "free":
        scale = {"rate": float(np.float32(rng.standard_normal()))}
    first = int(rng.integers(0, 9)) if seed % 2 else 10**12 + seed // 2
    check(p, x, d, last=last, first=first, **scale)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("length", [1, 2, 4, 8, 16, 32, 64, 128, 256])
def test_lengths(length, share):
    """Streams that end within a word of 64 bits and beyond it; zeros at the ends and between."""
    x = vectors(40, 37, length, special=False)
    d = vectors(40, 12, length + 1, special=False)
    x[:, 35:] = 0
    d[:, ::5] = 0
    x[3] = d[6] = 0
    for parallel in {1, min(length, 4), length}:
        p = OuterProductParameters(
            rows=12, columns=37, length=length, parallel=parallel, share=share, batch=9
        )
        check(p, x, d, first=5)


def test_the_largest_block():
    p = OuterProductParameters(rows=128, columns=128, length=256, parallel=128, lanes=64, batch=2)
    assert p.groups == 4
    check(p, vectors(6, 128, 1, special=False), vectors(6, 128, 2, special=False))


@pytest.mark.parametrize("source", ["bfloat16", "binary16"])
def test_sources(source):
    p = OuterProductParameters(rows=3, columns=2, length=8, source=source)
    patterns = np.random.default_rng(1).integers(-40, 41, (20, 5)).astype(np.float32)
    x = patterns * np.float32(2.0**-14)
    check(p, x[:, 3:].copy(), x[:, :3].copy())
    with pytest.raises(UserError, match=f"x must hold values of {source}"):
        fast.outer_product(p, x[:, 3:] + np.float32(1 / 3), x[:, :3])


def test_no_pairs():
    p = OuterProductParameters(rows=3, columns=2)
    check(p, vectors(0, 2, 1), vectors(0, 3, 1))


def test_errors_are_those_of_the_model():
    p = OuterProductParameters(rows=3, columns=2, scale="batch", batch=4)
    with pytest.raises(UserError, match="x must be whole batches of 4 vectors, not 3"):
        fast.outer_product(p, vectors(3, 2, 1), vectors(3, 3, 1))


def test_planted_faults(monkeypatch):
    p = OuterProductParameters(rows=12, columns=4, length=64, share="rotated", width=20)
    x, d = vectors(30, 4, 1, special=False), vectors(30, 12, 2, special=False)
    check(p, x, d)
    generators = fast._generators(p)
    tables, pair_tables, shifts, *rest = generators.rule
    for fault in (
        (tables[[0, 1, 2, 2]], pair_tables, shifts, *rest),
        (tables, tables[0], shifts, *rest),
        (tables, pair_tables, shifts + (np.arange(len(shifts)) == 3), *rest),
    ):
        monkeypatch.setattr(generators, "rule", fault)
        with pytest.raises(MismatchError):
            check(p, x, d)
        monkeypatch.undo()
    check(p, x, d)


@pytest.mark.parametrize("scale", ["vector", "batch"])
def test_gradients_of_weights(scale):
    """Tiles by hand: each edge, batches that are not whole, and generators that run on."""
    p = OuterProductParameters(rows=4, columns=6, length=16, scale=scale, batch=5)
    d, x = vectors(9, 13, 1, special=False), vectors(8, 13, 2, special=False)
    model, compiled = Block(p), Block(p, fast.outer_product)
    pairs = 15 if scale == "batch" else 13
    first = 0
    for _ in range(2):
        expected = np.zeros((9, 8), np.float32)
        for top in (0, 4, 8):
            for left in (0, 6):
                tile_d, tile_x = (np.zeros((n, pairs), np.float32) for n in (4, 6))
                mine = d[top : top + 4], x[left : left + 6]
                for tile, part in zip((tile_d, tile_x), mine, strict=True):
                    tile[: len(part), :13] = part
                results = outer.outer_product(p, tile_x.T, tile_d.T, first=first)
                first += pairs
                assert len(results) == 3
                total = add(add(results[0], results[1]), results[2])
                expected[top : top + 4, left : left + 6] = total[: len(mine[0]), : len(mine[1])]
        for engine in (model, compiled):
            assert_equal(weight_gradient(p, d, x, engine), expected)
            assert engine.pairs == first


def test_gradients_check_their_operands():
    p = OuterProductParameters()
    for d, x in (((2, 3), (2, 4)), ((2, 0), (2, 0)), ((3,), (3,))):
        with pytest.raises(UserError, match="must have "):
            weight_gradient(p, np.zeros(d, np.float32), np.zeros(x, np.float32), Block(p))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("width, bits, length", [(24, 16, 31), (12, 12, 100), (32, 24, 256)])
def test_pulsed_sums(width, bits, length, share):
    p = PulsedParameters(width=width, bits=bits, length=length, share=share)
    rng = np.random.default_rng(length)
    top = 1 << bits
    found = Pulses(
        x=rng.integers(-top, top + 1, (40, 35)) * (rng.random((40, 35)) < 0.7),
        d=rng.integers(-top, top + 1, (40, 6)) * (rng.random((40, 6)) < 0.7),
        lengths=rng.integers(1, length + 1, 40),
    )
    for first in (0, 11):
        got = fast.pulsed_sums(p, found, first=first)
        assert_equal(got, pulsed.sums(p, found, first=first))
    none = Pulses(x=found.x[:0], d=found.d[:0], lengths=found.lengths[:0])
    assert_equal(fast.pulsed_sums(p, none), pulsed.sums(p, none))
