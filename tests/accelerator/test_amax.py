"""Largest magnitudes of tensors, and panels under their scales, against the converter's model."""

import copy
from collections.abc import Sequence

import numpy as np
import pytest

from hw.accelerator.amax import AmaxFinder
from hw.accelerator.ports import CAUSES
from hw.accelerator.quantize import QuantizeEngine
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters
from sw.errors import UserError
from sw.formats.stages import SCALE_CYCLES

from ..faults import Fault, planted
from .engine_bench import random_scratchpad, same
from .quantized import Matrix, filled
from .scratchpad import Scratchpad
from .tensor_scales import (
    INFINITY,
    NEAREST,
    QUIET,
    STOCHASTIC,
    assert_address_error,
    base,
    interpreted,
    largest,
)
from .test_quantize_engine import run

FIRST = Matrix(0, 0, inner=8, outer=1, blocks=2)
ROWS = Matrix(0, 1, inner=3, outer=5, blocks=1, source=40, panel=60)
COLUMNS = Matrix(1, 1, inner=11, outer=2, blocks=1, source=100, panel=100)
OTHER = Matrix(1, 0, inner=11, outer=1, blocks=1, source=100, panel=150)
AGAIN = Matrix(0, 1, inner=3, outer=5, blocks=1, source=40, panel=200)
ELEMENTS = 901, 1023


def sources(p: AcceleratorParameters) -> Scratchpad:
    """Return a scratchpad with tensors of unlike magnitudes."""
    memory = filled(p, seed=1)
    for start, power in ((0, 20), (160, -90), (400, 0)):
        part = memory.values[0, start:].view(np.float32)
        with np.errstate(all="ignore"):
            part *= np.float32(2.0**power)
    return memory


def words_of(matrix: Matrix, memory: Scratchpad) -> np.ndarray:
    """Return the words of a matrix, behind each line of which there is one more."""
    v = memory.p.values
    across = (matrix.outer if matrix.transposed else matrix.inner) + 1
    lines = matrix.inner if matrix.transposed else matrix.outer
    words = memory.values[0].reshape(-1, v)[matrix.source :][: lines * across]
    return words.reshape(lines, across, v)[:, :-1]


def number(bits: int) -> np.float32:
    return np.uint32(bits).view(np.float32)


def check_panels(p: AcceleratorParameters = NEAREST, matrices: Sequence[Matrix] = (ROWS,)) -> None:
    """Compare panels under scales that change, or stay."""
    memory = sources(p)
    expected = copy.deepcopy(memory)
    # Before any search the magnitude is 0, and the scale 1.
    FIRST.put(expected, np.float32(0))
    commands = FIRST.commands(p)
    amax = [largest(words_of(matrix, memory)) for matrix in matrices]
    for matrix, element, found in zip(matrices, ELEMENTS, amax, strict=False):
        expected.values[1, element] = found
        matrix.put(expected, number(found))
        commands += [
            *matrix.commands(p)[1:4],
            base("quant", 0, 1, element),
            encode("quant.amax", inner=matrix.inner, outer=matrix.outer, wait=1, signal=2),
            *matrix.commands(p),
        ]
    # Another panel under the same scale, then one under that of an element.
    OTHER.put(expected, number(amax[-1]))
    AGAIN.put(expected, number(amax[0]))
    commands += [
        *OTHER.commands(p),
        base("quant", 1, 1, ELEMENTS[0], single=1),
        base("quant", 0, 1, ELEMENTS[0]),
        encode("quant.amax", inner=1, outer=1, signal=4),
        *AGAIN.commands(p),
    ]
    found = run(p, memory, commands, most=2600)
    assert same(memory, expected)
    assert found.signals == [1, *[2, 1] * len(matrices), 1, 4, 1]
    sizes = [*(matrix.inner * matrix.outer for matrix in matrices), 1]
    searches = [run for run, signal in zip(found.runs, found.signals, strict=True) if signal > 1]
    overhead = QuantizeEngine(parameters=p).amax_overhead
    assert searches == [size + overhead for size in sizes]
    # A panel waits for the scale of another magnitude, but not for one that is known.
    assert found.runs[2] > SCALE_CYCLES > found.runs[-3]
    assert same(interpreted(sources(p), commands), expected)


def test_panels():
    check_panels(STOCHASTIC, [ROWS, COLUMNS])


EDGES = [
    [0xC0400000, 0x40000000, 0x40200000, 0],
    [INFINITY, QUIET, 0xFF800000, 0x7FFFFFFF],
    [0xFF7FFFFF, INFINITY, 0x7F7FFFFE, 1],
    [0x007FFFFF, 0x80000001, 0, 0],
    [0x00800000, 0x007FFFFF, 0, 0x80000000],
]
LITERALLY = [0x40400000, 0, 0x7F7FFFFF, 0, 0x00800000]


def check_magnitudes() -> None:
    """Compare the largest magnitudes of single words, written to elements behind one another."""
    memory = random_scratchpad(NEAREST, seed=2)
    memory.values[2, 8:28] = np.ravel(EDGES)
    expected = copy.deepcopy(memory)
    expected.values[3, 1017:1022] = LITERALLY
    commands = []
    for n in range(len(EDGES)):
        commands += [
            base("quant", 1, 2, 8 + 4 * n),
            base("quant", 0, 3, 1017 + n),
            encode("quant.amax", inner=1, outer=1, signal=1),
        ]
    assert same(interpreted(memory, commands), expected)
    run(NEAREST, memory, commands)
    assert same(memory, expected)


def test_magnitudes():
    assert [largest(words) for words in EDGES] == LITERALLY
    check_magnitudes()


def test_the_element_must_be_in_a_bank():
    commands = [
        base("quant", 0, 1, 1024),
        encode("quant.amax", inner=3, outer=3, signal=1),
    ]
    memory = random_scratchpad(NEAREST, seed=8)
    before = copy.deepcopy(memory)
    found = run(NEAREST, memory, commands * 2)
    assert (found.error, found.error_pc, found.signals) == (CAUSES["address"], 1, [])
    assert same(memory, before)
    assert_address_error(commands, "quant")


def test_words_must_be_in_a_bank():
    window = base("quant", 1, 1, 1020), encode("quant.counter5", window=1, count=9, stride=4)
    assert_address_error([*window, encode("quant.amax", inner=3, outer=3)], "quant")


def test_parameters():
    assert NEAREST.tensor_scale and not NEAREST.replace(format="mxfp4").tensor_scale
    with pytest.raises(UserError, match="values of a word must be an integer from 4 to 256"):
        NEAREST.replace(rows=64, lanes=64, format="nvfp4:block=64")
    with pytest.raises(UserError, match="four_over_six must be false in a circuit"):
        NEAREST.replace(format="nvfp4:scale.four_over_six=true")


FAULTS = {
    "the scale stays": (
        check_panels,
        Fault(QuantizeEngine, lambda s: s.quantizer.amax.eq(0)),
    ),
    "all lanes are written": (
        check_magnitudes,
        Fault(AmaxFinder, lambda s: s.port.lanes.eq(-1)),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    check, fault = FAULTS[name]
    with planted(fault), pytest.raises(AssertionError):
        check()
