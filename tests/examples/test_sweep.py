"""A sweep of two small configurations: its files, what it takes up again, what is refused."""

import csv
import re

import pytest
from click.testing import CliRunner

from examples.sweep import sweep
from hw.__main__ import main as hw
from hw.flow import yosys
from hw.flow.progress import Progress
from tests.book import ROOT


def table(folder) -> list[dict[str, str]]:
    with (folder / "cost.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Make the sweep small; return the list of the runs of Yosys."""
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path / "cache"))
    small = {"UNIT": "bfp_dot", "TARGET": "gates", "FORMATS": ("msfp12",), "LANES": (1, 2)}
    for name, value in small.items():
        monkeypatch.setattr(sweep, name, value)
    done: list[str] = []
    run = yosys.run

    def counted(tool, *arguments, **options):
        done.append(tool)
        return run(tool, *arguments, **options)

    monkeypatch.setattr(yosys, "run", counted)
    return done


def test_an_interrupted_sweep_goes_on(tmp_path, monkeypatch, runs):
    folder, synthesize = tmp_path / "sweep", sweep.synthesize

    def interrupted(design, target, **options):
        if runs:
            raise KeyboardInterrupt
        return synthesize(design, target, **options)

    monkeypatch.setattr(sweep, "synthesize", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep.main(folder)
    assert [row["lanes"] for row in table(folder)] == ["1"] and len(runs) == 1
    monkeypatch.setattr(sweep, "synthesize", synthesize)
    sweep.main(folder)
    one, two = table(folder)
    assert len(runs) == 2 and (folder / "cost.png").read_bytes()[:4] == b"\x89PNG"
    assert (one["lanes"], two["lanes"], one["each"]) == ("1", "2", one["cost"])
    assert float(two["each"]) == float(two["cost"]) / 2

    # The command has the same cost, from the cache.
    arguments = ["synth", "bfp_dot", "--target", "gates", "--set", "format=msfp12"]
    arguments += ["--set", "lanes=2", "-o", str(tmp_path / "report")]
    assert CliRunner().invoke(hw, arguments).exit_code == 0 and len(runs) == 2
    report = (tmp_path / "report" / "report.csv").read_text()
    [used] = re.findall(r"^total,1,NAND2 equivalents,([\d.]+),", report, re.M)
    assert float(used) == float(two["cost"])


def test_what_is_refused_has_a_reason(runs):
    [row] = sweep.sweep("bfp_dot", "gates", {"format": ["hbfp4"], "lanes": [0]}, Progress())
    assert (row["cost"], row["each"], runs) == (None, None, [])
    assert row["refused"].startswith("lanes must be an integer from 1 to ")


def test_the_readme_has_what_is_swept():
    readme = (ROOT / "examples" / "sweep" / "README.md").read_text("utf-8")
    assert "python -m examples.sweep.sweep build/sweep" in readme
    rows = re.findall(r"^format (\w+), lanes (\d+), cost [\d.]+, each [\d.]+$", readme, re.M)
    assert rows == [(form, str(n)) for form in sweep.FORMATS for n in sweep.LANES]
