"""Values, parameters and stalls of every kind for the sparse units."""

from collections.abc import Callable
from typing import Any

import numpy as np

from hw.flow.emit import generate
from sim.bench import run
from sim.report import Report
from sim.streams import Stalls
from sw.parameters import Parameters
from sw.sparse.quantile_estimator import BETWEEN, QuantileParameters

STALLS = Stalls(idle=0.3, back_pressure=0.5)


def assert_agrees(
    regress: Callable[..., Report], parameters: Any, *, blocks: int, stalled: int
) -> None:
    """Check a regression of so many blocks, and of so many with stalls of every kind."""
    assert regress(parameters, seed=1, blocks=blocks).message == ""
    for stalls in (STALLS, Stalls(idle=0.7), Stalls(back_pressure=0.7)):
        assert regress(parameters, seed=2, blocks=stalled, stalls=stalls).message == ""


def assert_starts_anew(regress: Callable[..., Report], parameters: Any, **options: Any) -> None:
    """Check regressions with a reset in their midst."""
    for cycles in (3, 50, 201):
        report = regress(parameters, seed=5, reset_after=cycles, stalls=STALLS, **options)
        assert report.message == ""


def assert_framing(unit: str, parameters: Parameters) -> None:
    """Check the flag of padding bits: of three beats of zeros, and of one with its last bit set."""
    design = generate(unit, parameters)
    beats = np.zeros((3, design.manifest["streams"]["s_axis"]["bytes"]), np.uint8)
    for last in (0, 128):
        beats[1, -1] = last
        result = run(
            design,
            inputs={"s_axis": beats},
            outputs={"m_axis": 3},
            reads=["status.framing"],
        )
        assert result.registers["status.framing"] == last >> 7


def magnitudes(rng: np.random.Generator, shape: tuple[int, ...], near: float) -> np.ndarray:
    """Numbers of both signs about ``near``, and zeros, subnormals, infinities and NaN."""
    x = rng.standard_normal(shape) * near
    odd = [0.0, -0.0, 1e-40, -1e-45, np.inf, -np.inf, np.nan, 3.4e38, 2.0**-126, near]
    with np.errstate(over="ignore"):
        return np.where(rng.random(shape) < 0.05, rng.choice(odd, shape), x).astype(np.float32)


def random_quantile(rng: np.random.Generator) -> QuantileParameters:
    """Parameters of a quantile estimator of any kind."""
    return QuantileParameters(
        lanes=int(rng.integers(1, 17)),
        keep=float(rng.choice([0.5, 0.1, 0.9, rng.uniform(0.1, 0.9)])),
        step=int(rng.integers(4, 21)),
        guard=int(rng.integers(0, 13)),
        delay=int(rng.integers(0, 5)),
        initial=float(np.float32(2.0 ** rng.uniform(-126, 127))),
        between=str(rng.choice(BETWEEN)),
    )
