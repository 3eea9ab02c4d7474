"""Test benches in plain Verilog, for any simulator: a job as text and files of vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from .job import RESET_CYCLES, Job
from .streams import stall_threshold, stream_seed

__all__ = ["bench_files", "vectors"]

TEMPLATE = Path(__file__).with_name("testbench.v.jinja")


def bench_files(job: Job, expected: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the files of the bench of a job by name: ``NAME_bench.v``, ``STREAM.hex``.

    It leaves the beats of an output in ``STREAM.out``. ``expected`` are those of every output, with
    tlast above, as `vectors` writes them; the bench then says ``PASS`` only if they come.
    """
    streams = [_stream(job, name) for name in (*job.inputs, *job.outputs)]
    names = {r["offset"]: r["name"] for r in job.manifest["registers"]}

    def access(address: int, value: int = 0, cycle: int = 0) -> dict[str, Any]:
        return {"address": address, "value": value, "cycle": cycle, "name": names[address]}

    text = _template().render(
        top=job.name,
        job=job,
        streams=streams,
        widths=job.ports,
        registers="s_axi_awaddr" in job.ports,
        writes=[access(address, value) for address, value in job.writes],
        later=[access(address, value, cycle) for cycle, address, value in job.later],
        reads=[access(address) for address in job.reads],
        connections={name: _connection(job, name) for name in job.ports},
        reset_cycles=RESET_CYCLES,
        check=expected is not None,
        waves=job.waves is not None,
    )
    files = {f"{job.name}_bench.v": text}
    for name, beats in job.inputs.items():
        files[f"{name}.hex"] = vectors(beats, job.last.get(name), job.ports[f"{name}_tdata"])
    for name, text in (expected or {}).items():
        files[f"{name}.hex"] = text
    return files


def vectors(beats: np.ndarray, last: Sequence[int] | np.ndarray | None, width: int) -> str:
    """Return a line of hexadecimal digits for each beat, with tlast above its ``width`` bits."""
    mask = (1 << width) - 1
    ends = [0] * len(beats) if last is None else last
    words = (int.from_bytes(beat.tobytes(), "little") & mask for beat in beats)
    return "".join(f"{int(end) << width | word:x}\n" for word, end in zip(words, ends, strict=True))


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text())


def _stream(job: Job, name: str) -> dict[str, Any]:
    source = name in job.inputs
    return {
        "name": name,
        "input": source,
        "beats": len(job.inputs[name]) if source else job.outputs[name],
        "width": job.ports[f"{name}_tdata"],
        "last": f"{name}_tlast" in job.ports,
        "stall": stall_threshold(job.stalls.idle if source else job.stalls.back_pressure),
        "seed": stream_seed(job.seed, name),
    }


def _connection(job: Job, port: str) -> str:
    """Return what a port of the design is connected to: nothing moves at a stream without beats."""
    stream, _, _ = port.rpartition("_t")
    if port in ("aclk", "aresetn") or stream in (*job.inputs, *job.outputs):
        return port
    if port == "s_axi_wstrb":
        return "4'hf"
    if port.startswith("s_axi_"):
        return port
    quiet = port.endswith(("_tvalid", "_tready", "_tdata", "_tlast"))
    given = {n for n, s in job.manifest["streams"].items() if s["direction"] == "in"}
    driven = quiet and (stream in given) != port.endswith("_tready")
    return f"{job.ports[port]}'h0" if driven else ""
