"""Images of no meaning, and a small program."""

import numpy as np

from sw.accelerator.chip import ChipParameters
from sw.accelerator.compile import compile_training
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.formats import BLOCK_FORMATS
from sw.train.data import Data
from sw.train.settings import Settings

__all__ = ["CHIP", "SMALL", "made", "small_program"]

SMALL = AcceleratorParameters(
    rows=2, columns=4, lanes=4, format=BLOCK_FORMATS["msfp12"], bank_words=128
)

_FIELDS = SMALL.replace(
    columns=2, lanes=2, format="hbfp6:block=8", instructions=512, bank_words=256
)
CHIP = ChipParameters(**vars(_FIELDS), memory_words=1024)
"""With its memory on the chip."""


def made(images: int, features: int, classes: int, seed: int = 0) -> Data:
    """Images of noise around a centre for each class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, images)
    y[:classes] = np.arange(classes)
    x = rng.standard_normal((classes, features))[y] + rng.standard_normal((images, features))
    x = x.astype(np.float32)
    return Data(name="made", train_x=x, train_y=y, test_x=x[:4], test_y=y[:4])


def small_program() -> Program:
    s = Settings(hidden=(5, 6), epochs=2, batch=4)
    return compile_training(SMALL, made(14, 7, 3), s)
