"""Parameters from presets, files and overrides: which wins, what is checked, digests."""

import dataclasses
import json
import re

import numpy as np
import pytest

from hw.flow.emit import generate
from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters, default_lanes
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat, FloatFormat
from sw.formats.binary32 import ADDER_LATENCY
from sw.formats.converter import ConverterParameters
from sw.parameters import Parameters
from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.csb_parameters import CsbParameters
from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.weight_regenerator import RegeneratorParameters
from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.lfsr import Lfsr
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.pulsed import PulsedParameters
from sw.train.settings import Settings
from tests import words_reference as reference

CLASSES = (ArrayParameters, ConverterParameters, DotParameters)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_presets(cls, name):
    parameters = cls.make(preset=name)
    assert parameters.format == BLOCK_FORMATS[name]
    assert cls.make(**json.loads(json.dumps(parameters.as_dict()))) == parameters


def test_later_sources_win(tmp_path):
    config = tmp_path / "a.toml"
    config.write_text('rows = 2\ncolumns = 3\n[format]\npreset = "hbfp4"\nblock = [32]\n')
    p = ArrayParameters.make(preset="mxint8", config=config, overrides=["rows = 5"])
    assert (p.rows, p.columns, p.lanes) == (5, 3, 8)
    assert p.format == dataclasses.replace(BLOCK_FORMATS["hbfp4"], name="hbfp4*", block=(32,))
    p = ArrayParameters.make(preset="mxint8", config=config, overrides=["rows=5"], rows=7)
    assert p.rows == 7


def test_overrides_reach_into_the_format():
    p = ConverterParameters.make(
        preset="hbfp4", overrides=["format.rounding=truncate", "format.block=16", "source=bfloat16"]
    )
    assert p.format.rounding == "truncate" and p.format.block == (16,)
    assert p.format.magnitude_bits == 3 and p.source == "bfloat16"
    assert DotParameters.make(overrides=["format=fb12"]).format == BLOCK_FORMATS["fb12"]


@pytest.mark.parametrize(
    ("texts", "lost"),
    [
        (["lanes=2", "lanes=4"], "lanes is given twice: 'lanes=4' overrides it"),
        (["lanes=2", " lanes = 2"], "lanes is given twice"),
        (["format.block=8", "format=hbfp4"], "format.block is given twice: 'format=hbfp4'"),
        (["format=hbfp4", "lanes=2", "format=hbfp6"], "format is given twice"),
        (["format.block=8", "format.block=16"], "format.block is given twice"),
    ],
)
def test_no_override_is_lost(texts, lost):
    with pytest.raises(UserError, match=re.escape(lost)):
        DotParameters.make(overrides=texts)


def test_digest_tells_every_field():
    digests = {
        p.digest
        for p in (
            ArrayParameters(),
            ArrayParameters(rows=5),
            ArrayParameters(format=BLOCK_FORMATS["mxint8"]),
            DotParameters(),
            DotParameters(seed=2),
        )
    }
    assert len(digests) == 5
    assert ArrayParameters().digest == ArrayParameters(rows=4).digest
    assert len(ArrayParameters().digest) == 16


def test_replace_checks():
    with pytest.raises(UserError, match="rows must be an integer from 1 to 64, not 0"):
        ArrayParameters().replace(rows=0)


def array(**fields):
    return ArrayParameters.make(**fields)


def converter(**fields):
    return ConverterParameters.make(**fields)


def dot(**fields):
    return DotParameters.make(**fields)


