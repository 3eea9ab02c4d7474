"""How training that tracks few weights is named, and what it writes."""

import numpy as np
import pytest
from click.testing import CliRunner

from sw.__main__ import main
from sw.train.network import load_weights

from .trained import trained


def test_one_epoch_is_shown_once():
    command = ["train", "--epochs", "1", "--sparse", "dropback"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0 and result.stdout.count("epoch 1 %") == 1


def test_command(tmp_path):
    path = tmp_path / "weights.npz"
    told, course = trained(path, "--epochs", "2", "--sparse", "procrustes:keep=0.2")
    assert "mlp on digits, binary32, sparse procrustes:keep=0.2." in told
    rows = [line.split("│") for line in told.splitlines() if "weight0" in line]
    assert [cell.strip() for cell in rows[0][1:4]] == ["weight0", "32 x 64", "2,048"]
    assert course["settings"]["sparse"] == "procrustes:keep=0.2"
    assert [len(epoch["density"]) for epoch in course["epochs"]] == [2, 2]
    with np.load(path) as file:
        arrays = dict(file)
    assert list(arrays) == ["weight0", "bias0", "weight1", "bias1", "mask0", "mask1"]
    for i in range(2):
        mask, weight = arrays[f"mask{i}"], arrays[f"weight{i}"]
        assert mask.dtype == bool and mask.shape == weight.shape
        shown = float(told.split(f"weight{i}")[1].split("│")[5])
        assert shown == pytest.approx(100 * mask.mean(), abs=0.006)
    again = load_weights(path).arrays
    assert all(np.array_equal(again[name], arrays[name]) for name in again)
    text = CliRunner().invoke(main, ["train", "--help"]).stdout
    assert "--sparse procrustes:keep=0.1 -o build/sparse.npz" in text
