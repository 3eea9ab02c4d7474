"""The verilog engine: the same run in a test bench of plain Verilog, by Icarus.

It compiles a design in a tenth of the time that a model of the batch engine takes, and runs it a
hundred times slower.
"""

import re
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from sw.errors import UserError

from . import build
from .job import HOLD, RESPONSE, SURPLUS, UNKNOWN, WATCHDOG, Job, Outcome, Transfer
from .testbench import bench_files

__all__ = ["simulate"]

STATUS = ("", WATCHDOG, SURPLUS, HOLD, RESPONSE, UNKNOWN, UNKNOWN)
STREAM = (2, 3, 5)  # statuses that a stream is the culprit of
PHASES = ("writes", "streams", "settle", "reads", "later")
MOVED = re.compile(
    r"^(\w+) moved (\d+) beats in cycles (\d+) to (\d+), tvalid (.) tready (.)$", re.M
)
READ = re.compile(r"^register \w+ is (\w+)$", re.M)
END = re.compile(
    r"^status (\d+) phase (\d+) culprit (\d+) response (\w+) cycles (\d+) resets (\d+)$", re.M
)


def simulate(job: Job) -> Outcome:
    """Run ``job``."""
    if not build.have("icarus"):
        raise UserError(build.MISSING["icarus"])
    with tempfile.TemporaryDirectory(prefix="gradgate-") as name:
        folder = Path(name)
        for file, text in bench_files([job]).items():
            (folder / file).write_text(text)
        (folder / "design.v").write_text(job.verilog)
        top = f"{job.name}_bench"
        build.run(
            ["iverilog", "-g2005", "-o", "bench.vvp", "-s", top, f"{top}.v", "design.v"], folder
        )
        start = time.perf_counter()
        said = build.run(["vvp", "-n", "bench.vvp"], folder)
        seconds = time.perf_counter() - start
        waves = job.waves.with_suffix(".vcd") if job.waves else None
        if waves:
            shutil.move(folder / f"{job.name}.vcd", waves)
        return _outcome(job, said, folder, seconds, waves)


def _outcome(job: Job, said: str, folder: Path, seconds: float, waves: Path | None) -> Outcome:
    end = END.search(said)
    if end is None:
        raise RuntimeError(f"the simulator ended early:\n{said[-4000:]}")
    index, phase, culprit, response, cycles, resets = (int(word) for word in end.groups())
    status = STATUS[index]
    names = [*job.inputs, *job.outputs]
    ports = job.ports
    beats = {name: _beats(job, name, folder) for name in job.outputs} if not status else {}
    return Outcome(
        status=status,
        culprit=names[culprit] if index in STREAM else culprit,
        phase=PHASES[phase],
        transfers={
            name: Transfer(int(done), int(first), int(final), _bit(valid), _bit(ready))
            for name, done, first, final, valid, ready in MOVED.findall(said)
        },
        outputs={name: data for name, (data, _) in beats.items()},
        last={name: last for name, (_, last) in beats.items() if f"{name}_tlast" in ports},
        registers=[int(word, 16) for word in READ.findall(said)],
        response=response,
        cycles=cycles,
        resets=resets,
        seconds=seconds,
        waves=waves,
    )


def _bit(text: str) -> int | None:
    return int(text) if text in "01" else None


def _beats(job: Job, name: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the beats of an output, and their tlast."""
    width, size = job.ports[f"{name}_tdata"], job.manifest["streams"][name]["bytes"]
    words = [int(line, 16) for line in (folder / f"{name}.out").read_text().split()]
    mask = (1 << width) - 1
    data = b"".join((word & mask).to_bytes(size, "little") for word in words)
    last = np.array([word >> width for word in words], np.uint8)
    return np.frombuffer(bytearray(data), np.uint8).reshape(-1, size), last
