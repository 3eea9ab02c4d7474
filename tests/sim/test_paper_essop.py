"""The tables beside ESSOP, made small."""

import numpy as np
import pytest

import sim.paper.essop as module
from sim.costs.outer import ElementCost
from sim.paper import pages
from sim.paper.accuracy import Accuracy
from sim.stochastic import switched
from sim.stochastic.switched import Switched

from .papers import SMALL, run


@pytest.mark.parametrize("ideal, code", [(0.65, 0), (0.5, 1)])
def test_error(tmp_path, monkeypatch, ideal, code):
    monkeypatch.setattr(module, "LENGTHS", (4, 16))
    monkeypatch.setattr(module, "CHECKED", (16,))
    monkeypatch.setattr(module, "IDEAL", {16: ideal})
    found, text = run("essop", tmp_path, "error")
    assert found == code
    assert f"{ideal:.2f}" in text and "0.687" in text
    rows = (tmp_path / "error.csv").read_text().splitlines()
    assert rows[0] == "length,share,error,error_of_mean,ideal" and len(rows) == 1 + 2 * 3
    assert (tmp_path / "error.png").stat().st_size > 10_000


def test_accuracy(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CASES", (SMALL,))
    monkeypatch.setattr(module, "ARITHMETICS", {"binary32": None, "essop, 4 bits": 4})
    code, text = run("essop", tmp_path, "accuracy")
    assert code in (0, 1)
    assert "digits mlp" in text and "essop, 4 bits" in text
    rows = (tmp_path / "accuracy.csv").read_text().splitlines()
    assert rows[0] == "case,arithmetic,seed,epoch,accuracy" and len(rows) == 1 + 2 * 2
    ends = {line.rsplit(",", 1)[1] for line in rows[2::2]}
    assert len(ends) == 2
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000


@pytest.mark.parametrize("end, code", [(0.951, 0), (0.949, 1)])
def test_a_missed_accuracy_is_exit_status_1(tmp_path, monkeypatch, end, code):
    def rows(cases, arithmetics, seeds, kept, fields) -> list[Accuracy]:
        assert fields("binary32") == {"update": "exact"}
        assert fields("essop, 16 bits") == {"update": "essop:length=16"}
        ends = {"binary32": 0.96, "essop, 16 bits": end, "essop, 1 bits": 0.5}
        return [
            Accuracy(case=SMALL, arithmetic=name, curves=((0.5, end), (0.6, end)))
            for name, end in ends.items()
        ]

    monkeypatch.setattr(pages, "train_all", rows)
    assert run("essop", tmp_path, "accuracy", seeds=2)[0] == code


@pytest.mark.parametrize("gates, weighted, code", [(10, 30.0, 0), (20, 30.0, 1), (10, 50.0, 1)])
def test_cost(tmp_path, monkeypatch, gates, weighted, code):
    def element(crossbar: float, period: int) -> ElementCost:
        return ElementCost(converters=0, crossbar=crossbar, luts=3, registers=7, period=period)

    monkeypatch.setattr(module, "multiplier_cost", lambda progress: element(200, 1))
    monkeypatch.setattr(module, "element_cost", lambda p, progress: element(gates, p.period))
    monkeypatch.setattr(switched, "operands", lambda side: (np.zeros((30, side)),) * 2)
    monkeypatch.setattr(switched, "multiplier", lambda x, d: Switched(200.0, 153))
    monkeypatch.setattr(switched, "outer", lambda p, x, d: Switched(weighted, 9))
    found, text = run("essop", tmp_path, "cost")
    assert found == code
    assert f"{200 / gates:.1f}" in text and f"{16 * gates:,}" in text
    rows = (tmp_path / "cost.csv").read_text().splitlines()
    assert rows[0].startswith("element,converters,crossbar,luts") and len(rows) == 1 + 3


def test_training(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RTL_STEPS", 1)
    monkeypatch.setattr(module, "BLOCK", "length=4,parallel=4,lanes=4,results=4,rows=8,columns=4")
    code, text = run("essop", tmp_path, "training")
    assert code == 0
    assert "1 steps of the MLP on digits" in text and "8 x 4" in text
