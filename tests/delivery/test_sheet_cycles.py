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
from sw.errors import UserError
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


def random_shell(unit: str, rng: random.Random) -> Any:
    """Return a small configuration of an array in a shell; `UserError` if there is none such."""
    fields: dict[str, dict[str, Any]] = {
        "array_shell": {"format": "hbfp4:block=4", "lanes": rng.choice([1, 2, 4])},
        "approx_array_shell": {"interleave": rng.choice([5, 5, 8])},
        "multimode_array_shell": {"family": rng.choice(["hbfp", "mxint8"])},
    }
    parameters: Any = UNITS[unit].parameters
    return parameters(
        **fields[unit],
        rows=rng.randint(1, 4),
        columns=rng.randint(1, 4),
        port_bits=rng.choice([32, 64, 128]),
        inputs=rng.choice([1, 2]),
        words_a=rng.choice([8, 16, 32, 64, 128]),
        words_b=rng.choice([16, 32, 64, 128]),
    )


def check_shell(unit: str, change=lambda formula: formula) -> None:
    """Check the formula of a shell where it says that it is exact."""
    rng, found = random.Random(1), 0
    while found < 60:
        try:
            p = random_shell(unit, rng)
        except UserError:
            continue
        modes = tuple(rng.randrange(3) for _ in range(p.MODES))
        down, across, blocks = rng.randint(1, 4), rng.randint(1, 5), rng.randint(1, 40)
        rows, columns = p.tile_size(modes)
        k = blocks * (p.format.reduction if unit == "array_shell" else 1)
        size = down * rows, across * columns, k, *modes
        if not p.fits(*size):
            continue
        formula = UNITS[unit].describe(p).cycles.formula
        told, _, limits = formula.partition(", where")
        words, ratio = p.depth(k) * p.block_words[1], p.words_ratio
        results = p.moves(p.sizes(*size), modes).results
        assert f"C at least {p.beats_a} and {2 * ratio} B at most {p.words_a};" in limits
        assert modes or f"at least {results * p.result_beats}, C at least" in limits
        # As the sheet says: words of a panel of a, C and two panels of a.
        exact = ratio * words >= results * p.result_beats and across >= p.beats_a
        exact &= 2 * ratio * words <= p.words_a
        if modes:
            exact &= min(p.block_beats(k, *modes)) >= max(results, 8)
        if told.startswith("at least") or not exact:
            continue
        found += 1
        numbers = {"R": down, "C": across, "B": words, "results": results}
        assert eval(change(told).replace(" x ", " * "), numbers) == p.cycles(*size)


@pytest.mark.parametrize("unit", ["array_shell", "approx_array_shell", "multimode_array_shell"])
def test_the_formula_of_the_shells(unit):
    check_shell(unit)
    with pytest.raises(AssertionError):
        check_shell(unit, lambda formula: formula.replace("(R - 1)", "R"))