@pytest.mark.parametrize(
    "make, fields, message",
    [
        (array, {"preset": "hbfp5"}, r"unknown preset 'hbfp5', did you mean hbfp\d+\?"),
        (array, {"row": 4}, r"unknown field 'row', did you mean rows\? \(known: columns, "),
        (array, {"overrides": ["rowz=4"]}, "unknown field 'rowz', did you mean rows"),
        (array, {"overrides": ["rows"]}, "--set needs field=value, not 'rows'"),
        (array, {"overrides": ["rows=0"]}, "rows must be an integer from 1 to 64, not 0"),
        (array, {"overrides": ["rows=-1"]}, "rows must be an integer from 1 to 64, not -1"),
        (array, {"overrides": ["rows=2.5"]}, "rows must be an integer from 1 to 64, not 2.5"),
        (array, {"overrides": ["rows=many"]}, "rows must be an integer from 1 to 64, not 'many'"),
        (array, {"overrides": ["rows="]}, "rows must be an integer from 1 to 64, not ''"),
        (array, {"columns": 65}, "columns must be an integer from 1 to 64, not 65"),
        (array, {"lanes": 7}, "lanes must divide the block of 64 of hbfp8, not 7"),
        (array, {"lanes": 0}, "lanes must be an integer from 1 to 1024, not 0"),
        (array, {"overrides": ["format.blok=4"]}, "unknown field 'format.blok'"),
        (
            array,
            {"overrides": ["format.block.size=4"]},
            "block must be a length \\(16\\), .* not {'size': 4}",
        ),
        (array, {"overrides": ["rows.x=4"]}, "rows must be an integer from 1 to 64, not {'x': 4}"),
        (array, {"rows": 4, "overrides": ["columns.x=4"]}, "columns must be an integer from 1 to"),
        (array, {"format": 7}, "format must be a preset's name or a table, not 7"),
        (array, {"overrides": ["format=7", "format.block=4"]}, "format must be a preset's name"),
        (array, {"overrides": ["rows=7", "rows.x=4"]}, "rows must be an integer from 1 to 64, not"),
        (array, {"config": "no/such.toml"}, "cannot read no/such.toml: No such file or directory"),
        (array, {"multiplier": "lut"}, "multiplier must be one of logic, dsp, not 'lut'"),
        (array, {"target": "asic"}, "target must be one of generic, ecp5, xilinx, not 'asic'"),
        (converter, {"lanes": 3}, "lanes must divide the 64 elements of a hbfp8 block, not 3"),
        (converter, {"source": "fp8"}, "source must be one of binary32, bfloat16, binary16, not"),
        (converter, {"seed": 0}, "seed must be an integer from 1 to 4294967295, not 0"),
        (converter, {"seed": 2**32}, "seed must be an integer from 1 to 4294967295"),
        (dot, {"operands": "int"}, "operands must be one of block, binary32, not 'int'"),
        (
            dot,
            {"operands": "binary32"},
            "lanes must be the whole block of 64 when operands are binary32, not 8",
        ),
        (dot, {"seed": -1}, "seed must be an integer from 1 to 4294967295, not -1"),
    ],
)
def test_errors(make, fields, message):
    with pytest.raises(UserError, match=f"^{message}"):
        make(**fields)


@pytest.mark.parametrize(
    "text, message",
    [
        (b"rows = \n", r"is not valid TOML: Invalid value \(at line 1, column 8\)$"),
        (b"rows = 4\nrows = 5\n", "is not valid TOML: "),
        (b"\xff\xfe", "is not valid TOML: "),
        (b"[format]\nblok = 4\n", "unknown field 'format.blok', did you mean format.block"),
    ],
)
def test_bad_files(tmp_path, text, message):
    config = tmp_path / "bad.toml"
    config.write_bytes(text)
    with pytest.raises(UserError, match=message) as caught:
        ArrayParameters.make(config=config)
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UserError, match="^cannot read .*: Is a directory$"):
        ArrayParameters.make(config=tmp_path)


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_widths_hold_the_extremes(name):
    p = DotParameters.make(preset=name)
    for terms, bits in ((p.lanes, p.product_sum_bits), (p.format.reduction, p.sum_bits)):
        most = terms * p.format.most_negative**2
        assert -(2 ** (bits - 1)) <= -most and most < 2 ** (bits - 1) <= 2 * most


