"""Training that has no result says so, in one line, and leaves nothing behind."""

import contextlib
import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

import sw.train.loop as loop
from sim.__main__ import main as sim_main
from sw.__main__ import main
from sw.errors import DivergedError, StuckError, UserError
from sw.train.data import load
from sw.train.loop import accuracy, train
from sw.train.network import mlp
from sw.train.precision import BINARY32
from sw.train.settings import Settings
from sw.train.sparse import read
from sw.train.verdict import check_learnt

FAR = ["--rate", "9.9", "--momentum", "0.99", "--hidden", "64,64,64,64"]
MESSAGE = (
    "diverged in epoch 1, step {step}: {what} is not finite; try a lower rate than 9.9, or a lower "
    "momentum than 0.99"
)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def told(result: Any, status: int = 2) -> str:
    """The one line of a failed command behind its progress."""
    assert result.exit_code == status and result.stdout == ""
    assert "Warning" not in result.stderr and "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0].removeprefix("error: ")


def test_the_command_ends_in_a_word(tmp_path):
    """It was exit 0, weights of NaN and "loss": NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(main, ["train", *FAR, "-o", str(tmp_path / "x.npz")])
    assert told(result) == MESSAGE.format(step=5, what="the loss")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arithmetic", ["bfloat16", "hbfp8", "mbm7", "flexblock"])
def test_so_it_does_in_any_arithmetic(digits, arithmetic):
    settings = Settings(arithmetic=arithmetic, rate=9.9, momentum=0.99, hidden=(64,) * 4, epochs=9)
    try:
        run = train(digits, settings)
    except DivergedError as error:
        assert str(error).startswith("diverged in epoch ")
    else:  # blocks clamp
        assert all(np.isfinite(array).all() for array in run.network.arrays.values())
        assert all(np.isfinite(epoch.loss) for epoch in run.epochs)


def test_weights_are_watched_too(digits, monkeypatch):
    """A weight may be no number while the loss of the batch still is."""
    entropy = loop.cross_entropy

    def once(outputs, labels):
        loss, gradient = entropy(outputs, labels)
        gradient[5, 3] = np.inf
        return loss, gradient

    monkeypatch.setattr(loop, "cross_entropy", once)
    with pytest.raises(DivergedError, match="^diverged in epoch 1, step 1: .* is not finite; try"):
        train(digits, Settings(epochs=1))


def test_outputs_are_watched_in_evaluation(digits):
    """The largest of NaN was the first class."""
    run = train(digits, Settings(epochs=1), steps=1)
    for layer in run.network.products:
        layer.parameters["weight"] *= np.float32(1e30)
    with pytest.raises(DivergedError, match="^diverged: outputs of the network are not finite"):
        accuracy(run.network, BINARY32, digits.test_x, digits.test_y)


def test_through_a_circuit_too():
    command = ["train", "--arith", "binary32", "--update", "essop", "--model", "mlp"]
    entropy = loop.cross_entropy

    def nan(outputs, labels):
        return np.nan, entropy(outputs, labels)[1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "cross_entropy", nan)
        result = CliRunner().invoke(sim_main, command)
    assert told(result).startswith("diverged in epoch 1, step 1: the loss is not finite; try a low")


@pytest.mark.parametrize(
    ("sparse", "message"),
    [
        ("procrustes:keep=0.1,initial=0.01", "no weight was tracked in epoch 1; try initial below"),
        ("procrustes:initial=100.0,between=restart", "no weight was tracked in epoch 1; try init"),
    ],
)
def test_a_threshold_that_nothing_reaches(sparse, message):
    """These rates are those of dense training, whose steps are small: 5.8 % were right."""
    command = ["train", "--sparse", sparse, "--rate", "0.03", "--momentum", "0.9"]
    assert told(CliRunner().invoke(main, command)).startswith(
        f"sparse training is stuck: {message}"
    )


def test_nothing_learnt(tmp_path):
    """Of two epochs, both with the loss of the first weights."""
    command = ["train", "--rate", "1e-30", "--epochs", "2", "-o", str(tmp_path / "w.npz")]
    assert told(CliRunner().invoke(main, command)) == (
        "nothing was learnt: the loss is 2.498 in epoch 1 and 2.498 in epoch 2, where guessing has "
        "2.303; try another rate than 1e-30, or another momentum than 0.9"
    )
    assert not list(tmp_path.iterdir())


def test_a_loss_that_falls_from_far_away():
    result = CliRunner().invoke(
        main, ["train", "--rate", "9", "--momentum", "0.99", "--epochs", "3"]
    )
    word = r"The loss of the last epoch, 10\.\d+, is no better than that of guessing, 2\.303\."
    assert result.exit_code == 0 and re.search(word, " ".join(result.output.split()))


@pytest.mark.parametrize(
    ("losses", "stuck"),
    [
        ([3.0], False),
        ([3.0, 3.0], True),
        ([3.0, 2.4, 2.9], False),
        ([2.2, 2.25], False),
        ([2.2, 2.31], True),
        ([2.2, 2.31, 2.1], False),
        ([], False),
    ],
)
def test_losses_that_tell_that_nothing_is_learnt(losses, stuck):
    """Of ten classes: a guess has 2.3026."""
    with pytest.raises(StuckError) if stuck else contextlib.nullcontext():
        check_learnt(losses, 10, Settings())


def test_weights_that_do_not_move():
    """Such as those that have decayed to zero behind rectifiers that let nothing through."""
    sparse = read("procrustes", seed=1)
    assert sparse is not None
    network = mlp(64, 10, np.random.default_rng(1))
    sparse.start(network)
    with pytest.raises(StuckError, match="^sparse training is stuck: no weight moves any more, as"):
        sparse.step([{n: np.zeros_like(a) for n, a in p.parameters.items()} for p in network.parts])


def test_the_threshold_follows_the_first_step(digits):
    """Whatever the rate: the estimate of the first step keeps about as many as are wanted."""
    for rate in (0.001, 0.03, 0.7):
        settings = Settings(sparse="procrustes:keep=0.1", rate=rate, momentum=0.0)
        run = train(digits, settings, steps=1)
        assert run.sparse is not None
        sizes = np.array([mask.size for mask in run.sparse.masks.values()])
        assert 0.05 < run.sparse.densities[0] @ sizes / sizes.sum() < 0.15
    run = train(digits, Settings(sparse="procrustes:keep=0.1", rate=0.03, momentum=0.9, epochs=20))
    assert run.epochs[-1].accuracy > 0.88


@pytest.mark.parametrize("rate", [0, -0.1, 10, float("nan"), "0.1", True])
def test_a_rate_that_cannot_learn(rate):
    with pytest.raises(UserError, match="^rate must be a number above 0 and below 10, not "):
        Settings(rate=rate)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    """It left two of three files where the picture did not fit."""

    def full(self, path, **options):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full)
    path = tmp_path / "w.npz"
    path.write_text("before")
    result = CliRunner().invoke(main, ["train", "--epochs", "1", "-o", str(path)])
    assert result.exit_code == 2
    names = ", ".join(str(path.with_suffix(suffix)) for suffix in (".npz", ".json", ".png"))
    assert result.stderr.endswith(f"error: cannot write {names}: No space left on device\n")
    assert [each.name for each in tmp_path.iterdir()] == ["w.npz"]
    assert path.read_text() == "before"


@pytest.mark.parametrize("limit", [1000, 12_000])
def test_a_file_that_does_not_fit_leaves_nothing(tmp_path, limit):
    """The weights take 10,638 bytes, the picture more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = CliRunner()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        result = run.invoke(main, ["train", "--epochs", "1", "-o", str(tmp_path / "w.npz")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.exit_code == 2 and ": File too large\n" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_is_told(tmp_path, number, status):
    command = [sys.executable, "-m", "sw", "train", "--epochs", "9999", "-o", "w.npz"]
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | path,
        stderr=subprocess.PIPE,
        text=True,
        # What runs behind a shell script ignores it, and so would what it starts.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        time.sleep(8)  # to start, and train
        process.send_signal(number)
        try:
            errors = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert process.returncode == status
    assert errors.splitlines()[-1] == "interrupted" and "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_json(tmp_path):
    """Whatever is in it; numbers that JSON has no words for are refused by the writer."""
    path = tmp_path / "w.npz"
    result = CliRunner().invoke(main, ["train", "--epochs", "1", "-o", str(path)])
    assert result.exit_code == 0

    def no(name: str) -> None:
        raise AssertionError(name)

    json.loads(path.with_suffix(".json").read_text(), parse_constant=no)


def test_no_picture_without_matplotlib(tmp_path, monkeypatch):
    """The other two files are written, and an old picture is left alone."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "w.npz"
    path.with_suffix(".png").write_text("old")
    result = CliRunner().invoke(main, ["train", "--epochs", "1", "-o", str(path)])
    assert result.exit_code == 0 and "w.png" not in result.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["w.json", "w.npz", "w.png"]
    assert path.with_suffix(".png").read_text() == "old"
