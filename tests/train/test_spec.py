"""The arithmetic of a training as text, and what is refused of it."""

import json
import string
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sw.__main__ import main
from sw.core.products import PASSES
from sw.errors import UserError
from sw.formats import BINARY16, BLOCK_FORMATS, BfpFormat, read_format
from sw.formats.binary32 import rounded
from sw.train.arithmetic import Operand, Products
from sw.train.data import load
from sw.train.loop import train
from sw.train.moded import Boosted, Controlled
from sw.train.network import mlp
from sw.train.precision import Fixed
from sw.train.settings import Settings
from sw.train.spec import read

from .refusals import accepted, assert_refused


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def layout(text: str, layers: int = 3) -> list[list[str]]:
    """Format, or name, of each product; of the formats fields that tests change."""
    precision = read(text, layers=layers, epochs=9)

    def word(layer: int, which: str) -> str:
        arithmetic = precision.arithmetic(layer, which)
        if not isinstance(arithmetic, BfpFormat):
            return str(arithmetic)
        block = "x".join(map(str, arithmetic.block))
        return f"{arithmetic.mantissa_bits}/{block}/{arithmetic.rounding[0]}"

    return [[word(layer, which) for which in PASSES] for layer in range(layers)]


def test_fields_of_a_format_follow_its_name():
    assert layout("hbfp4:block=8", 1) == [["4/8/s"] * 3]
    assert layout("hbfp4:block=8x8:rounding=truncate", 1) == [["4/8x8/t"] * 3]
    assert layout("mxint8:rounding=stochastic", 1) == [["8/32/s"] * 3]
    assert layout("hbfp6,0=hbfp4:block=8") == [["4/8/s"] * 3, ["6/64/s"] * 3, ["6/64/s"] * 3]
    assert layout("binary32,last.weight=hbfp8:block=9")[2] == ["binary32", "binary32", "8/9/s"]
    changed = read_format("hbfp4:block=8")
    assert changed == read_format({"preset": "hbfp4", "block": 8})
    assert changed != BLOCK_FORMATS["hbfp4"]
    assert changed.name == "hbfp4:block=8"


def test_fp32_is_binary32():
    assert layout("bfloat16,0.weight=fp32", 1) == [["bfloat16", "bfloat16", "binary32"]]


def test_tables_of_fields():
    precision = Fixed("mine", {"": {"preset": "hbfp4", "block": 8}, "1": {"mantissa_bits": 5}})
    assert precision.arithmetic(0, "input") == read_format("hbfp4:block=8")
    assert precision.arithmetic(1, "input") == BfpFormat(mantissa_bits=5)


def test_layers_by_name():
    text = "fb12,first=fb24,last.input=binary32,1=fb16"
    assert [row[0].partition("/")[0] for row in layout(text)] == ["16", "8", "4"]
    assert layout(text)[2][1] == "binary32"
    # A layer counts before a pass.
    assert layout("fb12,1=fb16,input=fb24")[1:] == [
        ["8/108/t"] * 3,
        ["4/216/t", "16/54/t", "4/216/t"],
    ]


def test_controllers_beside_layers_of_their_own():
    text = "flexblock:0.6/0.8/0/1,first=binary32,last=binary32"
    assert layout(text) == [["binary32"] * 3, ["16/54/t"] * 3, ["binary32"] * 3]
    assert layout("boosters,1.input=fb16")[1] == ["4/256/s", "8/108/t", "4/256/s"]
    precision = read(text, layers=3, epochs=1)
    assert precision.now() == "pairs of 4/8/16 bits: 0/0/3"
    narrow = read("flexblock:initial=0", layers=2, epochs=1)
    assert narrow.now() == "pairs of 4/8/16 bits: 5/0/0"
    assert read("boosters,0=fb16", layers=3, epochs=9).now() == "1 of 2 layers wide"


def test_blocks_of_the_boosters():
    assert layout("boosters") == [["6/128/s"] * 3, ["4/256/s"] * 3, ["6/128/s"] * 3]
    assert layout("boosters:5:block=64") == [["6/64/s"] * 3, ["4/64/s"] * 3, ["6/64/s"] * 3]
    assert layout("boosters:exponent_bits=8")[1] == ["4/256/s"] * 3
    assert layout("boosters:first_wide=false:block=8x8")[0] == ["4/8x8/s"] * 3


def test_rules_by_position_and_by_name():
    def rule(text: str):
        precision = read(text, layers=2, epochs=9)
        assert isinstance(precision, Controlled)
        return precision

    known = rule("flexblock:0.6/0.8/3/2")
    named = rule("flexblock:lo=3/5:hi=4/5:warmup=3:hold=2")
    assert known.controller.rule == named.controller.rule
    assert known.controller.rule.thresholds == (3, 4, 5)
    default = rule("flexblock").controller.rule
    assert (default.thresholds, default.warmup, default.hold) == ((1, 2, 10), 0, 1)
    begun = rule("flexblock:0.1/0.2/50/1:initial=0/2/0:every=500:group=6")
    assert begun.modes.tolist() == [[0, 2, 0], [0, 2, 0]]
    assert (begun.every, begun.box) == (500, (1, 6, 3, 3))
    assert (known.every, known.box) == (None, (1, 24, 3, 3))
    boosted = read("boosters:boosted=4:wide=2", layers=3, epochs=9)
    assert isinstance(boosted, Boosted)
    assert boosted.schedule.modes_at(6)[1].tolist() == [2, 2, 2]
    assert boosted.schedule.modes_at(5)[1].tolist() == [0, 0, 0]


