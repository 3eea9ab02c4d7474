"""The two references give the same, and faults planted in one are seen."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from sw.formats import MX_FORMATS, ROUNDINGS, MxFormat
from sw.formats.scale import MX_RULES, FloatScale
from tests import stimuli
from tests.formats import mx_arrays, mx_reference
from tests.formats.made import mx
from tests.formats.mx_stimuli import blocks

ELEMENTS = (
    "e2m1",
    "e2m3",
    "e3m2",
    "e4m3",
    "e5m2",
    "int8",
    {"mantissa_bits": 3, "symmetric": False},
)


def formats_of(element: Any, rule: str) -> list[MxFormat]:
    return [mx(element, rule, rounding=rounding, block=(6,)) for rounding in ROUNDINGS]


def test_mx():
    for index, element in enumerate(ELEMENTS):
        for rule in MX_RULES:
            for format in formats_of(element, rule):
                x = blocks(27, 6, format, index)
                words = stimuli.words(x.shape, 8, index)
                found, code = mx_arrays.quantize_mx(x, format, words)
                for row, out, scale, word in zip(x, found, code, words, strict=True):
                    expected = mx_reference.quantize_mx(row.tolist(), format, word.tolist())
                    assert (out.tolist(), scale) == expected


@pytest.mark.parametrize("four_over_six", [False, True])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_nvfp4(rounding, four_over_six):
    for block in ((16,), (4, 4), (3, 3)):
        format = dataclasses.replace(
            MX_FORMATS["nvfp4"],
            scale=FloatScale(four_over_six=four_over_six),
            rounding=rounding,
            block=block,
        )
        x = blocks(36, format.block_elements, format, 5)
        words = stimuli.words(x.shape, 8, 5)
        for amax in (0.0, 1e-40, 1e-30, 3.0, 1e20, 3.4e38):
            amax = float(np.float32(amax))
            found, code = mx_arrays.quantize_nvfp4(x, format, amax, words)
            for row, out, scale, word in zip(x, found, code, words, strict=True):
                expected = mx_reference.quantize_nvfp4(row.tolist(), format, word.tolist(), amax)
                assert (out.tolist(), scale) == expected
