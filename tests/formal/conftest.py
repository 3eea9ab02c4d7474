"""The proofs that are not part of every run."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave them out unless asked for."""
    if collection_path.name == "test_deep.py" and not config.getoption("--deep"):
        return True
    return None
