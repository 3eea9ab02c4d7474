"""The tables beside ApproxTrain, MBM and REALM, made small."""

import pytest

import sim.paper.approx as module
from sim.costs.multipliers import CostRow
from sim.paper import pages
from sim.paper.accuracy import Accuracy
from sw.train.data import load
from sw.train.settings import Settings

from .papers import SMALL, run


def test_errors_and_speed(tmp_path, monkeypatch):
    figures = {f"{name}_ms": 1.0 for name in ("native", "table", "mitchell", "c", "c_table")}
    figures |= {"c_table_over_table": 30.0}
    monkeypatch.setattr(module, "speed", lambda: figures)
    monkeypatch.setattr(module, "MULTIPLIERS", ("mbm",))
    code, text = run("approx", tmp_path, "errors", "speed")
    assert code == 0
    for words in ("0.447", "2.693", "9.375", "-0.097", "2.581", "7.811", "any table of 7 bits"):
        assert words in text
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"errors.csv", "errors.png", "speed.csv"}
    for slow in ({"table_ms": 20.1}, {"mitchell_ms": 8.1}, {"c_table_over_table": 19.9}):
        monkeypatch.setattr(module, "speed", lambda slow=slow: figures | slow)
        assert run("approx", tmp_path, "speed")[0] == 1


@pytest.mark.parametrize("gates, code", [(50.0, 0), (50.1, 1)])
def test_cost(tmp_path, monkeypatch, gates, code):
    def cost(name, form, seeds) -> CostRow:
        assert seeds == 1
        return CostRow(
            multiplier=name,
            format=form.name,
            bits=form.fraction_bits,
            latency=2,
            gates=gates if name == "mbm" else 100.0,
            logic=40.0,
            registers=3,
            ecp5=5.0,
            xilinx=6.0,
            routed_luts=7.0,
            routed_registers=8.0,
            megahertz=123.0,
        )

    monkeypatch.setattr(module, "cost", cost)
    monkeypatch.setattr(module, "switched", lambda name, form: 33.0)
    monkeypatch.setattr(module, "_table_cost", lambda: {"DP16KD": 8.0, "MHz": 133.4})
    monkeypatch.setattr(module, "FORMATS", module.FORMATS[:1])
    monkeypatch.setattr(module, "COSTED", ("exact", "mbm"))
    found, text = run("approx", tmp_path, "cost")
    assert found == code
    assert f"{gates / 100:.2f}" in text and "DP16KD" in text and "133" in text
    assert (tmp_path / "cost.csv").read_text().count("\n") == 3


def test_accuracy_and_training(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CASES", (SMALL,))
    monkeypatch.setattr(module, "ARITHMETICS", ("binary32", "mbm7"))
    monkeypatch.setattr(module, "RTL_STEPS", 1)
    monkeypatch.setattr(module, "Settings", lambda **fields: Settings(arithmetic="mbm7", batch=4))
    monkeypatch.setattr(pages, "load", lambda name: load("digits"))
    code, text = run("approx", tmp_path, "training", "accuracy")
    assert code in (0, 1)
    assert "1 steps of LeNet on mnist through the RTL" in text and "digits mlp" in text
    rows = (tmp_path / "accuracy.csv").read_text().splitlines()
    assert rows[0] == "case,arithmetic,seed,epoch,accuracy" and len(rows) == 1 + 2 * 2
    assert (tmp_path / "accuracy.png").stat().st_size > 10_000


def test_a_missed_accuracy_is_exit_status_1(tmp_path, monkeypatch):
    def rows(cases, arithmetics, seeds, kept) -> list[Accuracy]:
        ends = {"binary32": 0.96, "mbm7": 0.949}
        return [
            Accuracy(case=SMALL, arithmetic=name, curves=((0.5, end), (0.6, end)))
            for name, end in ends.items()
        ]

    monkeypatch.setattr(pages, "train_all", rows)
    code, text = run("approx", tmp_path, "accuracy", seeds=2)
    assert code == 1 and "-1.10" in text and "94.90 ± 0.00" in text
