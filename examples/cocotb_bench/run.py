"""Runs the test on an array that was emitted: ``python -m examples.cocotb_bench.run FOLDER``."""

import sys
from pathlib import Path

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

__all__ = ["run"]


def run(folder: Path) -> int:
    """Return the number of tests that passed; the runner exits where one failed."""
    runner = get_runner("icarus")
    runner.build(
        sources=[folder / "bfp_array.v"],
        hdl_toplevel="bfp_array",
        build_dir=folder / "icarus",
        timescale=("1ns", "1ps"),
        always=True,
    )
    results = runner.test(
        test_module="examples.cocotb_bench.test_product",
        hdl_toplevel="bfp_array",
        extra_env={
            "MANIFEST": str((folder / "bfp_array.json").resolve()),
            "COCOTB_LOG_LEVEL": "WARNING",
            "GPI_LOG_LEVEL": "ERROR",
            # cocotbext-axi 0.1.28 uses names that cocotb 2.1 deprecates.
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
        },
    )
    return get_results(results)[0]


if __name__ == "__main__":
    print(f"{run(Path(sys.argv[1]))} tests passed")
