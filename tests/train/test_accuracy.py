"""Accuracy of the digits MLP after training, five seeds, beside that in binary32.

The bound of one point is the project's; LeNet is in `make paper-bfp` and `make paper-essop`.
"""

import dataclasses
import functools

import numpy as np
import pytest

from sim.paper.bfp import CASES, NEAR
from sw.formats import BfpFormat
from sw.train.data import load
from sw.train.loop import train
from sw.train.precision import Fixed
from sw.train.settings import Settings

SEEDS = range(1, 6)


@functools.cache
def points(arithmetic: str, update: str = "exact") -> float:
    """Mean accuracy, %."""
    data = load("digits")
    settings = Settings(arithmetic=arithmetic, update=update, **dict(CASES[0].fields))
    runs = [train(data, dataclasses.replace(settings, seed=s)) for s in SEEDS]
    return 100 * float(np.mean([run.epochs[-1].accuracy for run in runs]))


@pytest.mark.parametrize("arithmetic", NEAR)
def test_within_a_point_of_binary32(arithmetic):
    assert points(arithmetic) >= points("binary32") - 1.0


def test_stochastic_updates_are_within_a_point():
    assert points("binary32", "essop:length=16") >= points("binary32") - 1.0


def test_a_mantissa_of_two_bits_is_not():

    form = BfpFormat(mantissa_bits=2, block=(64,), rounding="truncate")
    data = load("digits")
    fields = dict(CASES[0].fields)
    run = train(data, Settings(**fields), precision=Fixed("2 bits", {"": form}))
    assert 100 * run.epochs[-1].accuracy < points("binary32") - 1.0
