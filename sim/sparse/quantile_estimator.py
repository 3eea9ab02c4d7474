"""Bench of the quantile estimator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.quantile_estimator import estimate as model

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["DIRECTED", "estimate", "random_values", "regress", "simulate"]

DIRECTED = Directed(outputs=12, states=("estimate",))

Bits = npt.NDArray[np.bool_]


def estimate(
    parameters: QuantileParameters,
    x: npt.ArrayLike,
    *,
    present: npt.ArrayLike | None = None,
    last: npt.ArrayLike | None = None,
    **options: Any,
) -> Bits:
    """Return which values are kept, as the model does; ``options`` as of `sim.bench.run`.

    ``x`` is of shape (beats, lanes).
    """
    return simulate(parameters, x, present=present, last=last, **options)[0]


def simulate(
    parameters: QuantileParameters,
    x: npt.ArrayLike,
    *,
    present: npt.ArrayLike | None = None,
    last: npt.ArrayLike | None = None,
    **options: Any,
) -> tuple[Bits, Result]:
    """Return what `estimate` returns, and the run."""
    p = parameters
    design = generate("quantile_estimator", p)
    streams = design.manifest["streams"]
    x = np.asarray(x, np.float32)
    bits = np.ones(x.shape, np.bool_) if present is None else np.asarray(present, np.bool_)
    ends = np.zeros(len(x), np.bool_) if last is None else np.asarray(last, np.bool_)
    fields = {"value": x.view(np.uint32), "present": bits}
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], fields)},
        last={"s_axis": ends},
        outputs={"m_axis": len(x)},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == ends, "tlast does not follow its beat", result)
    given = unpack(streams["m_axis"], result.outputs["m_axis"])
    for name, taken in fields.items():
        passed = given[name].reshape(taken.shape) == taken
        insist(passed, f"the field {name} is not passed on", result)
    return given["keep"].reshape(x.shape).astype(np.bool_), result


def random_values(
    rng: np.random.Generator, beats: int, lanes: int, near: float
) -> npt.NDArray[np.float32]:
    """Return normal numbers of scales about ``near`` that change now and then, and odd ones."""
    scale = near * np.exp2(np.repeat(rng.integers(-3, 4, beats // 50 + 1), 50)[:beats, None])
    x = rng.standard_normal((beats, lanes)) * scale
    odd = [0.0, -0.0, 1e-40, -1e-45, np.inf, -np.inf, np.nan, 3e38, 2.0**-126, near]
    with np.errstate(over="ignore"):
        return np.where(rng.random(x.shape) < 0.02, rng.choice(odd, x.shape), x).astype(np.float32)


def regress(
    parameters: QuantileParameters,
    *,
    share: int | None = None,
    initial: float | None = None,
    **options: Any,
) -> Report:
    """Compare with the model on ``blocks`` packets of 1 to 40 beats, count cycles without stalls.

    ``share`` and ``initial`` are written at run time. Infinities and NaNs are in all lanes or, as
    a flag tells of all, in one, another one from seed to seed.
    """
    p, case = parameters, Regression.of(options, blocks=100)
    rng = case.rng
    writes: list[tuple[str, int]] = []
    if share is not None:
        writes.append(("share", share))
        p = p.replace(keep=share / (1 << p.unit))
    if initial is not None:
        p = p.replace(initial=initial)
        writes.append(("initial", p.start >> p.guard))
    lengths = rng.integers(1, 41, case.blocks)
    last = np.zeros(lengths.sum(), np.bool_)
    last[np.cumsum(lengths) - 1] = True
    x = random_values(rng, len(last), p.lanes, p.initial)
    lane = case.seed % (p.lanes + 1) - 1
    x[~np.isfinite(x) & (lane >= 0) & (np.arange(p.lanes) != lane)] = 0
    present = rng.random(x.shape) < rng.choice([0.5, 1.0], (len(x), 1))
    found, result = simulate(
        parameters, x, present=present, last=last, writes=writes, **case.options
    )
    wanted = model(p, x, present=present, last=last)
    expected = {
        "keep": wanted.mask,
        "estimate": int(wanted.state[0]) >> p.guard,
        "values": int(present.sum()),
        "kept": int(wanted.mask.sum()),
        "share": p.down,
        "initial": p.start >> p.guard,
        "status.nan": int((present & ~np.isfinite(x)).any()),
        "status.framing": 0,
    }
    if p.between != "carry":
        expected["status.busy"] = 0
    return case.compare(
        generate("quantile_estimator", parameters).manifest,
        result,
        {"keep": found},
        expected,
        cycles=len(x) + 1,
        inputs={"x": x, "present": present},
    )