def test_boosters_that_are_never_narrow_say_so(digits):
    seen = []
    settings = Settings(arithmetic="boosters", epochs=2)
    run = train(digits, settings, steps=2, report=lambda epoch, note: seen.append(note))
    assert set(seen) == {"all in hbfp6_128, no layer is ever narrow"}
    assert run.precision.record()["modes"] == [[[1, None, 1], [1, 1, 1]]]
    assert read("boosters", layers=3, epochs=9).now() == "2 of 3 layers wide"
    assert "ever" in read("boosters,1=fb16", layers=3, epochs=9).now()
    assert "ever" in read("boosters:9", layers=3, epochs=9).now()
    assert "ever" not in read("boosters:last_wide=false", layers=2, epochs=9).now()


def test_binary16():
    layer = mlp(70, 11, np.random.default_rng(1), ()).products[0].layer
    rng = np.random.default_rng(2)
    x, w = (rng.standard_normal(shape).astype(np.float32) for shape in ((5, 70), (11, 70)))
    got, wanted = (
        Products(seed=1).run(layer, "forward", 5, {"x": Operand(a), "w": Operand(b)}, name)
        for a, b, name in (
            (x, w, "binary16"),
            (rounded(x, BINARY16), rounded(w, BINARY16), "binary32"),
        )
    )
    assert np.array_equal(got, wanted)
    assert not np.array_equal(rounded(x, BINARY16), x)


REFUSED = [
    ("fb12,7=fb24", "arithmetic of 7 in 'fb12,7=fb24' has no effect: the network has 2 layers, th"),
    ("fb12,2.weight=fb24", "arithmetic of 2.weight in 'fb12,2.weight=fb24' has no effect: the net"),
    ("fb12,-1=fb24", "arithmetic must be given for forward, input, weight, a layer (0, first, la"),
    ("fb12,0.=fb24", "arithmetic must be given for forward, input, weight, a layer (0, first, la"),
    ("fb12,1=fb24,last=fb16", "arithmetic of one place is given twice, 1 and last, in 'fb12,1=fb2"),
    ("fb12,0=fb24,00=fb24", "arithmetic of one place is given twice, 0 and 00, in 'fb12,0=fb24,00"),
    ("fb12,0=fb24,0=fb24", "arithmetic of 0 is given twice in 'fb12,0=fb24,0=fb24'"),
    ("fb12,fb16", "arithmetic of all products is given twice in 'fb12,fb16'"),
    (
        "fb12,0.input=fb24",
        "arithmetic of 0.input in 'fb12,0.input=fb24' has no effect: the gradient",
    ),
    ("boosters,first.input=fb24", "arithmetic of first.input in 'boosters,first.input=fb24' has "),
    ("fb12,0=fb16,1=fb16", "arithmetic of all products in 'fb12,0=fb16,1=fb16' has no effect: oth"),
    ("fb12,input=fb16,1.input=fb24", "arithmetic of input in 'fb12,input=fb16,1.input=fb24' has "),
    ("flexblock,first=fb16,last=fb16", "'flexblock,first=fb16,last=fb16' must leave a product of"),
    ("input=fb16", "arithmetic of the pass forward must be given in 'input=fb16'"),
    ("fb12,0=flexblock", "unknown arithmetic 'flexblock'"),
    (
        "fb12_box",
        "block must be a length (16) or a square (8x8) where matrices are multiplied, not",
    ),
    ("hbfp4:block=1x24", "block must be a length (16) or a square (8x8) where matrices are multip"),
    ("boosters:block=1x24", "block must be a length (16) or a square (8x8) where matrices are mul"),
    ("hbfp4:block=0", "block must be a length (16), a square (8x8) or a box"),
    ("hbfp4:blok=8", "unknown field 'format.blok', did you mean format.block?"),
    ("hbfp4:block=8:block=8", "block is given twice in format 'hbfp4:block=8:block=8'"),
    ("fb12:random_bits=4", "random_bits of 'fb12:random_bits=4' has no effect: its rounding is tr"),
    ("flexblock:random_bits=4", "random_bits of 'fb12:random_bits=4' has no effect: its rounding"),
    ("boosters:random_bits=4:rounding=nearest_even", "random_bits of 'hbfp4:random_bits=4:roundin"),
    ("hbfp4:", "format 'hbfp4:' needs field=value, not ''"),
    ("hbfp4:8", "format 'hbfp4:8' needs field=value, not '8'"),
    ("hbfp4:preset=hbfp6", "unknown field 'format.preset'"),
    ("bfloat16:block=8", "unknown arithmetic 'bfloat16:block=8'"),
    ("boosters:mantissa_bits=4", "unknown field 'mantissa_bits'"),
    ("boosters:5:boosted=5", "boosted is given twice in 'boosters:5:boosted=5'"),
    ("boosters:2.0", "boosted must be an integer from 0 to 3, not 2.0"),
    ("boosters:epochs=9", "unknown field 'epochs'"),
    ("flexblock:0.1/0.2/0", "flexblock must be followed by LO/HI/WARMUP/HOLD, not '0.1/0.2/0'"),
    ("flexblock:.1/.2/0/0", "hold must be an integer from 1 to 255, not 0"),
    ("flexblock:.1/.2/0/1:lo=.2", "lo is given twice in 'flexblock:.1/.2/0/1:lo=.2'"),
    ("flexblock:a/.2/0/1", "lo must be a number from 0 to 1, not 'a'"),
    ("flexblock:lo=1e-7", "lo and hi must have a common denominator of at most 1048575, not 1000"),
    ("flexblock:initial=0/2", "initial must be a mode, or one for each of forward, input_gradient"),
    ("flexblock:initial=0/3/0", "initial of input_gradient must be an integer from 0 to 2, not 3"),
    ("flexblock:every=0", "every must be an integer from 1 to 2147483647, not 0"),
    ("flexblock:group=0", "group must be an integer from 1 to 7281, not 0"),
    ("flexblock:steps=5", "unknown field 'steps'"),
    ("", "unknown arithmetic ''"),
    (None, "arithmetic must be a text, not None"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[str(text) for text, _ in REFUSED])
def test_refused(text, message):
    assert_refused(text, message)


def test_the_gradient_of_the_input_of_a_single_layer():
    with pytest.raises(UserError) as error:
        read("fb12,input=fb24", layers=1, epochs=3)
    assert str(error.value) == (
        "arithmetic of input in 'fb12,input=fb24' has no effect: the gradient of the input of "
        "layer 0 is never computed"
    )


def test_refused_before_any_training(tmp_path: Path):
    """At the command line, in one line, with nothing written."""
    for arguments, layers in (
        ([], 2),
        (["--hidden", "8,8"], 3),
        (["--model", "lenet"], 5),
        (["--model", "resnet8"], 10),
        (["--model", "transformer"], 10),
    ):
        text = f"fb12,{layers}=fb24"
        more = ["--arith", text, "-o", str(tmp_path / "x.npz")]
        result = CliRunner().invoke(main, ["train", *arguments, *more])
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            f"error: arithmetic of {layers} in '{text}' has no effect: the network has {layers} "
            f"layers, the last of which is {layers - 1}\n"
        )
        assert list(tmp_path.iterdir()) == []


