"""Sections of a data sheet on time and cost, and a recorded run of the unit's bench."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hw.flow.command import command

from ..delivered import Recorded
from .document import Block, Code, Section, Text, table
from .facts import Facts

__all__ = ["cost", "recorded", "timing"]

BEATS = 4
"""Of each stream of a recorded run, so many are shown."""


def timing(facts: Facts) -> Iterator[Section]:
    """Give latency, interval and drain, and the cycles of some work."""
    t, notes = facts.core.timing, facts.notes
    depends = "" if t.fixed else " (it depends on the data, or on the job)"
    least = f", at least{depends}" if depends else ""
    yield Section(
        "Latency and interval",
        (
            *table(
                ("what", "cycles"),
                (
                    (
                        (
                            "latency: from the last beat of a tile, block or packet to its first "
                            f"result{least}"
                        ),
                        t.latency,
                    ),
                    (
                        (
                            "interval: from the first beat of one to that of the next, at "
                            f"least{depends}"
                        ),
                        t.interval,
                    ),
                    (f"drain: from its first result to its last{least}", t.drain),
                ),
            ),
            Text(
                "Without stalls: sources always have a beat, sinks always take one. If the last "
                "beat of one is taken in cycle t, its first result is offered in cycle t + latency."
            ),
        ),
    )
    cycles = notes.cycles
    rows = []
    for case in cycles.cases:
        count = cycles.count(*case)
        row = [*(f"{size:,}" for size in case), f"{count:,}"]
        if cycles.work:
            work = cycles.work(*case)
            row += [f"{work / count:,.2f}"]
            if notes.work:
                row += [f"{100 * work / count / notes.work[1]:.1f} %"]
        rows.append(row)
    head = [*cycles.sizes, "cycles"]
    head += ["multiply-adds a cycle"] if cycles.work else []
    head += ["of the peak"] if cycles.work and notes.work else []
    yield Section(
        "Cycles of a job" if facts.core.JOBS else "Cycles of some work",
        (
            Text(f"{cycles.span}:"),
            Code(cycles.formula),
            *table(head, rows),
        ),
    )


def cost(facts: Facts) -> Iterator[Section]:
    """Give how to measure what the configuration costs."""
    told = facts.delivered
    line = command(told.unit_name, told.parameters, None, None).replace(" verilog ", " synth ")
    storage = told.unit.stored(told.parameters)
    blocks: list[Block] = [
        Text(
            "Not measured here: it takes a synthesis. These print it for ECP5, Xilinx 7, and in "
            "gates; `--route` adds a clock that was reached."
        ),
        Code("\n".join(f"{line} --target {target}" for target in ("ecp5", "xilinx", "gates"))),
    ]
    if storage.registers or storage.memory:
        blocks.append(
            Text(
                f"It certainly takes {storage.registers:,} registers and {storage.memory:,} bits "
                "of memory, and more."
            )
        )
    yield Section("Cost", tuple(blocks))


def recorded(facts: Facts) -> Iterator[Section]:
    """Give a run of the unit's bench: register writes, beats in and out, cycles."""
    for run in facts.delivered.recorded[:1]:
        names = {r["offset"]: r["name"] for r in facts.manifest["registers"]}
        writes = [
            (f"{address:#05x}", f"`{names[address]}`", f"{value:#x}")
            for address, value in run.job.writes[: BEATS**2]
        ]
        if len(run.job.writes) > len(writes):
            writes.append(("...", f"{len(run.job.writes) - len(writes)} more", "..."))
        yield Section(
            "A recorded run",
            (
                Text(
                    "A run of the unit's bench in simulation, in which sources and sinks often "
                    "wait, on random data with corner cases, every bit equal to the model's; the "
                    "test bench that is delivered has it whole."
                    + ("" if writes else " It needs no register writes.")
                ),
                *table(("address", "register", "written, in this order"), writes),
                *table(
                    ("stream", "beat", "tlast", "tdata in hexadecimal, its top bit first"),
                    _beats(run),
                ),
                *table(("stream", "beats", "first in cycle", "last in cycle"), _moved(run)),
                *_span(run),
            ),
        )


def _beats(run: Recorded) -> Iterator[Sequence[object]]:
    ins = {n: (beats, run.job.last.get(n)) for n, beats in run.job.inputs.items()}
    outs = {n: (beats, run.outcome.last.get(n)) for n, beats in run.outcome.outputs.items()}
    sides: Mapping[str, tuple[np.ndarray, Any]] = {**ins, **outs}
    for name, (beats, last) in sides.items():
        for n, beat in enumerate(beats[:BEATS]):
            end = int(last[n]) if last is not None else int(n == len(beats) - 1)
            yield f"`{name}`", n, end, beat.tobytes()[::-1].hex().upper()


def _moved(run: Recorded) -> Iterator[Sequence[object]]:
    for name in (*run.job.inputs, *run.job.outputs):
        moved = run.outcome.transfers.get(name)
        if moved and moved.done:
            yield f"`{name}`", f"{moved.done:,}", f"{moved.first:,}", f"{moved.final:,}"


def _span(run: Recorded) -> Iterator[Text]:
    moved = run.outcome.transfers
    ins = [moved[n].first for n in run.job.inputs if n in moved and moved[n].done]
    outs = [moved[n].final for n in run.job.outputs if n in moved and moved[n].done]
    if ins and outs:
        count = max(outs) - min(ins) + 1
        yield Text(
            f"From the first beat taken to the last one given: {count:,} cycles, with those waits."
        )
