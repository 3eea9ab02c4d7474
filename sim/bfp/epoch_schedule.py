"""Bench of the schedule of precision by epochs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.epoch_schedule import BoostRule, EpochParameters
from sw.bfp.epoch_schedule import schedule as model

from ..bench import Result, run
from ..registers import readable
from ..regression import Regression
from ..report import Report
from ..streams import pack
from .modes import modes_of

__all__ = ["regress", "schedule", "simulate", "writes_of"]

Integers = npt.NDArray[np.int32]


def schedule(
    parameters: EpochParameters,
    epochs: Sequence[int],
    rule: BoostRule | None = None,
    **options: Any,
) -> Integers:
    """Return the circuit's modes in each of some epochs; ``options`` are those of `simulate`."""
    return simulate(parameters, epochs, rule, **options)[0]


def simulate(
    parameters: EpochParameters,
    epochs: Sequence[int],
    rule: BoostRule | None = None,
    *,
    layers: int | None = None,
    **options: Any,
) -> tuple[Integers, Result]:
    """Return the modes in each of some epochs, and the run.

    ``rule`` and ``layers``, those in use, are written to the registers, which None leaves as they
    are after reset; ``options`` are those of `sim.bench.run`.
    """
    design = generate("bfp_epoch_schedule", parameters)
    streams = design.manifest["streams"]
    used = layers or parameters.layers
    writes = writes_of(rule) if rule else []
    if layers is not None:
        writes.append(("layers", layers))
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], {"epoch": np.array(epochs)})},
        outputs={"m_axis": len(epochs) * used},
        writes=[*writes, *options.pop("writes", ())],
        reads=readable(design.manifest),
        **options,
    )
    return modes_of(streams["m_axis"], result, len(epochs), used), result


def writes_of(rule: BoostRule) -> list[tuple[str, int]]:
    """Return the register writes that set a rule."""
    names = ("epochs", "boosted", "narrow", "wide", "first_wide", "last_wide")
    return [(name, int(getattr(rule, name))) for name in names]


def regress(
    parameters: EpochParameters, *, rule: BoostRule | None = None, **options: Any
) -> Report:
    """Compare with the model in random epochs, about as many modes as ``blocks``.

    Every other run uses some of the layers only. ``rule`` is as in `simulate`.
    """
    p, case = parameters, Regression.of(options)
    used, rng = rule or p, case.rng
    layers = int(rng.integers(1, p.layers + 1)) if case.seed % 2 else p.layers
    count = max(2, case.blocks // layers)
    border = used.epochs - used.boosted + rng.integers(-1, 3, count)
    epochs = np.where(rng.random(count) < 0.5, border, rng.integers(1, used.epochs + 1, count))
    epochs = np.clip(epochs, 1, used.epochs).tolist()
    modes, result = simulate(p, epochs, rule, layers=layers, **case.options)
    small = p.replace(layers=layers)
    manifest = generate("bfp_epoch_schedule", p).manifest
    expected = {
        "mode": model(small, epochs, rule),
        **dict(writes_of(used)),
        "layers": layers,
        "accepted": count,
        "status.epoch": 0,
        "status.framing": 0,
    }
    cycles = small.cycles(count)
    return case.compare(manifest, result, {"mode": modes}, expected, cycles=cycles)
