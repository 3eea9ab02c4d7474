"""The page's code and commands for stochastic updates."""

import re

from tests.book import code, run


def test_the_code():
    run("-c", code("use/stochastic.md", "python"))


def test_the_commands():
    _lenet, rotated, pulsed, circuit = code("use/stochastic.md", "sh").splitlines()
    for line in (rotated, pulsed):
        rates = [float(x) for x in re.findall(r"(\d+\.\d+)%", run(*line.split()[1:]))]
        assert len(rates) == 2 and min(rates) > 85
    table = run(*circuit.split()[1:])
    assert re.findall(r"(weight\d|bias\d) +│ +[\d,]+ +│ (\d+)", table) == [
        (name, "0") for name in ("weight0", "bias0", "weight1", "bias1")
    ]
