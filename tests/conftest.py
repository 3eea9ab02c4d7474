"""The tests' options, and their share of the cores."""

import os

import pytest

# Workers of pytest-xdist share the cores: to cut a model in parts costs a third more of them.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    jobs = max(1, (os.cpu_count() or 1) // int(workers))
    os.environ.setdefault("GRADGATE_JOBS", str(jobs))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for what takes longer than a run of the tests may."""
    what = "prove the ports of larger units as well, quantize more values in every rounding"
    parser.addoption("--deep", action="store_true", help=what)