@pytest.mark.parametrize("name", BLOCK_FORMATS)
@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_beats_and_ways(name, lanes):
    format = BLOCK_FORMATS[name]
    if format.reduction % lanes:
        return
    p = ArrayParameters(format=format, lanes=lanes)
    assert p.beats * lanes == format.reduction
    assert p.accumulators & (p.accumulators - 1) == 0
    assert p.accumulators * p.beats >= ADDER_LATENCY
    assert p.accumulators == 1 or p.accumulators // 2 * p.beats < ADDER_LATENCY


def test_default_lanes():
    assert {name: default_lanes(f) for name, f in BLOCK_FORMATS.items() if "fb2" in name} == {
        "fb24": 6,
        "fb24_sign_inside": 6,
        "fb24_linear": 6,
    }
    assert default_lanes(BLOCK_FORMATS["hbfp4_8x8"]) == 8


def test_converters_of_a_dot_product_have_unlike_words():
    p = DotParameters(format=BLOCK_FORMATS["hbfp6"], lanes=64, operands="binary32", seed=9)
    assert p.converter.seed == 9 and p.converter.beats == 1
    a, b = p.streams
    assert (a.key, b.key) == (reference.key(9), reference.key(9, use=1))
    assert a.key == p.converter.stream.key != b.key


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (DotParameters, {"lanes": np.int64(4), "seed": np.uint32(3)}),
        (DotParameters, {"format": {"block": [np.int16(8), 8], "symmetric": np.True_}}),
        (OuterProductParameters, {"length": np.uint16(16), "source": np.str_("bfloat16")}),
        (RegeneratorParameters, {"least": np.float32(0.5), "words": np.int8(2)}),
        (PulsedParameters, {"step": np.float32(0.5)}),
        (SparseArrayParameters, {"subtiles": np.int64(2), "patch": np.uint8(64)}),
        (Settings, {"seed": np.int64(3), "hidden": (np.int32(16),), "rate": np.float64(0.5)}),
        (Lfsr, {"width": np.int64(32)}),
        (FloatFormat, {"exponent_bits": np.int64(5), "fraction_bits": np.int64(2)}),
    ],
)
def test_scalars_of_numpy_become_plain(kind, fields):
    """Digests, JSON and repr are those of Python's numbers."""
    made = kind(**fields)
    values = dataclasses.asdict(made)
    text = json.dumps(values)
    plain = kind(**{name: values[name] for name in fields})
    assert plain == made and repr(plain) == repr(made)
    assert json.dumps(dataclasses.asdict(plain)) == text
    if isinstance(made, Parameters):
        assert made.digest == plain.digest


@pytest.mark.parametrize(
    ("kind", "field", "value", "accepted"),
    [
        (OuterProductParameters, "length", 16.0, "one of 1, 2, 4, 8, 16, 32, 64, 128, 256"),
        (StochasticConverterParameters, "length", 16.0, "one of 1, 2, 4, 8, 16, 32, 64, 128, 256"),
        (SparseArrayParameters, "subtiles", 2.0, "one of 1, 2, 4"),
        (BalancerParameters, "subtiles", 2.0, "one of 1, 2, 4"),
        (SparseArrayParameters, "patch", 64.0, "an integer from 8 to 4096"),
        (DotParameters, "lanes", 4.0, "an integer from 1 to 1024"),
        (RegeneratorParameters, "layers", 16.0, "an integer from 1 to 64"),
        (RegeneratorParameters, "words", np.float64(2), "an integer from 1 to 4"),
        (CsbParameters, "rows", 3.0, "an integer from 1 to"),
    ],
)
def test_16_point_0_is_not_16(kind, field, value, accepted):
    with pytest.raises(UserError, match=f"^{field} must be {accepted}.*, not {float(value)}$"):
        kind(**{field: value})


def test_designs_of_formats_that_differ_in_name():
    """Equal configurations, but each text shows its own."""
    texts = []
    for name in ("mine", "yours"):
        form = BfpFormat(name=name, block=(2,))
        texts.append(generate("bfp_dot", DotParameters(format=form, lanes=2)).verilog)
    assert "mine" in texts[0] and "mine" not in texts[1] and "yours" in texts[1]
