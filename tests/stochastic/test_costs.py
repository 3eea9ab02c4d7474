"""What an element of the outer product costs: exact counts of the pinned Yosys, and the bars."""

import numpy as np
import pytest

from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import emit
from hw.flow.synth import synthesize
from hw.formats.quantizer import Quantizer
from hw.stochastic.crossbar import Crossbar
from sim.compare import MismatchError
from sim.costs.multipliers import used
from sim.stochastic import switched
from sw.formats import BINARY16
from sw.stochastic import outer_product as outer
from sw.stochastic.outer_parameters import OuterProductParameters

# A highly pipelined binary16 multiplier over an element, 93.7 % less area: arXiv 2003.11256.
SMALLER = 15.9


def gates(circuit) -> float:
    return used(synthesize(emit(circuit, "circuit"), "gates"))["NAND2 equivalents"]


def test_area_of_an_element_of_32_x_32():
    p = OuterProductParameters(rows=32, columns=32, length=16, lanes=4)
    assert p.period == 16
    multiplier = gates(FloatMultiplier(format=BINARY16, target="generic"))
    assert multiplier == 2305.5
    # Both sides' converters are alike.
    block = 2 * gates(Quantizer(parameters=p.x_converter)) + gates(Crossbar(parameters=p))
    assert multiplier / (block / 1024) >= SMALLER


def vectors(elements: int) -> np.ndarray:
    rng = np.random.default_rng(elements)
    return rng.standard_normal((12, elements)).astype(np.float32)


def test_switching_of_an_element_and_of_a_multiplier():
    x, d = vectors(8), vectors(4)
    toggles = []
    for length in (4, 16):
        p = OuterProductParameters(rows=4, columns=8, length=length, lanes=4)
        found = switched.outer(p, x, d)
        assert found.clocked > 0
        toggles.append(found.weighted)
    assert 0 < toggles[0] < switched.multiplier(x, d).weighted
    assert toggles[0] < toggles[1]


def test_counts_of_the_netlist_are_compared(monkeypatch):
    counts = outer.counts
    p = OuterProductParameters(rows=4, columns=8, length=4, lanes=4)
    monkeypatch.setattr(outer, "counts", lambda *args, **more: counts(*args, **more) ^ 1)
    with pytest.raises(MismatchError):
        switched.outer(p, vectors(8), vectors(4))
