"""Bench of the accelerator with its memory on the chip: packets in and out, and programs."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.accelerator.chip import Chip, ChipJob, ChipParameters
from sw.accelerator.instructions import BYTES

from ..bench import Result, run
from ..registers import constants, counting, readable
from ..regression import Regression
from ..report import Report, compare, merge
from .machine import code_of
from .programs import random_program

__all__ = ["regress", "simulate"]

Image = npt.NDArray[np.uint8]

MOST_BEATS = 50
"""Of a packet that no program follows."""

SILENT = 100_000
"""Cycles that a program may take."""

LEAST = 16
"""Words of the smallest bank, and instructions of the smallest machine."""


def simulate(parameters: ChipParameters, job: ChipJob, **options: Any) -> tuple[Image, Result]:
    """Return the packet that a job gives, and its run; ``options`` are those of `sim.bench.run`."""
    registers = job.registers(parameters)
    design = generate("accelerator_chip", parameters)
    beats = np.frombuffer(job.data, np.uint8).reshape(-1, parameters.beat_bytes)
    result = run(
        design,
        inputs={"s_axis": beats},
        outputs={"m_axis": registers["read_beats"]},
        writes=[*registers.items(), ("control.start", 1)],
        reads=readable(design.manifest),
        watchdog=SILENT,
        **options,
    )
    return result.outputs["m_axis"].ravel(), result


def regress(parameters: ChipParameters, **options: Any) -> Report:
    """Compare a packet, and what random programs leave in memory, one for 20 of ``blocks``.

    Each is a run that has waves of its own.
    """
    case = Regression.of(options)
    waves = case.options.get("waves")
    reports = {}
    for number in range(1 + max(1, case.blocks // 20)):
        name = f"program {number}" if number else "packet"
        stem = f"{Path(waves).stem}-{name.replace(' ', '-')}" if waves else ""
        path = Path(waves).with_stem(stem) if waves else None
        job = (_program if number else _packet)(parameters, case.rng)
        reports[name] = _compare(parameters, job, {**case.options, "waves": path})
    return merge(reports)


def _packet(p: ChipParameters, rng: np.random.Generator) -> ChipJob:
    """Return a job that takes a packet, perhaps beyond the end of memory, and gives it."""
    beats = int(rng.integers(2, min(MOST_BEATS, p.memory_words) + 1))
    lost = int(rng.integers(0, beats))
    first = p.memory_words - beats + lost
    return ChipJob(
        write_address=first * p.beat_bytes,
        data=rng.integers(0, 256, beats * p.beat_bytes, np.uint8).tobytes(),
        read_address=first * p.beat_bytes,
        read_bytes=(beats - lost) * p.beat_bytes,
    )


def _program(p: ChipParameters, rng: np.random.Generator) -> ChipJob:
    """Return a job that takes a random program and its memory, runs it, and gives all of them."""
    word = p.word_bits // 8
    aligned = max(word, p.beat_bytes, BYTES)
    base = aligned * int(rng.integers(0, 3))
    length, words = p.instructions, p.bank_words
    while length > LEAST and length * BYTES > p.memory_bytes // 4:
        length //= 2
    most = p.memory_bytes - base - aligned - length * BYTES
    # Of tensors, each in a quarter of a bank, there are no more than five.
    while words > LEAST and 5 * words // 4 * word > most:
        words //= 2
    smaller = p.replace(bank_words=words, instructions=length)
    program, before = random_program(smaller, rng, base)
    before = np.pad(before, (0, -len(before) % aligned))
    image = np.concatenate([before, code_of(program)])
    image = np.pad(image, (0, -len(image) % p.beat_bytes))
    return ChipJob(
        write_address=base,
        data=image.tobytes(),
        program_address=base + len(before),
        program_length=len(program),
        read_address=base,
        read_bytes=len(image),
    )


def _compare(p: ChipParameters, job: ChipJob, options: dict[str, Any]) -> Report:
    """Compare a job's packet and all registers behind it with the model's."""
    model = Chip(p).run(job)
    packet, result = simulate(p, job, **options)
    manifest = generate("accelerator_chip", p).manifest
    counters = [r["name"] for r in manifest["registers"] if r["access"] == "ro"]
    beats = len(packet) // p.beat_bytes
    outcome = model.outcome
    expected = {
        **counting(result, *counters),
        **constants(manifest),
        **dict.fromkeys((name for name in result.registers if "status." in name), 0),
        **job.registers(p),
        "packet": np.frombuffer(model.packet, np.uint8),
        "last": np.arange(beats) == beats - 1,
        "instructions": sum(outcome.instructions.values()) if outcome else 0,
        "error": 0,
        "status.done": 1,
        "status.event": int(outcome is not None and outcome.event),
        "status.beyond": int(model.beyond),
    }
    found = {"packet": packet, "last": result.last["m_axis"].astype(bool)}
    return compare({**result.registers, **found}, expected, result, {})
