"""Data sheets: the cycles that their formulas tell are those of the circuits."""

import random
from typing import Any

import numpy as np
import pytest

from delivery.delivered import Delivered
from hw.units import UNITS, unit
from sim.job import Job, Outcome
from sim.stochastic.outer_product import simulate
from sim.streams import Stalls
from sw.bfp.array_shell import ArrayShellParameters
from sw.stochastic.outer_parameters import OuterProductParameters

OWN = "examples.own_unit.clip:UNIT"


def count(name: str, parameters: Any = None) -> Any:
    """Return the sheet's function of cycles."""
    return unit(name).describe(parameters or unit(name).small).cycles.count


def runs(name: str) -> list[tuple[Job, Outcome]]:
    """Return the recorded runs of the small configuration, without stalls."""
    told = Delivered(unit_name=name, parameters=unit(name).small, stalls=Stalls())
    return [(run.job, run.outcome) for run in told.recorded]


def measured(name: str) -> list[tuple[int, ...]]:
    """Return of each recorded run its beats in, its writes, and the cycles that it took."""
    found = []
    for job, outcome in runs(name):
        moved = outcome.transfers
        first = min(moved[n].first for n in job.inputs)
        final = max(moved[n].final for n in job.outputs)
        beats = len(next(iter(job.inputs.values())))
        found.append((beats, *(value for _, value in job.writes), final - first + 1))
    return found


@pytest.mark.parametrize("name", ["bfp_array", "array_shell"])
def test_products(name):
    p: Any = UNITS[name].small
    for _, down, across, blocks, *_, cycles in measured(name):
        sizes = down * p.rows, across * p.columns, blocks * p.format.reduction
        assert count(name)(*sizes) == cycles


@pytest.mark.parametrize(
    ("name", "per"),
    [
        ("hadamard", 2),
        ("bfp_transposer", 2),
        ("bfp_dot", 2),
        ("bfp_converter", 2),
        ("stochastic_converter", 2),
        (OWN, 1),
    ],
)
def test_packets(name, per):
    for beats, *_, cycles in measured(name):
        assert count(name)(beats // per) == cycles


def test_epochs():
    for epochs, layers, cycles in measured("bfp_epoch_schedule"):
        assert count("bfp_epoch_schedule")(epochs, layers) == cycles


def test_compressed_blocks():
    of = count("csb_encoder")
    for job, outcome in runs("csb_encoder"):
        [(name, beats)] = job.inputs.items()
        values = (beats.view("<u4") >> 23 & 255 != 0).sum(axis=1).tolist()
        moved = outcome.transfers
        final = max(moved[n].final for n in job.outputs)
        rest = of(0, 0)
        cycles = final - moved[name].first + 1
        assert sum(of(1, v) - rest for v in values) + rest == cycles
    of = count("csb_decoder")
    for _, outcome in runs("csb_decoder"):
        moved = outcome.transfers
        given = moved["m_axis"]
        # A beat is a value, or a block without any.
        assert of(given.done, 1) == given.final - moved["s_axis_request"].first + 1


def test_a_batch_of_outer_products():
    rng = np.random.default_rng(1)
    literal = OuterProductParameters(rows=4, columns=3)
    assert literal.timing.drain == 14 and count("outer_product", literal)(1) == 113
    gap = OuterProductParameters(
        rows=4, columns=4, length=16, width=8, bits=4, lanes=2, batch=3, results=2
    )
    for pairs in (1, 2):
        x, d = (rng.normal(size=(pairs, 4)).astype(np.float32) for _ in range(2))
        assert count("outer_product", gap)(pairs) == simulate(gap, x, d)[1].cycles


def check_shell(change=lambda formula: formula) -> None:
    """Check the formula of the shell where it says that it is exact."""
    rng, form, found = random.Random(1), UNITS["array_shell"].small.format, 0  # pyright: ignore
    while found < 60:
        p = ArrayShellParameters(
            format=form,
            lanes=rng.choice([1, 2, 4]),
            rows=rng.randint(1, 4),
            columns=rng.randint(1, 4),
            port_bits=rng.choice([32, 64, 128]),
            inputs=rng.choice([1, 2]),
            words_a=rng.choice([8, 16, 32, 64]),
            words_b=rng.choice([16, 32, 64]),
        )
        down, across, blocks = rng.randint(1, 4), rng.randint(1, 5), rng.randint(1, 6)
        size = down * p.rows, across * p.columns, blocks * form.reduction
        formula = unit("array_shell").describe(p).cycles.formula
        told, _, limits = formula.partition(", where")
        words = blocks * p.beats
        # As the sheet says: B, C and 2 B.
        exact = words >= p.rows * p.result_beats and across >= p.beats_a and 2 * words <= p.words_a
        assert f"at least {p.rows * p.result_beats}, C at least {p.beats_a} and 2 B" in limits
        if told.startswith("at least") or not exact or not p.fits(*size):
            continue
        found += 1
        numbers = {"R": down, "C": across, "B": words}
        assert eval(change(told).replace("x", "*"), numbers) == p.cycles(*size)


def test_the_formula_of_the_shell():
    check_shell()
    with pytest.raises(AssertionError):
        check_shell(lambda formula: formula.replace("(R - 1)", "R"))
