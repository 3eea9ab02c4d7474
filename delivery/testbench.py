"""A test bench of the delivered design, and the core file that knows it."""

import dataclasses

from hw.flow.fusesoc import core_file
from sim.testbench import bench_files

from .delivered import Delivered

__all__ = ["testbench"]


def testbench(delivered: Delivered) -> dict[str, str]:
    """Return ``bench/NAME_bench.v``, vectors of runs equal to the model, and the core file."""
    design = delivered.design
    jobs = [
        dataclasses.replace(
            run.job, name=design.name, manifest=design.manifest, verilog="", waves=None
        )
        for run in delivered.recorded
    ]
    recorded = [
        dataclasses.replace(run, job=job) for run, job in zip(delivered.recorded, jobs, strict=True)
    ]
    sources = [file for file in design.files if file.endswith(".v")]
    files = {
        f"bench/{name}": text
        for name, text in bench_files(
            jobs, recorded, sources=[f"../{file}" for file in sources]
        ).items()
    }
    bench, *vectors = files
    core = core_file(
        design.name, design.manifest, cells="".join(sources[1:]), bench=bench, vectors=vectors
    )
    return {**files, f"{design.name}.core": core}
