"""numba's folder where nothing of the user's is writable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

SW = Path(__file__).parents[1] / "sw"
CODE = """
from numba.core import config
import sw.bfp.fast, sw.formats.fast, sw.sparse.fast
import sw.stochastic.fast, sw.approx.fast, sw.train.fast
print(config.CACHE_DIR)
"""


def run(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Import all that is compiled from a copy of the sources."""
    shutil.copytree(SW, folder / "sw", ignore=shutil.ignore_patterns("__pycache__"))
    for each in [folder / "sw", *(p for p in (folder / "sw").rglob("*") if p.is_dir())]:
        (each / "__pycache__").write_text("not a folder")
    places = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "PYTHONPATH": str(folder)}
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | places | more
    return subprocess.run(
        [sys.executable, "-c", CODE], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_no_home(tmp_path):
    done = run(tmp_path, TMPDIR=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.startswith(f"{tmp_path}/gradgate-")
    assert done.stderr == (
        "note: no folder is writable where numba would keep what it compiles, so that this run "
        "compiles anew; NUMBA_CACHE_DIR names one\n"
    )
    assert not list(tmp_path.glob("gradgate-*"))


def test_a_folder_that_is_named(tmp_path):
    done = run(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/mine\n", "")
