"""A test bench of the delivered design, with vectors of runs that were equal to the model."""

import dataclasses

from sim.testbench import bench_files

from .delivered import Delivered

__all__ = ["testbench"]


def testbench(delivered: Delivered) -> dict[str, str]:
    """Return ``bench/NAME_bench.v`` and its files of vectors."""
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
    sources = [f"../{file}" for file in design.files if file.endswith(".v")]
    files = bench_files(jobs, recorded, sources=sources)
    return {f"bench/{name}": text for name, text in files.items()}