def test_precision_of_another_network(digits):
    for precision, message in (
        (Fixed("mine", {"": "fb12", "4": "fb24"}), "arithmetic of 4 in 'mine' has no effect"),
        (read("boosters", layers=3, epochs=20), "'boosters' is for 3 layers, not for 2"),
        (read("flexblock", layers=1, epochs=20), "'flexblock' is for 1 layers, not for 2"),
    ):
        with pytest.raises(UserError, match=message):
            train(digits, Settings(), precision=precision)
    with pytest.raises(UserError, match="layers must be given for the last one of 'mine'"):
        Fixed("mine", {"": "fb12", "last": "fb24"})


def test_the_record_of_layers_left_out(digits, tmp_path):
    path = tmp_path / "x.npz"
    arguments = ["train", "--epochs", "2", "--hidden", "8,8", "-o", str(path)]
    result = CliRunner().invoke(main, [*arguments, "--arith", "flexblock,last=binary32"])
    assert result.exit_code == 0, result.output
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["formats"] == ["fb12", "fb16", "fb24"]
    assert record["modes"][0] == [[2, None, 2], [2, 2, 2], [None] * 3]
    assert len(record["decisions"]) == 1
    assert record["decisions"][0] == record["modes"][1]


def test_fuzzed_texts():
    """Each is read, or refused in one line."""
    rng = np.random.default_rng(1)
    words = [
        *("fb12", "hbfp4", "boosters", "flexblock", "binary32", "bf16", "mbm7", "fb24_box"),
        *(
            "first",
            "last",
            "0",
            "1",
            "99",
            "-1",
            "input",
            "weight",
            ".",
            ":",
            ":",
            ",",
            ",",
            "=",
            "=",
        ),
        *("block", "lo", "hi", "hold", "initial", "every", "rounding", "8", "8x8", "1e9", "0/2/0"),
        *("0.1/0.2/0/1", "[" * 2000, "true", '"', "nan", "1979-05-27", "{}", "\u0663", "\n"),
    ]
    count = 0
    for _ in range(2000):
        if rng.random() < 0.2:
            text = "".join(rng.choice(list(string.printable), 8))
        else:
            text = "".join(rng.choice(words, int(rng.integers(1, 8))))
        count += accepted(text, layers=2, epochs=3)
    assert count > 20
