"""The table of the formats of today, made small."""

import numpy as np
import pytest

import sim.paper.formats as module
import sim.paper.workers as workers
from sim.costs.formats import CIRCUITS, FormatCost, format_cost
from sim.paper import pages
from sim.paper.accuracy import Accuracy

from .papers import SMALL, Pool, run


def cost(name: str, seeds: int) -> FormatCost:
    """A cost that the name decides, of a multiply-add that meets the bars."""
    gates = 100.0 + len(name)
    return FormatCost(name=name, gates=gates, xilinx=14, ecp5=27, switching=9, megahertz=150)


def accuracies(cases, arithmetics, seeds, kept) -> list[Accuracy]:
    """Accuracies of which nvfp4's is a little more than a point below binary32's."""
    ends = {"binary32": 0.96, "nvfp4": 0.949}
    return [
        Accuracy(case=case, arithmetic=name, curves=((ends.get(name, 0.955),),) * 2)
        for case in cases
        for name in arithmetics
    ]


@pytest.mark.parametrize("luts, code", [(16.0, 0), (16.1, 1)])
def test_formats(tmp_path, monkeypatch, luts, code):
    def measured(name: str, seeds: int) -> FormatCost:
        found = cost(name, seeds)
        return FormatCost(**vars(found) | {"xilinx": luts}) if name == "nvfp4" else found

    rng = np.random.default_rng(1)
    tensors = {"normal": rng.standard_normal((4, 864)).astype(np.float32)}
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(module, "format_cost", measured)
    monkeypatch.setattr(module, "samples", lambda: tensors)
    found, text = run("formats", tmp_path, "formats")
    assert found == code and "nvfp4" in text
    rows = (tmp_path / "formats.csv").read_text().splitlines()
    assert rows[0].startswith("format,bits,error_normal,name,gates,xilinx")
    assert [row.split(",")[0].strip('"') for row in rows[1:]] == [n.split(",")[0] for n in CIRCUITS]


def test_bits_and_errors():
    assert [module._bits(n) for n in ("bfloat16", "nvfp4", "mxfp4", "hbfp4")] == [
        16,
        4 + 8 / 16,
        4 + 8 / 32,
        4 + 10 / 64,
    ]
    x = np.tile(np.array([1, 2, 3, 4, 6, -6, 0.5, 1.5], np.float32), (2, 108))
    assert module.relative_error("mxfp4", x) == module.relative_error("binary32", x) == 0
    # 1.2 times as much: errors of .2, .4, .4, .8, 1.2, 1.2, .1 and .2.
    found = module.relative_error("mxfp4", x * np.float32(1.2))
    assert abs(found - (3.93 / 150.48) ** 0.5) < 1e-6


def test_accuracy_and_pareto(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CASES", (SMALL,))
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(module, "format_cost", cost)
    monkeypatch.setattr(module, "train_all", accuracies)
    monkeypatch.setattr(pages, "train_all", lambda *args, **options: accuracies(*args))
    found, text = run("formats", tmp_path, "accuracy", "pareto", seeds=2)
    assert found == 1 and "quartet" in text
    for name in ("accuracy.png", "pareto.png"):
        assert (tmp_path / name).stat().st_size > 10_000


def test_a_cost():
    found = format_cost("mxfp4")
    assert (found.xilinx, found.ecp5) == (13.875, 27.0)
    assert found.gates > 100 and found.switching > 10 and found.megahertz is None
