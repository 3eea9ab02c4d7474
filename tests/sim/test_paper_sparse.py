"""The tables beside Procrustes, made small."""

import re

import pytest

import sim.paper.sparse as module
import sim.paper.sparsity as sparsity
from sim.costs.sparse import BESIDE, Area
from sim.paper.accuracy import Accuracy

from .papers import SMALL, run

FEW = {"mlp": {"epochs": 2, "rate": 0.5, "momentum": 0.5}}


@pytest.mark.parametrize("end, code", [(0.951, 0), (0.949, 1)])
def test_accuracy(tmp_path, monkeypatch, end, code):
    """The bar is on a tenth of the weights; densities are of a training of its own."""
    asked = []

    def rows(cases, arithmetics, seeds, kept, fields=None) -> list[Accuracy]:
        asked.append((cases, {name: fields(name) for name in arithmetics} if fields else {}))
        ends = dict.fromkeys(arithmetics, 0.5) | {"binary32": 0.96, "keep 0.1": end}
        return [
            Accuracy(case=case, arithmetic=name, curves=((0.5, ends[name]), (0.6, ends[name])))
            for case in cases
            for name in arithmetics
        ]

    monkeypatch.setattr(module, "CASES", (SMALL,))
    monkeypatch.setattr(module, "HYPER", FEW)
    monkeypatch.setattr(module, "train_all", rows)
    found, text = run("sparse", tmp_path, "accuracy", seeds=2)
    assert found == code
    dense, long = asked
    assert dense[1]["binary32"] == {"sparse": "none"}
    assert dense[1]["keep 0.1"] == {"sparse": "procrustes:keep=0.1"}
    assert dict(long[0][0].fields) == FEW["mlp"] | dict(SMALL.fields)
    words = " ".join(text.split())
    assert "binary32, as long" in words and "mlp epochs 2, rate 0.5, momentum 0.5" in words
    lines = (tmp_path / "accuracy.csv").read_text().splitlines()
    assert lines[0] == "case,arithmetic,seed,epoch,accuracy" and len(lines) == 1 + 5 * 2 * 2
    assert "digits mlp 1" in text and "10 x 8" in text
    lines = (tmp_path / "density.csv").read_text().splitlines()
    assert lines[0] == "case,layer,epoch,share" and len(lines) == 1 + 2 * 2
    assert all(0 < float(line.rsplit(",", 1)[1]) < 1 for line in lines[1:])


@pytest.mark.parametrize("whole, code", [(4.0, 0), (3.99, 1)])
def test_speed(tmp_path, monkeypatch, whole, code):
    """The bar is on ResNet-18; the tables fit into 80 columns."""
    names = ("forward", "input", "weight", "in order", "limited", "traffic")
    found = dict.fromkeys(names, 12.34) | {"all": whole}
    monkeypatch.setattr(sparsity, "_random", lambda *_: found)
    monkeypatch.setattr(sparsity, "_trained", lambda _: found | {"fewer": 9.87, "active": 0.55})
    told, text = run("sparse", tmp_path, "speed")
    assert told == code
    row = r"resnet18 +11\.7 +0\.5 +12\.34 +12\.34 +12\.34 +" + f"{whole:.2f}" + r" +12\.34"
    assert re.search(row, text)
    assert re.search(r"resnet8, mnist +9\.87 +0\.55 +12\.34 +12\.34 *\n", text)
    lines = (tmp_path / "speed.csv").read_text().splitlines()
    assert lines[0].startswith("network,fewer,active,forward,") and len(lines) == 1 + 13 + 2


@pytest.mark.parametrize(
    "share, luts, code", [(0.0166, 3000, 0), (0.0168, 3000, 1), (0.0166, 3001, 1)]
)
def test_area(tmp_path, monkeypatch, share, luts, code):
    """Balancer of quarters, estimator and regenerator together; LUTs of 32 lines."""
    found = {"elements": Area(gates=1e6, xilinx=None, share=1)}
    found |= {name: Area(gates=share * 1e6, xilinx=luts, share=share) for name in BESIDE}
    monkeypatch.setattr(sparsity, "areas", lambda _: found)
    told, text = run("sparse", tmp_path, "area")
    assert told == code
    assert re.search(rf"all but halves +{300 * share:.2f} %", text)
    assert len((tmp_path / "area.csv").read_text().splitlines()) == 2 + len(BESIDE)


@pytest.mark.parametrize(
    "halves, quarters, code",
    [
        ((1.06, 1.12, 1.34), (1.05, 1.11, 1.33), 0),
        ((1.07, 1.12, 1.34), (1.05, 1.11, 1.33), 1),
        ((1.06, 1.12, 1.35), (1.05, 1.11, 1.33), 1),
        ((1.06, 1.12, 1.34), (1.05, 1.12, 1.33), 1),
    ],
)
def test_balance(tmp_path, monkeypatch, halves, quarters, code):
    """Halves are within their bounds, quarters strictly better."""
    cases = ((576, 0.0), (144, 0.0), (576, 0.5))
    of = {1: dict.fromkeys(cases, 2.0), 2: dict(zip(cases, halves, strict=True))}
    of[4] = dict(zip(cases, quarters, strict=True))
    monkeypatch.setattr(
        sparsity, "imbalance", lambda tile, spread, subtiles, **_: of[subtiles][tile, spread]
    )
    assert run("sparse", tmp_path, "balance")[0] == code
    assert len((tmp_path / "balance.csv").read_text().splitlines()) == 4


def test_training(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RTL_STEPS", 2)
    code, text = run("sparse", tmp_path, "training")
    assert code == 0
    assert "2 steps of the MLP on digits" in text and "4,736" in text


def test_a_decision_that_differs_is_exit_status_1(tmp_path, monkeypatch):
    found = {"computed": 10, "cycles": 20, "weights": 30, "mismatches": 1}
    monkeypatch.setattr(module, "through_rtl", lambda *_, **__: found)
    assert run("sparse", tmp_path, "training")[0] == 1
