"""Accuracy of the digits MLP after training by recipes: recorded, and one of them run again.

A training gives the same on every processor. The figures are those of test images, seeds 1 to 5, by
`train` with the settings of ``sim.paper.bfp.CASES[0]``: hidden layers of 32 and 32, and
the hyper-parameters of binary32. The bound of one point is the project's.
"""

import numpy as np
import pytest

from sim.paper.bfp import CASES
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings

IMAGES = 359
RIGHT = {
    "binary32": (344, 345, 346, 344, 348),
    "mxfp8": (345, 346, 346, 345, 345),
    "mxfp8_hybrid": (344, 346, 346, 345, 348),
    "nvfp4": (344, 341, 345, 344, 344),
    "mxfp4": (346, 345, 347, 344, 347),
    "mxfp4:rounding=nearest_even": (344, 344, 346, 345, 347),
    "mxfp4:hadamard=0": (344, 347, 346, 345, 348),
    "mxfp4:rounding=nearest_even:hadamard=0": (343, 344, 346, 344, 347),
    "quartet": (338, 338, 342, 342, 343),
    "quartet,first=bfloat16,last=bfloat16": (344, 343, 341, 344, 347),
    "quartet:forward.scaling=amax": (340, 347, 338, 345, 344),
    "tetrajet": (340, 339, 347, 343, 341),
    "tetrajet:rounding=nearest_even": (340, 343, 344, 346, 340),
    "tetrajet:hadamard=0": (342, 344, 341, 345, 344),
}
"""Images that are classified rightly."""

NEAR = ("mxfp8", "mxfp8_hybrid", "nvfp4", "mxfp4", "quartet,first=bfloat16,last=bfloat16")
"""Within a point of binary32.

Quartet's authors have neither the first nor the last layer in it. In all layers it is 1.3 points
behind: activations that are not negative have a large mean, which scales by deviation clip.
"""


def points(name: str) -> float:
    """Mean accuracy, %."""
    return 100 * float(np.mean(RIGHT[name])) / IMAGES


@pytest.mark.parametrize("name", NEAR)
def test_within_a_point_of_binary32(name):
    assert points(name) >= points("binary32") - 1.0


def test_a_training_gives_what_is_recorded():
    run = train(load("digits"), Settings(arithmetic="nvfp4", seed=1, **dict(CASES[0].fields)))
    assert round(run.epochs[-1].accuracy * IMAGES) == RIGHT["nvfp4"][0]
    assert len(run.data.test_x) == IMAGES
