"""The command line of sw: what it prints, and its errors in a line."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from sw.__main__ import main
from sw.formats import BLOCK_FORMATS, BOX_FORMATS, MX_FORMATS
from sw.train.network import load_weights


def run(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize("command", ["formats", "quantize", "train"])
def test_help_has_an_example(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout and f"python -m sw {command}" in result.stdout


def test_no_arguments_print_the_help():
    result = run()
    assert result.exit_code == 0 and result.stdout.startswith("Usage: ")


def test_formats():
    result = run("formats")
    assert result.exit_code == 0 and result.stderr == ""
    rows = [line.split("│")[1].strip() for line in result.stdout.splitlines() if "│" in line]
    assert rows == [*BLOCK_FORMATS, *BOX_FORMATS, *MX_FORMATS]
    assert "…" not in result.stdout


def test_train(tmp_path):
    path = tmp_path / "out" / "weights.npz"
    result = run("train", "--epochs", 3, "--hidden", "16,12", "--arith", "flexblock", "-o", path)
    assert result.exit_code == 0
    assert "mlp on digits, pairs of 4/8/16 bits: " in result.stdout and "%" in result.stdout
    assert "train digits" in result.stderr
    shapes = [layer.parameters["weight"].shape for layer in load_weights(path).products]
    assert shapes == [(16, 64), (12, 16), (10, 12)]
    names = {p.name for p in path.parent.iterdir()}
    assert names == {"weights.npz", "weights.json", "weights.png"}
    course = json.loads(path.with_suffix(".json").read_text())
    assert course["settings"]["arithmetic"] == "flexblock"
    assert [epoch["epoch"] for epoch in course["epochs"]] == [1, 2, 3]
    assert np.shape(course["modes"]) == (3, 3, 3)


@pytest.mark.parametrize(
    "format", ["hbfp4", "mxint8", "fb12", "hbfp8_8x8", "mxfp8_e4m3", "mxfp4", "nvfp4"]
)
def test_quantize(tmp_path, format):
    x = np.linspace(-1, 1, 1000).reshape(10, 100)
    x[0, 0] = np.nan
    np.save(tmp_path / "x.npy", x)
    result = run("quantize", tmp_path / "x.npy", "--format", format, "--axis", 1)
    assert result.exit_code == 0 and result.stderr == ""
    cells = [line.split("│") for line in result.stdout.splitlines() if "│" in line]
    rows = {cell[1].strip(): cell[2].strip() for cell in cells}
    assert rows["numbers"] == "1,000"
    assert rows["blocks with a NaN or an infinity"] == "1"
    assert 0 < float(rows["rms error"]) <= float(rows["largest error"]) < 0.3


def test_quantize_of_exact_numbers(tmp_path):
    np.save(tmp_path / "x.npy", np.array([1, 0.5, -0.25, 0]))
    result = run("quantize", tmp_path / "x.npy", "--format", "fb16", "--rounding", "nearest_even")
    assert "│ zero-setting error               │ 25.0000% │" in result.stdout
    assert "│ rms error                        │        0 │" in result.stdout


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("fromats",), "No such command 'fromats'"),
        (("formats", "--all"), "No such option"),
        (("quantize",), "Missing argument 'FILE.npy'"),
        (("quantize", "none.npy"), "cannot read none.npy: No such file or directory"),
        (("quantize", "text.npy"), "text.npy must be an .npy file of numbers"),
        (("quantize", "words.npy"), "words.npy must be an .npy file of real numbers"),
        (("quantize", "pair.npz"), "pair.npz must be an .npy file of real numbers"),
        (("quantize", "empty.npy"), "empty.npy must hold at least one number, its shape is (0, 3)"),
        (("quantize", "x.npy", "--format", "hbfp5"), "unknown format 'hbfp5', did you mean hbfp"),
        (("quantize", "x.npy", "--axis", 3), "axis must be an integer from -1 to 0, not 3"),
        (
            ("quantize", "x.npy", "--seed", 0),
            "seed must be an integer from 1 to 4294967295, not 0",
        ),
        (("quantize", "x.npy", "--format", "hbfp4_8x8"), "x must have at least 2 axes for hbfp4"),
        (("train", "--data", "cifar"), "unknown data set 'cifar' (known: digits, mnist)"),
        (("train", "--model", "lnet"), "unknown model 'lnet', did you mean lenet?"),
        (("train", "--hidden", 0), "hidden must be an integer from 1 to 4096, not 0"),
        (("train", "--hidden", "64x32"), "hidden must be widths as in 64,32, not '64x32'"),
        (("train", "--epochs", 0), "epochs must be an integer from 1 to 10000, not 0"),
        (("train", "--rate", -1), "rate must be a number above 0 and below 10, not -1"),
        (("train", "--momentum", 1), "momentum must be a number from 0 to below 1, not 1.0"),
        (("train", "--arith", "hbfp5"), "unknown arithmetic 'hbfp5', did you mean hbfp"),
        (("train", "--arith", "fb12,in=fb16"), "arithmetic must be given for forward, input, we"),
        (("train", "--arith", "fb12,"), "arithmetic of all products is given twice in 'fb12,'"),
        (("train", "--arith", "fb12,0=fb16,0=fb24"), "arithmetic of 0 is given twice in 'fb12,0"),
        (("train", "--arith", "flexblock:"), "flexblock must be followed by LO/HI/WARMUP/HOLD"),
        (("train", "--model", "lenet", "--hidden", 7), "hidden must not be given for lenet, only"),
        (("train", "--model", "lenet", "--hidden", 32), "hidden must not be given for lenet, only"),
        (("train", "--storage", "wide"), "storage wide needs a layer whose forward pass is in bl"),
        (
            ("train", "--update", "essop", "--arith", "binary32,weight=bfloat16"),
            "arithmetic of weight in 'binary32,weight=bfloat16' has no effect: the update computes",
        ),
        (
            ("train", "--update", "pulsed", "--arith", "flexblock,1.weight=bfloat16"),
            "arithmetic of 1.weight in 'flexblock,1.weight=bfloat16' has no effect: the update",
        ),
        (("train", "-o", "folder.npz"), "cannot write folder.npz: it is a folder"),
        (("train", "--arith", "input=fb16"), "arithmetic of the pass forward must be given in"),
        (("train", "--arith", "boosters:x"), "boosted must be an integer from 0 to 20, not 'x'"),
        (("train", "--arith", "boosters:99"), "boosted must be an integer from 0 to 20, not 99"),
        (("train", "--arith", "flexblock:1"), "flexblock must be followed by LO/HI/WARMUP/HOLD"),
        (("train", "--arith", "flexblock:.5/.2/0/1"), "lo must be at most hi, 0.2, not 0.5"),
        (("train", "-o", "w.txt"), "output must be a file name that ends in .npz, not w.txt"),
        (("train", "--epochs", "many"), "Invalid value for '--epochs'"),
        (("train", "-o", "x.npy/w.npz"), "cannot write to x.npy: "),
    ],
)
def test_errors(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.npy").write_text("hello")
    np.save("words.npy", np.array(["a"]))
    np.save("empty.npy", np.zeros((0, 3)))
    np.save("x.npy", np.zeros(3))
    np.savez("pair.npz", np.zeros(3), np.zeros(3))
    (tmp_path / "folder.npz").mkdir()
    before = sorted(p.name for p in tmp_path.iterdir())
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {message}")
    assert result.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == before
