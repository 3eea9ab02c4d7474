"""Bench of the controller of precision by zero-setting error."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.bfp.pairs import PAIRS
from sw.bfp.zse_controller import Recording, ZseController, ZseParameters, ZseRule

from ..bench import Result, run
from ..registers import readable
from ..regression import Regression
from ..report import Report
from ..streams import pack
from .modes import modes_of

__all__ = ["FIELDS", "beats_of", "control", "random_recording", "regress", "simulate", "writes_of"]

Integers = npt.NDArray[np.int32]
FIELDS: tuple[str, ...] = ("zeros", "elements", "layer", "pair")


def control(
    parameters: ZseParameters,
    recording: Recording,
    rule: ZseRule | None = None,
    **options: Any,
) -> Integers:
    """Return the circuit's modes after each step; ``options`` are those of `simulate`."""
    return simulate(parameters, recording, rule, **options)[0]


def simulate(
    parameters: ZseParameters,
    recording: Recording,
    rule: ZseRule | None = None,
    *,
    layers: int | None = None,
    parts: int = 1,
    inspect: int = 0,
    **options: Any,
) -> tuple[Integers, Result]:
    """Return the modes after each control step of a recorded training, and the run.

    Parameters
    ----------
    parameters : ZseParameters
        Of the circuit.
    recording : sequence of dict
        For each step, zero-set elements and elements by layer and pair.
    rule : ZseRule or None
        Written to the registers; None leaves them as they are after reset.
    layers : int or None
        Layers in use; None for all.
    parts : int
        Beats that bring the counts of a pair in a step.
    inspect : int
        The layer whose modes are read at the end.
    **options
        Those of `sim.bench.run`.
    """
    design = generate("bfp_zse_controller", parameters)
    streams = design.manifest["streams"]
    beats, last = beats_of(recording, parts)
    steps, used = int(last.sum()), layers or parameters.layers
    writes = writes_of(rule) if rule else []
    if layers is not None:
        writes.append(("layers", layers))
    writes += [("inspect", inspect)] if inspect else []
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], dict(zip(FIELDS, beats.T, strict=True)))},
        last={"s_axis": last},
        outputs={"m_axis": steps * used},
        writes=[*writes, *options.pop("writes", ())],
        reads=readable(design.manifest),
        **options,
    )
    return modes_of(streams["m_axis"], result, steps, used), result


def writes_of(rule: ZseRule) -> list[tuple[str, int]]:
    """Return the register writes that begin a training under a rule."""
    lo, hi, scale = rule.thresholds
    values = {"lo": lo, "hi": hi, "scale": scale, "warmup": rule.warmup, "hold": rule.hold}
    return [*values.items(), ("initial", word_of(rule.modes)), ("restart", 1)]


def word_of(modes: Iterable[int]) -> int:
    """Return the modes of a layer's pairs as registers hold them."""
    return sum(int(mode) << 2 * pair for pair, mode in enumerate(modes))


def beats_of(recording: Recording, parts: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return beats, int64 of shape (beats, 4), and the ``last`` of each.

    A step without counts takes a beat of no elements. Of the elements that ``parts`` beats bring
    between them the zero-set ones come first.
    """
    rows: list[tuple[int, ...]] = []
    last: list[int] = []
    for counts in recording:
        step = [row for key, pair in counts.items() for row in _split(key, pair, parts)]
        step = step or [(0, 0, 0, 0)]
        rows += step
        last += [0] * (len(step) - 1) + [1]
    return np.array(rows, np.int64).reshape(-1, len(FIELDS)), np.array(last, np.uint8)


def _split(
    key: tuple[int, int], counts: tuple[int, int], parts: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the beats of the counts of a pair."""
    zeros, elements = counts
    for i in range(parts):
        some = elements * (i + 1) // parts - elements * i // parts
        yield min(zeros, some), some, *key
        zeros -= min(zeros, some)


def random_recording(
    rng: np.random.Generator, rule: ZseRule, *, layers: int, steps: int
) -> list[dict[tuple[int, int], tuple[int, int]]]:
    """Return counts of random size, most of them at a threshold or one element beside it."""
    lo, hi, scale = rule.thresholds
    keys = [(layer, pair) for layer in range(layers) for pair in range(len(PAIRS))]
    recording = []
    for _ in range(steps):
        counts = {}
        for i in rng.permutation(len(keys)):
            if rng.random() < 0.1:
                continue
            elements = int(2 ** rng.uniform(0, 32)) - 1
            if rng.random() < 0.3:
                # A threshold may be met exactly.
                elements -= elements % scale
            near = int(rng.choice((lo, hi))) * elements // scale
            zeros = near + int(rng.integers(-1, 2))
            if rng.random() < 0.2:
                zeros = int(rng.integers(0, elements + 1))
            counts[keys[i]] = (min(max(zeros, 0), elements), elements)
        recording.append(counts)
    return recording


def regress(parameters: ZseParameters, *, rule: ZseRule | None = None, **options: Any) -> Report:
    """Compare with the model on random counts, about as many as ``blocks``.

    Every other run uses some of the layers only. ``rule`` is as in `simulate`.
    """
    p, case = parameters, Regression.of(options)
    rng = case.rng
    layers = int(rng.integers(1, p.layers + 1)) if case.seed % 2 else p.layers
    steps = max(2, case.blocks // (layers * len(PAIRS)))
    recording = random_recording(rng, rule or p, layers=layers, steps=steps)
    parts, inspect = int(rng.integers(1, 4)), int(rng.integers(0, layers))
    modes, result = simulate(
        p, recording, rule, layers=layers, parts=parts, inspect=inspect, **case.options
    )
    small = p.replace(layers=layers)
    model = ZseController(small, rule)
    wanted = model.run(recording)
    beats = len(beats_of(recording, parts)[0])
    expected = {
        "mode": wanted,
        **{name: value for name, value in writes_of(rule or p) if name != "restart"},
        "layers": layers,
        "inspect": inspect,
        "modes": word_of(wanted[-1, inspect]),
        "busy": 0,
        "steps": model.steps,
        "changes": model.changes,
        "beats": beats,
        **{name: 0 for name in result.registers if name.startswith("status.")},
    }
    manifest = generate("bfp_zse_controller", p).manifest
    cycles = small.cycles(steps, beats)
    return case.compare(manifest, result, {"mode": modes}, expected, cycles=cycles)
