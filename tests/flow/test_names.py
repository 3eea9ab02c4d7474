"""Names of modules and wires."""

import pytest

from hw.flow.names import distinguish, legal, module_name, snake, unused


@pytest.mark.parametrize(
    ("configurations", "suffixes"),
    [
        ([{"a": 1}], [""]),
        ([{"a": 1, "b": 7}, {"a": 1, "b": -8}], ["_b7", "_bm8"]),
        ([{"a": True}, {"a": False}], ["_a", "_no_a"]),
        ([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}], ["_a1_b1", "_a1_b2", "_a2_b1"]),
        ([{"a": "x" * 37}, {"a": "y"}], [f"_{'x' * 37}", "_y"]),
        ([{"a": "x" * 40}, {"a": "y"}], ["_0", "_1"]),
        ([{"a": 1}, {"a": 1}], ["_0", "_1"]),
    ],
)
def test_the_fewest_arguments_tell_modules_apart(configurations, suffixes):
    assert distinguish(configurations) == suffixes


def test_names():
    assert unused("x", {"y"}) == "x"
    assert unused("x", {"x", "x_2", "x_3"}) == "x_4"
    assert [legal(name) for name in ("$auto", "a.b", "logic", "logical")] == [
        "auto",
        "a_b",
        "logic_",
        "logical",
    ]
    assert module_name("name", "d" * 64) == "d" * 64
    assert snake("AxiLiteRegistersABC") == "axi_lite_registers_abc"
