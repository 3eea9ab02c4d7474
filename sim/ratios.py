"""Ratios of speed, size and time, each measured in one run: ``make bench``."""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hw.flow.emit import generate
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.formats.quantize import quantize
from sw.version import version

from .approx.speed import speed
from .bfp.array import simulate

__all__ = ["MEASURES", "measure"]

# A process of its own, so that nothing is cached and the imports are not counted.
_GENERATE = """
import sys, time
from hw.units import UNITS
from hw.flow.emit import generate
from sw.bfp.array import ArrayParameters
generate("bfp_array", ArrayParameters.make(preset="hbfp4", rows=2, columns=2))
side = int(sys.argv[1])
start = time.perf_counter()
design = generate("bfp_array", ArrayParameters.make(preset="hbfp4", rows=side, columns=side))
print(time.perf_counter() - start, len(design.verilog))
"""


def _generation(progress: Progress) -> dict[str, float]:
    """Size of the Verilog and time to generate it, 32 x 32 against 8 x 8."""
    seconds: dict[int, list[float]] = {8: [], 32: []}
    size = {}
    for _ in range(3):
        for side, times in seconds.items():
            run = [sys.executable, "-c", _GENERATE, str(side)]
            line = subprocess.run(run, capture_output=True, text=True, check=True).stdout
            times.append(float(line.split()[0]))
            size[side] = int(line.split()[1])
    small, large = (statistics.median(times) for times in seconds.values())
    return {
        "bytes_8x8": size[8],
        "bytes_32x32": size[32],
        "bytes_ratio": size[32] / size[8],
        "seconds_8x8": small,
        "seconds_32x32": large,
        "seconds_ratio": large / small,
    }


def _engines(progress: Progress) -> dict[str, float]:
    """Cycles a second of the batch path against cocotb, on the same 4 x 4 array and data."""
    p = ArrayParameters.make(preset="hbfp8", rows=4, columns=4)
    rng = np.random.default_rng(1)

    def speed(size: tuple[int, int, int], **options: Any) -> float:
        m, n, k = size
        x = rng.standard_normal((m, k)).astype(np.float32)
        y = rng.standard_normal((k, n)).astype(np.float32)
        words = [rng.integers(0, 1 << p.format.random_bits, z.shape) for z in (x, y)]
        a = quantize(x, p.format, axis=1, random=words[0])
        b = quantize(y, p.format, axis=0, random=words[1])
        _, result = simulate(p, a, b, **options)
        return result.simulated / result.seconds

    # The first run of each builds its model.
    small, large = (32, 32, 512), (256, 256, 512)
    rates = {}
    for name, size, options in (
        ("batch", large, {"engine": "batch"}),
        ("cocotb_verilator", small, {"engine": "cocotb", "simulator": "verilator"}),
    ):
        speed((4, 4, 64), **options)
        rates[name] = statistics.median(speed(size, **options) for _ in range(3))
    return {
        **{f"{name}_cycles_per_second": rate for name, rate in rates.items()},
        "ratio": rates["batch"] / rates["cocotb_verilator"],
    }


def _gates(progress: Progress) -> dict[str, float]:
    """Seconds to synthesize a 64-lane HBFP4 dot product to gates, uncached."""
    p = DotParameters.make(preset="hbfp4", lanes=64)
    design = generate("bfp_dot", p)
    with tempfile.TemporaryDirectory() as empty:
        kept = os.environ.get("GRADGATE_CACHE")
        os.environ["GRADGATE_CACHE"] = empty
        try:
            cost = synthesize(design, "gates", progress=progress)
        finally:
            os.environ.pop("GRADGATE_CACHE")
            if kept is not None:
                os.environ["GRADGATE_CACHE"] = kept
    return {"seconds": sum(stage.seconds for stage in cost.stages)}


def _clocks(progress: Progress) -> dict[str, float]:
    """MHz on ECP5 of a dot product of blocks and of one from binary32 to binary32, 3 seeds each."""
    wide = DotParameters.make(
        preset="mxint8", lanes=32, operands="binary32", multiplier="dsp", target="ecp5"
    )
    figures = {}
    for name, p in (("blocks", DotParameters(target="ecp5")), ("binary32", wide)):
        design = generate("bfp_dot", p)
        cost = synthesize(design, "ecp5", seeds=3, megahertz=120, progress=progress)
        assert cost.clock is not None
        figures |= {f"{name}_median": cost.clock.median, f"{name}_best": cost.clock.best}
    return figures


def _products(progress: Progress) -> dict[str, float]:
    """Products of matrices by approximate multipliers against NumPy's, and against a C program."""
    return speed()


MEASURES: dict[str, Callable[[Progress], dict[str, float]]] = {
    "generation": _generation,
    "engines": _engines,
    "gates": _gates,
    "clocks": _clocks,
    "approximate_products": _products,
}


def measure(path: Path, progress: Progress) -> dict[str, Any]:
    """Take all measures, write them to a JSON file and return them."""
    report: dict[str, Any] = {
        "gradgate": version(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    for name, take in MEASURES.items():
        with progress.stage(name.replace("_", " ")):
            report[name] = take(progress)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report
