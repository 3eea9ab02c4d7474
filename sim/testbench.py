"""Test benches in plain Verilog, for any simulator: jobs as text and files of vectors."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt

from .job import RESET_CYCLES, Job, Outcome
from .streams import stall_threshold, stream_seed

__all__ = ["Recorded", "bench_files", "vectors"]

TEMPLATE = Path(__file__).with_name("testbench.v.jinja")

LATENCY = 8
"""Cycles in which the bench's memory answers."""


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A run whose every output was equal to the model's.

    Members
    -------
    job : Job
        What was run; the image of its memory is what that held before.
    outcome : Outcome
        What came.
    memory : array of uint8, optional
        What the memory held after the run.
    """

    job: Job
    outcome: Outcome
    memory: npt.NDArray[np.uint8] | None = None


def bench_files(
    jobs: Sequence[Job], recorded: Sequence[Recorded] = (), *, sources: Sequence[str] = ()
) -> dict[str, str]:
    """Return the files of the bench of jobs of one design by name: ``NAME_bench.v``, ``*.hex``.

    Parameters
    ----------
    jobs : sequence of Job
        What the bench does, one after another, each from reset on. Without ``recorded``, they have
        no memory.
    recorded : sequence of Recorded
        What comes of each job. The bench then says ``PASS`` only if the same comes; without, it
        leaves the beats of an output in ``STREAM.out``.
    sources : sequence of str
        The design's files, for the commands in the bench's first lines.
    """
    first = jobs[0]
    streams = [_stream(jobs, name) for name in (*first.inputs, *first.outputs)]
    memory = _memory(first) if recorded and first.memory else None
    runs = [_run(jobs, i, recorded[i] if recorded else None) for i in range(len(jobs))]
    patience = [4 * run.outcome.cycles for run in recorded] or [job.watchdog for job in jobs]
    waited = ["irq"] if first.irq_within is not None else []
    text = _template().render(
        top=first.name,
        sources=sources or [f"{first.name}.v"],
        streams=streams,
        runs=runs,
        memory=memory,
        widths=first.ports,
        registers="s_axi_awaddr" in first.ports,
        later=any(job.later for job in jobs),
        connections={name: _connection(first, name, memory) for name in first.ports},
        irq=first.irq_within is not None,
        finished=[*waited, *(f"{s['name']}.finished" for s in streams)] or ["1"],
        watchdog=min(max(job.watchdog for job in jobs), max(patience)),
        settle=max(job.settle for job in jobs),
        reset_cycles=RESET_CYCLES,
        check=bool(recorded),
        waves=first.waves is not None,
    )
    files = {f"{first.name}_bench.v": text}
    for name in first.inputs:
        parts = [(job.inputs[name], job.last.get(name)) for job in jobs]
        files[f"{name}.hex"] = "".join(
            vectors(*part, first.ports[f"{name}_tdata"]) for part in parts
        )
    for name in first.outputs if recorded else ():
        parts = [(run.outcome.outputs[name], run.outcome.last.get(name)) for run in recorded]
        files[f"{name}.hex"] = "".join(
            vectors(*part, first.ports[f"{name}_tdata"]) for part in parts
        )
    for run, each in zip(runs, recorded, strict=True) if recorded else ():
        if memory and each.job.memory and each.memory is not None:
            files[run["before"]] = _words(each.job.memory.image, memory["data_bits"])
            files[run["after"]] = _words(each.memory, memory["data_bits"])
    return files


def vectors(beats: np.ndarray, last: Sequence[int] | np.ndarray | None, width: int) -> str:
    """Return a line of hexadecimal digits for each beat, with tlast above its ``width`` bits."""
    mask = (1 << width) - 1
    ends = [0] * len(beats) if last is None else last
    words = (int.from_bytes(beat.tobytes(), "little") & mask for beat in beats)
    return "".join(f"{int(end) << width | word:x}\n" for word, end in zip(words, ends, strict=True))


def _words(image: npt.NDArray[np.uint8], bits: int) -> str:
    """Return a memory as lines of whole words."""
    size = bits // 8
    return vectors(np.pad(image, (0, -len(image) % size)).reshape(-1, size), None, bits)


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text())


def _beats(job: Job, name: str) -> int:
    return len(job.inputs[name]) if name in job.inputs else job.outputs[name]


def _stream(jobs: Sequence[Job], name: str) -> dict[str, Any]:
    job = jobs[0]
    source = name in job.inputs
    return {
        "name": name,
        "input": source,
        "beats": sum(_beats(each, name) for each in jobs),
        "width": job.ports[f"{name}_tdata"],
        "last": f"{name}_tlast" in job.ports,
        "stall": stall_threshold(job.stalls.idle if source else job.stalls.back_pressure),
    }


def _run(jobs: Sequence[Job], index: int, recorded: Recorded | None) -> dict[str, Any]:
    """Return what the template has to know of a job."""
    job = jobs[index]
    registers = {r["offset"]: r for r in job.manifest["registers"]}

    def access(address: int, value: int = 0, cycle: int = 0) -> dict[str, Any]:
        name = registers[address]["name"]
        return {"address": address, "value": value, "cycle": cycle, "name": name}

    values = recorded.outcome.registers if recorded else [0] * len(job.reads)
    reads = list(zip(job.reads, values, strict=True))
    if recorded:
        # What is read as one field after another is compared once.
        reads = list(dict(reads).items())
    return {
        "streams": [
            {
                "name": name,
                "first": sum(_beats(before, name) for before in jobs[:index]),
                "beats": _beats(job, name),
                "seed": stream_seed(job.seed, name),
            }
            for name in (*job.inputs, *job.outputs)
        ],
        "writes": [access(address, value) for address, value in job.writes],
        "later": [access(address, value, cycle) for cycle, address, value in job.later],
        "reads": [
            {**access(address, value), "compared": not (job.memory and _timed(registers[address]))}
            for address, value in reads
        ],
        "reset_after": job.reset_after or 0,
        "before": f"memory_{index}.hex",
        "after": f"memory_{index}_after.hex",
    }


def _timed(register: dict[str, Any]) -> bool:
    """Tell whether a register counts cycles, which the memory decides on."""
    return register["access"] == "ro" and register["description"].startswith("Cycles ")


def _memory(job: Job) -> dict[str, Any]:
    """Return what the template has to know of a job's memory."""
    assert job.memory is not None
    widths = job.manifest["masters"][job.master]
    taken = ("awid", "awaddr", "awlen", "awvalid", "awready", "wdata", "wstrb", "wlast", "wvalid")
    taken += ("wready", "bid", "bresp", "bvalid", "bready", "arid", "araddr", "arlen", "arvalid")
    taken += ("arready", "rid", "rdata", "rresp", "rlast", "rvalid", "rready")
    return {
        **widths,
        "id_bits": max(1, widths["id_bits"]),
        "name": job.master,
        "ports": {
            port: job.ports[port] for t in taken if (port := f"{job.master}_{t}") in job.ports
        },
        "base": job.memory.base,
        "words": -(-len(job.memory.image) // (widths["data_bits"] // 8)),
        "latency": LATENCY,
    }


def _connection(job: Job, port: str, memory: dict[str, Any] | None) -> str:
    """Return what a port of the design is connected to: nothing moves at a stream without beats."""
    stream, _, _ = port.rpartition("_t")
    if port in ("aclk", "aresetn") or stream in (*job.inputs, *job.outputs):
        return port
    if port == "s_axi_wstrb":
        return "4'hf"
    if port.startswith("s_axi_") or memory and port in memory["ports"]:
        return port
    if port == "irq" and job.irq_within is not None:
        return port
    quiet = port.endswith(("_tvalid", "_tready", "_tdata", "_tlast"))
    given = {n for n, s in job.manifest["streams"].items() if s["direction"] == "in"}
    driven = quiet and (stream in given) != port.endswith("_tready")
    return f"{job.ports[port]}'h0" if driven else ""
