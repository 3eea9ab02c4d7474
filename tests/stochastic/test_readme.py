"""The README's code and commands for stochastic updates."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = re.search(
    r"### Stochastic updates\n(.*?)\n`make paper-bfp`",
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


def test_the_commands():
    assert SECTION
    (commands,) = re.findall(r"```sh\n(.*?)```", SECTION[1], re.DOTALL)
    _lenet, rotated, pulsed, circuit = commands.splitlines()
    for line in (rotated, pulsed):
        rates = [float(x) for x in re.findall(r"(\d+\.\d+)%", run(*line.split()[1:]))]
        assert len(rates) == 2 and min(rates) > 85
    table = run(*circuit.split()[1:])
    assert re.findall(r"(weight\d|bias\d) +│ +[\d,]+ +│ (\d+)", table) == [
        (name, "0") for name in ("weight0", "bias0", "weight1", "bias1")
    ]
