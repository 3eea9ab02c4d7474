"""The quantize engine against the model of the converter, and panels laid out here."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest

from hw.accelerator.panel_writer import PanelWriter
from hw.accelerator.ports import CAUSES
from hw.accelerator.quantize import BeatFeeder, QuantizeEngine
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters

from ..faults import Fault, planted
from .engine_bench import Found, run_engine, same
from .quantized import MATRICES, Matrix, filled, parameters
from .scratchpad import Scratchpad


def run(p: AcceleratorParameters, memory: Scratchpad, commands: list[int], **options: Any) -> Found:
    return run_engine(QuantizeEngine(parameters=p), memory, commands, reads=["read"], **options)


CASES = [
    ("hbfp6", "whole"),
    ("hbfp6", "padded"),
    ("hbfp6", "columns"),
    ("hbfp6", "keyless"),
    ("hbfp8", "columns"),
    ("hbfp8", "keyless"),
    ("fb16", "padded"),
    ("fb16", "cut"),
    ("fb16", "columns"),
    ("nearest", "single"),
    ("mxfp4", "padded"),
    ("mxfp4", "columns"),
    ("quarters", "cut"),
    ("quarters", "columns"),
    ("mxfp8", "padded"),
    ("mxfp8", "columns"),
]


@pytest.mark.parametrize(("name", "which"), CASES)
def test_matrices(name, which):
    p = parameters(name)
    matrix = MATRICES[which]
    memory = filled(p, seed=1)
    expected = copy.deepcopy(memory)
    matrix.put(expected)
    found = run(p, memory, matrix.commands(p))
    assert same(memory, expected)
    assert (found.signals, found.error) == ([1], 0)
    rows = matrix.outer * (p.values if matrix.transposed else 1)
    elements = rows * matrix.blocks * p.format.reduction
    extra = (p.values * p.format.reduction // p.quantizer_lanes + 2) * matrix.transposed
    timing = p.converter.timing
    cycles = elements // p.quantizer_lanes + timing.latency + timing.drain
    assert found.runs == [cycles + QuantizeEngine.overhead + extra]


def test_random_words_begin_anew_with_each_run():
    p = parameters("hbfp6")
    memory = filled(p, seed=2)
    first, second = MATRICES["columns"], dataclasses.replace(MATRICES["padded"], panel=200, key=5)
    expected = copy.deepcopy(memory)
    for matrix in (first, second):
        matrix.put(expected)
    # The second one is of the same windows as the first, and of the same key.
    commands = [*first.commands(p), first.run(2), *second.commands(p, 4)]
    found = run(p, memory, commands, late=0.3)
    assert same(memory, expected)
    assert found.signals == [1, 2, 4]


def random_matrix(p: AcceleratorParameters, rng: np.random.Generator) -> Matrix:
    """Return a matrix whose words and panel have a place."""
    form, v = p.format, p.values
    transposed, side = (int(n) for n in rng.integers(0, 2, 2))
    blocks = int(rng.integers(1, 4))
    most = blocks * form.reduction if transposed else -(-blocks * form.reduction // v)
    inner, outer = (int(rng.integers(1, n + 1)) for n in (most, 2 if transposed else 7))
    key = int(rng.integers(0, 1 << 60)) if rng.random() < 0.7 else None
    return Matrix(transposed, side, inner, outer, blocks, key=key)


def test_random_matrices(name="hbfp6", seed=9, count=6):
    p = parameters(name)
    rng = np.random.default_rng(seed)
    memory = filled(p, seed)
    expected = copy.deepcopy(memory)
    commands: list[int] = []
    for n in range(count):
        matrix = dataclasses.replace(random_matrix(p, rng), panel=2 + n)
        matrix.put(expected)
        commands += matrix.commands(p, 1 << n)
    found = run(p, memory, commands, late=0.2, seed=seed, most=10_000)
    assert same(memory, expected)
    assert found.signals == [1 << n for n in range(count)]


WRONG = {
    "size_of_rows": ("size", Matrix(0, 0, inner=5, outer=1, blocks=2)),
    "size_of_columns": ("size", Matrix(1, 0, inner=17, outer=1, blocks=2)),
    "source": ("address", Matrix(0, 0, inner=3, outer=1, blocks=2, source=254)),
    "panel": ("address", Matrix(0, 0, inner=3, outer=1, blocks=2, panel=253)),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    p = parameters("hbfp6")
    cause, matrix = WRONG[name]
    memory = filled(p, seed=3)
    before = copy.deepcopy(memory)
    commands = matrix.commands(p)
    found = run(p, memory, commands + commands)
    assert (found.error, found.error_pc) == (CAUSES[cause], len(commands) - 1)
    assert found.signals == []
    panel = slice(matrix.panel * p.values, None)
    before.values[1, panel] = memory.values[1, panel]
    before.side[1][matrix.panel :] = memory.side[1][matrix.panel :]
    assert same(memory, before)


def test_a_panel_begins_with_a_word():
    p = parameters("hbfp6")
    memory = filled(p, seed=4)
    before = copy.deepcopy(memory)
    commands = MATRICES["whole"].commands(p)
    commands.insert(-1, encode("quant.base", window=0, address=6, bank=1))
    found = run(p, memory, commands)
    assert (found.error, found.signals) == (CAUSES["address"], [])
    assert same(memory, before)


def halves(value: int) -> Fault:
    """All words are half of their range, or none."""
    return Fault(QuantizeEngine, lambda s: s.quantizer.halves.eq(value))


FAULTS = {
    "words of the last row's end are not dropped": (
        ("fb16", "cut"),
        Fault(BeatFeeder, lambda s: s.word_end.eq(s.part == 1)),
    ),
    "no zeros after a row": (("hbfp6", "padded"), Fault(BeatFeeder, lambda s: s.padding.eq(0))),
    "all slices are written": (
        ("hbfp6", "padded"),
        Fault(PanelWriter, lambda s: s.port.lanes.eq(-1)),
    ),
    "exponents of all slices": (
        ("hbfp6", "padded"),
        Fault(PanelWriter, lambda s: s.port.slices.eq(-1)),
    ),
    "the side is always that of the rows": (
        ("fb16", "columns"),
        Fault(PanelWriter, lambda s: s.number_last.eq(s.number == 0)),
    ),
    "groups of transposed rows lie on each other": (
        ("fb16", "columns"),
        Fault(PanelWriter, lambda s: s.corner.eq(s.corner)),
    ),
    "words of the key before": (
        ("hbfp6", "whole"),
        Fault(QuantizeEngine, lambda s: s.quantizer.key.eq(0)),
    ),
    "random words without a key": (("hbfp6", "keyless"), halves(0)),
    "halves with a key": (("hbfp6", "whole"), halves(1)),
    "the key before": (("hbfp6", "keyless"), Fault(QuantizeEngine, lambda s: s.keyed.eq(1))),
    "no random words are left out": (
        ("hbfp6", "columns"),
        Fault(QuantizeEngine, lambda s: s.quantizer.skip.eq(0)),
    ),
    "the random words go on": (
        None,
        Fault(QuantizeEngine, lambda s: s.quantizer.restart.eq(0)),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    case, fault = FAULTS[name]
    with planted(fault), pytest.raises(AssertionError):
        if case:
            test_matrices(*case)
        else:
            test_random_words_begin_anew_with_each_run()
