"""The stochastic converter in RTL against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.bench import Result, Stalls, run
from sim.compare import assert_equal
from sim.formats.elements import to_source
from sim.registers import readable
from sim.stochastic.converter import convert, regress, simulate
from sw.stochastic.converter import StochasticConverterParameters, Streams
from sw.stochastic.converter import convert as model
from tests import stimuli

STALLS = Stalls(idle=0.3, back_pressure=0.5)

DESIGNS: dict[str, dict[str, Any]] = {
    "serial": {},
    # Words of whole states; more beats in than out.
    "all at once": {
        "length": 4,
        "parallel": 4,
        "elements": 6,
        "lanes": 2,
        "share": "rotated",
        "width": 24,
        "bits": 24,
        "form": "galois",
        "source": "bfloat16",
        "seed": 99,
    },
    "own registers": {
        "length": 2,
        "elements": 3,
        "lanes": 3,
        "share": "independent",
        "width": 8,
        "bits": 8,
        "source": "binary16",
        "rounding": "truncate",
    },
    "a beat a vector": {"length": 1, "elements": 2, "lanes": 2, "width": 9, "bits": 2},
    "long": {"length": 256, "parallel": 32, "elements": 1, "width": 8, "bits": 7},
}


def parameters(name: str) -> StochasticConverterParameters:
    return StochasticConverterParameters(**DESIGNS[name])


def compare(found: Streams, wanted: Streams, x: np.ndarray) -> None:
    for name, of_vectors in vars(wanted).items():
        assert_equal(getattr(found, name), of_vectors, context={"field": name, "inputs": {"x": x}})


@pytest.mark.parametrize("name", DESIGNS)
def test_random_vectors(name):
    p = parameters(name)
    assert regress(p, seed=1, blocks=200).message == ""
    for stalls in (STALLS, Stalls(idle=0.7), Stalls(back_pressure=0.7)):
        assert regress(p, seed=2, blocks=40, stalls=stalls).message == ""


@pytest.mark.parametrize("name", DESIGNS)
def test_vectors_of_every_kind(name):
    # Zeros, powers of two, subnormals, NaN, infinities, numbers near either end.
    p = parameters(name)
    x = to_source(stimuli.blocks(60, p.elements, 3), p.source)
    found = convert(p, x, stalls=STALLS)
    compare(found, model(p, x), x)
    void = found.code == p.converter.format.nan_code
    assert void.any() and not void.all()
    assert not found.bits[void].any() and not found.negative[void].any()


@pytest.mark.parametrize("name", DESIGNS)
def test_a_vector_each_period(name):
    p = parameters(name)
    x = np.ones((50, p.elements), np.float32)
    few, many = (simulate(p, part)[1] for part in (x[:10], x))
    assert many.cycles - few.cycles == 40 * p.period
    assert many.registers["output_stalls"] == 0


@pytest.mark.parametrize("name", ["serial", "all at once"])
def test_reset_starts_the_shift_registers_anew(name):
    p = parameters(name)
    for cycles in (3, 50, 201):
        assert regress(p, seed=5, blocks=80, reset_after=cycles, stalls=STALLS).message == ""


def zeros(last: list[int], **options: Any) -> Result:
    """Run 4 vectors of zeros, of three beats each, with tlast in beats of these numbers."""
    p = parameters("all at once")
    design = generate("stochastic_converter", p)
    stream = design.manifest["streams"]["s_axis"]
    return run(
        design,
        inputs={"s_axis": np.zeros((12, stream["bytes"]), np.uint8)},
        last={"s_axis": np.isin(np.arange(12), last)},
        outputs={"m_axis": 4},
        reads=readable(design.manifest),
        **options,
    )


def test_tlast_inside_a_vector_is_flagged_and_not_passed_on():
    result = zeros([2, 7, 9, 11])
    assert result.last["m_axis"].tolist() == [1, 0, 0, 1]
    assert result.registers["status.framing"] == 1
    assert result.registers["status.nan"] == 0
    assert result.registers["vectors"] == 4
    assert zeros([5]).registers["status.framing"] == 0
