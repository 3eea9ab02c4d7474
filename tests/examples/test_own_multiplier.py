"""A multiplier of a user's own: the README's commands, and a wrong product."""

import re

from click.testing import CliRunner

from examples.own_multiplier import product
from examples.own_multiplier.multiplier import multiply
from hw.__main__ import main as hw
from sim.__main__ import main as sim
from sw.__main__ import main as sw

from .readme import Example

MAIN = {"hw": hw, "sim": sim, "sw": sw}


def test_the_function():
    # 1.40625 and 1.96875 by their first three bits behind the point and half a bit more.
    assert multiply(45, 63, 5) == 46 * 62
    assert multiply(5, 7, 2) == 35


def test_the_commands(tmp_path, monkeypatch):
    example = Example("own_multiplier", tmp_path)
    monkeypatch.chdir(tmp_path)
    printed = []
    for command in example.commands:
        _, _, room, *arguments = command.split()
        if room in MAIN:
            done = CliRunner().invoke(MAIN[room], arguments)
            assert done.exit_code == 0, done.output
            printed.append(done.stdout)
    table, training, circuit, verilog = printed
    for told, shown in (("3.106 %", table), ("12.5 %", table), ("89.14 %", training)):
        assert told in example.text and told.removesuffix(" %") in shown
    assert re.findall(r"\w+\d +│ [\d,]+ +│ (\d+)", circuit) == ["0"] * 4
    assert "approx_array approx_array_0 (" in verilog


def test_all_products(tmp_path):
    example = Example("own_multiplier", tmp_path)
    assert "python -m examples.own_multiplier.product" in example.commands
    assert [f"{product.compare()}\n"] == example.blocks("text")


def test_a_wrong_product_is_found(monkeypatch):
    def wrong(a, b, bits):
        return multiply(a, b, bits) + (64 if (a, b) == (45, 33) else 0)

    monkeypatch.setattr(product, "multiply", wrong)
    assert product.compare() == "1024 products in the RTL: 1 differ"
