"""The page's multiplier of a user: ten lines of Python to a table, a training and the RTL."""

import os
import re
import subprocess
import sys

import numpy as np

from sw.approx.table import function, read
from tests.book import ROOT, page


def test_a_users_multiplier(tmp_path):
    text = page("use/approximate.md")
    (source,) = re.findall(r"```python\n(# own.py\n.*?)```", text, re.DOTALL)
    (commands,) = re.findall(r"```sh\n(python -m sw table own.py.*?)```", text, re.DOTALL)
    (tmp_path / "own.py").write_text(source)
    assert len(source.splitlines()) <= 10
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    outputs = []
    for line in commands.splitlines():
        command = [sys.executable, *line.split()[1:]]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        outputs.append(done.stdout)
    table, training, hardware = outputs
    assert "own.py:multiply" in table and "wrote own_7.bin" in table
    rates = [float(x) for x in re.findall(r"(\d+\.\d+)%", training)]
    assert len(rates) == 2 and min(rates) > 85
    assert re.findall(r"stalls +│ +[\d,]+ │ +[\d,]+ │ +(\d+) │", hardware) == ["0", "0"]

    own = function(f"{tmp_path}/own.py:multiply")
    entries = read(tmp_path / "own_7.bin").entries.reshape(128, 128)
    for x, y in np.random.default_rng(1).integers(0, 128, (50, 2)).tolist():
        product = own(128 + x, 128 + y, 7) / 2**14
        carry = product >= 2
        fraction = int((product / (1 + carry) - 1) * 128)
        assert entries[x, y] == carry << 7 | fraction
