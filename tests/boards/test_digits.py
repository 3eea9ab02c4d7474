"""Digits are recognized by a network whose products a simulated board computes."""

import numpy as np

from boards.engine import BoardEngine
from boards.host import Board
from boards.simulator import SimulatedBoard
from boards.top import board_design
from sim.demo import infer
from sw.bfp.array import ArrayParameters
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings

BAUD = 12_500_000
SAMPLES = 16


def test_digits_are_recognized_on_the_board():
    parameters = ArrayParameters.make(preset="hbfp8", overrides=["rows=4", "columns=4"])
    images = load("digits")
    network = train(images, Settings(hidden=(32,), epochs=20)).network
    design = board_design("ulx3s-85f", "bfp_array", parameters, baud=BAUD)
    with SimulatedBoard(design) as simulated, Board.open(simulated.port, BAUD) as board:
        x = images.test_x[:SAMPLES]
        layers = infer(parameters, network, x, seed=1, engine=BoardEngine(board))
    assert len(layers) == len(network.products)
    assert [layer.mismatches for layer in layers] == [0] * len(layers)
    assert [layer.product.shape for layer in layers] == [(SAMPLES, 32), (SAMPLES, 10)]
    answers = (layers[-1].product + network.products[-1].parameters["bias"]).argmax(1)
    assert np.sum(answers == images.test_y[:SAMPLES]) >= SAMPLES - 2
