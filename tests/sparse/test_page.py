"""The page's code and commands for sparse training."""

import re

from tests.book import code, run


def test_the_code():
    run("-c", code("use/sparse.md", "python"))


def test_the_commands(tmp_path):
    digits, _lenet, circuit = code("use/sparse.md", "sh").splitlines()
    weights = tmp_path / "sparse.npz"
    table = run(*digits.replace("build/sparse.npz", str(weights)).split()[1:])
    (right,) = re.findall(r"test +│ +\d+ │ (\d+\.\d+)%", table)
    # Within a point of the 95.3 % that all weights reach, the mean of five seeds.
    assert float(right) > 94.3
    (tracked,) = re.findall(r"│ all +│ +│ +2,368 │.*│ +(\d+\.\d+) │", table)
    assert 8 < float(tracked) < 12
    table = run(*circuit.split()[1:])
    assert re.findall(r"(weight\d|bias\d|on the way) +│ +[\d,]* *│ (\d+)", table) == [
        (name, "0") for name in ("weight0", "bias0", "weight1", "bias1", "on the way")
    ]
