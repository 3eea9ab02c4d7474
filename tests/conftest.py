"""The tests' options, and their share of the cores."""

import os
from pathlib import Path

import pytest

# Workers of pytest-xdist share the cores: to cut a model in parts costs a third more of them.
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    jobs = max(1, (os.cpu_count() or 1) // int(workers))
    os.environ.setdefault("GRADGATE_JOBS", str(jobs))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option for what takes longer than a run of the tests may."""
    what = "prove larger units too, quantize more values, route larger designs, send more frames"
    parser.addoption("--deep", action="store_true", help=what)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is not part of every run, unless it is asked for."""
    if collection_path.name == "test_deep.py" and not config.getoption("--deep"):
        return True
    return None


@pytest.fixture
def deep(request: pytest.FixtureRequest) -> bool:
    """Return whether more is to be tried than a run of all tests has time for."""
    return bool(request.config.getoption("--deep"))
