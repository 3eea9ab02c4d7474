"""The README's code for sparse training."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = re.search(
    r"### Sparse training\n(.*?)\n`make paper-bfp`",
    (ROOT / "README.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


def run(*arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_code():
    assert SECTION
    (source,) = re.findall(r"```python\n(.*?)```", SECTION[1], re.DOTALL)
    run("-c", source)
