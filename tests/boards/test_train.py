"""Networks are trained on a board that holds the accelerator: the model's weights, bit by bit."""

import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner

from boards.__main__ import main
from boards.host import Board
from boards.line import LinkError
from boards.simulator import SimulatedBoard
from boards.top import board_design
from boards.train import BoardChip
from sw.accelerator import command
from sw.accelerator.chip import ChipJob
from sw.accelerator.training import train
from sw.errors import UserError
from sw.train.data import load
from sw.train.settings import Settings

from ..accelerator.made import CHIP
from .multiplier import Multiplier, multiplier_device
from .pty_board import board

BAUD = 12_500_000

IMAGES = 32


@pytest.fixture(scope="module")
def port():
    """The port of a simulated board."""
    design = board_design("ulx3s-85f", "accelerator_chip", CHIP, baud=BAUD)
    with SimulatedBoard(design) as simulated:
        yield simulated.port


def few(name):
    """A few of the images of a data set, of all classes."""
    data = load(name)
    parts = {f"train_{each}": getattr(data, f"train_{each}")[::43][:IMAGES] for each in "xy"}
    return dataclasses.replace(data, **parts)


def test_digits_are_learnt_on_the_board(port, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "load", few)
    words = "--hidden 6 --batch 8 --epochs 2 --seed 3".split()
    path = tmp_path / "made" / "weights.npz"
    arguments = ["train", "--port", port, "--baud", str(BAUD), *words, "-o", str(path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    expected = train(CHIP, few("digits"), Settings(hidden=(6,), batch=8, epochs=2, seed=3))
    assert f"epoch 2 of 2: loss {expected.losses[1].mean():.4f}" in result.stderr
    assert "2 x 2 runs of 2 steps" in result.stdout
    with np.load(path) as file:
        assert file.keys() == expected.weights.keys()
        for name, array in expected.weights.items():
            assert np.array_equal(file[name].view("u4"), array.view("u4"))


def test_what_a_board_tells_of_a_job(port):
    with Board.open(port, BAUD) as opened:
        chip = BoardChip(opened, patience=5)
        data = np.arange(64, dtype=np.uint8).tobytes()
        assert (
            chip.run(ChipJob(write_address=32, data=data, read_address=48, read_bytes=32))
            == (data[16:48])
        )
        with pytest.raises(LinkError, match=r"ended in beyond, at instruction 0 of its program$"):
            chip.run(ChipJob(read_address=CHIP.memory_bytes - 16, read_bytes=32))


def test_another_unit_cannot_train():
    with board(multiplier_device(Multiplier())) as behind, Board.open(behind.port) as opened:
        with pytest.raises(UserError, match="approx_multiplier: a training needs accelerator_chip"):
            BoardChip(opened)
