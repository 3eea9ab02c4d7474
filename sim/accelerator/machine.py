"""Bench of the accelerator: a program and a memory, run to the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.accelerator.instructions import ADDRESS_BITS, BITS, BYTES
from sw.accelerator.machine import Machine
from sw.accelerator.parameters import AcceleratorParameters
from sw.checks import array, whole
from sw.errors import UserError

from ..bench import Design, Memory, Result, Session, Stalls
from ..bench import run as run_design
from ..registers import constants, counting, readable
from ..regression import Regression
from ..report import Report, compare, merge
from .programs import random_program

__all__ = ["code_of", "regress", "run", "simulate"]

BASE = 0x12_0000_0000
"""Of the external memory of a regression."""

MOST_CYCLES = 1_000_000
"""Of a run that does not say how long it may take."""


def run(
    parameters: AcceleratorParameters,
    program: Sequence[int],
    memory: npt.NDArray[np.uint8],
    *,
    program_address: int,
    base: int = 0,
    latency: int = 1,
    jitter: int = 0,
    stalls: Stalls | None = None,
    seed: int = 1,
    cycles: int = MOST_CYCLES,
    design: Design | None = None,
    session: Session | None = None,
) -> tuple[npt.NDArray[np.uint8], dict[str, int], int]:
    """Return what a program leaves in memory and in all registers, and the cycles that it took.

    Parameters
    ----------
    parameters : AcceleratorParameters
        The machine's.
    program : sequence of int
        Instructions, as `sw.accelerator.instructions.encode` makes them.
    memory : array of uint8
        The external memory before the run, from address ``base``. It is not changed.
    program_address : int
        Where the program is put in it.
    base, latency, jitter : int
        As of `Memory`.
    stalls, seed, session
        As of `sim.bench.run`.
    cycles : int
        From the start, within which irq must rise.
    design : Design or None
        What runs it, if not the unit of the parameters.

    Raises
    ------
    BenchError
        Where the machine breaks the rules of its ports, or does not end.
    """
    image, result = simulate(
        parameters,
        program,
        Memory(image=_image(memory).copy(), base=base, latency=latency, jitter=jitter),
        program_address=program_address,
        stalls=stalls,
        seed=seed,
        cycles=cycles,
        design=design,
        session=session,
    )
    return image, result.registers, result.worked


def simulate(
    parameters: AcceleratorParameters,
    program: Sequence[int],
    memory: Memory,
    *,
    program_address: int,
    cycles: int = MOST_CYCLES,
    writes: Sequence[tuple[str, int]] = (),
    design: Design | None = None,
    **options: object,
) -> tuple[npt.NDArray[np.uint8], Result]:
    """Return the memory after a program as `run` does, and the run; ``memory`` is changed.

    ``writes`` are further ones of registers, before the start; ``options`` are those of
    `sim.bench.run`. An error ends a job as the program's end does: ``status`` tells of it.
    """
    design = design or generate("accelerator", parameters)
    code = code_of(program)
    whole("program_address", program_address, 0, (1 << ADDRESS_BITS) - 1)
    first = program_address - memory.base
    if not 0 <= first <= len(memory.image) - len(code):
        raise UserError(
            f"program_address must leave the program in memory, from {memory.base:#x} on "
            f"{len(memory.image)} bytes, not {program_address:#x}"
        )
    memory.image[first : first + len(code)] = code
    result = run_design(
        design,
        inputs={},
        outputs={},
        writes=[
            ("program_low", program_address & 0xFFFFFFFF),
            ("program_high", program_address >> 32),
            ("program_length", len(program)),
            ("status", 0xFFFFFFFF),
            ("interrupt_enable", _ends(design)),
            *writes,
            ("control.start", 1),
        ],
        reads=readable(design.manifest),
        memory=memory,
        irq_within=cycles,
        watchdog=cycles,
        **options,  # pyright: ignore[reportArgumentType]
    )
    return memory.image, result


def regress(parameters: AcceleratorParameters, **options: Any) -> Report:
    """Compare memory and registers behind random programs, one for 20 of ``blocks``.

    Each is a run with a memory of its own latency, and has waves of its own.
    """
    case = Regression.of(options)
    waves = case.options.get("waves")
    reports = {}
    for number in range(max(1, case.blocks // 20)):
        path = Path(waves).with_stem(f"{Path(waves).stem}-program-{number}") if waves else None
        reports[f"program {number}"] = _regress(
            parameters, case.rng, {**case.options, "waves": path}
        )
    return merge(reports)


def _regress(
    parameters: AcceleratorParameters, rng: np.random.Generator, options: dict[str, Any]
) -> Report:
    """Compare a random program with the interpreter."""
    program, before = random_program(parameters, rng, BASE)
    image = np.concatenate([before, code_of(program)])
    memory = Memory(
        image=image.copy(),
        base=BASE,
        latency=int(rng.integers(1, 20)),
        jitter=int(rng.integers(0, 8)),
    )
    outcome = Machine(parameters, image, BASE).run(program)
    address = BASE + len(before)
    after, result = simulate(parameters, program, memory, program_address=address, **options)
    manifest = generate("accelerator", parameters).manifest
    counters = [r["name"] for r in manifest["registers"] if r["access"] == "ro"]
    expected = {
        **counting(result, *counters),
        **constants(manifest),
        **dict.fromkeys((name for name in result.registers if "status." in name), 0),
        "memory": image,
        "program_low": address & 0xFFFFFFFF,
        "program_high": address >> 32,
        "program_length": len(program),
        "interrupt_enable": result.registers["interrupt_enable"],
        "instructions": sum(outcome.instructions.values()),
        "error": 0,
        "status.done": 1,
        "status.event": int(outcome.event),
    }
    return compare({**result.registers, "memory": after}, expected, result, {})


def _image(memory: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return array("memory", memory, "uint8", shape=("bytes",))


def code_of(program: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return a program as it is in memory."""
    words = [whole("program", word, 0, (1 << BITS) - 1) for word in program]
    return np.frombuffer(b"".join(word.to_bytes(BYTES, "little") for word in words), np.uint8)


def _ends(design: Design) -> int:
    """Return the enables of the events that end a job, one that was refused included."""
    [register] = (r for r in design.manifest["registers"] if r["name"] == "interrupt_enable")
    offsets = {field["name"]: field["offset"] for field in register["fields"]}
    return sum(1 << offsets[name] for name in ("done", "refused", "aborted"))
