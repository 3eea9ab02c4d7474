"""Recipes by name: what becomes of each operand, how it is changed, and what is refused."""

import numpy as np
import pytest

from sw.core.products import PASSES, Attention
from sw.formats import MX_FORMATS, BlockFormat, MxFormat
from sw.formats.element import FloatElement
from sw.formats.scale import FloatScale, MxScale
from sw.train.arithmetic import ARITHMETICS, Operand, Products
from sw.train.arithmetic import read as read_arithmetic
from sw.train.recipe import Recipe, Rule, Side
from sw.train.recipes import RECIPES
from sw.train.spec import read

from .refusals import accepted, assert_refused

ELEMENTS = {(2, 1): "e2m1", (4, 3): "e4m3", (5, 2): "e5m2"}


def word(side: Side) -> str:
    """An operand in words: element, block, scale, rounding, and what comes before."""
    form = side.format
    assert isinstance(form, MxFormat) and isinstance(form.element, FloatElement)
    element = ELEMENTS[form.element.exponent_bits, form.element.fraction_bits]
    scale = "tensor" if isinstance(form.scale, FloatScale) else form.scale.rule
    if isinstance(form.scale, FloatScale) and form.scale.headroom != 1:
        scale += f" {form.scale.headroom}"
    rounding = "deviation" if side.scaling == "deviation" else form.rounding
    words = [element, form.shape.text, scale, rounding]
    if side.hadamard:
        words.append(f"h{side.hadamard} {side.signs}")
    if side.factor != 1:
        words.append(f"x{side.factor}")
    return " ".join([*words, *[side.source][: side.source == "forward"]])


def table(arithmetic) -> dict[str, str | tuple[str, str]]:
    """What becomes of the operands of each pass."""
    return {
        which: rule if isinstance(rule, str) else (word(rule.a), word(rule.b))
        for which, rule in arithmetic.passes.items()
    }


E4M3 = "e4m3 32 rceil nearest_even"
E5M2 = "e5m2 32 rceil nearest_even"
BELOW = "e2m1 32 below stochastic h32 drawn x0.75"
DEVIATION = "e2m1 32 floor deviation h32 plain"
NVFP4 = "e2m1 16 tensor nearest_even"
TILE = "e2m1 16x16 tensor nearest_even"
TETRAJET = "e2m1 16 tensor 1.0625 stochastic h32 drawn"

TABLES = {
    # TransformerEngine, MXFP8BlockScaling; hybrid: fp8_format=Format.HYBRID.
    "mxfp8": [(E4M3, E4M3), (E4M3, E4M3), (E4M3, E4M3)],
    "mxfp8_hybrid": [(E4M3, E4M3), (E5M2, E4M3), (E5M2, E4M3)],
    # TransformerEngine, NVFP4BlockScaling: y is the first operand of both gradients.
    "nvfp4": [
        (NVFP4, TILE),
        ("e2m1 16 tensor stochastic", TILE),
        ("e2m1 16 tensor stochastic h16 fixed", f"{NVFP4} h16 fixed"),
    ],
    # Tseng et al., BW_USE_MXFP4=3 of their code.
    "mxfp4": ["bfloat16", (BELOW, BELOW), (BELOW, BELOW)],
    # Castro et al.: QuestMXFP4Quantizer, AlbertTsengQuantizer, Q(E)Q(Wt)t_Q(Et)Q(Xt)t.
    "quartet": [(DEVIATION, DEVIATION), (BELOW, f"{BELOW} forward"), (BELOW, f"{BELOW} forward")],
    # TetraJetV2_fn of Quartet II.
    "tetrajet": [
        (NVFP4, NVFP4),
        (TETRAJET, f"{TETRAJET} forward"),
        (TETRAJET, f"{TETRAJET} forward"),
    ],
}


def test_all_recipes_are_here():
    assert set(TABLES) == set(RECIPES) < set(ARITHMETICS)


@pytest.mark.parametrize("name", TABLES)
def test_operands(name):
    recipe = read_arithmetic(name)
    assert isinstance(recipe, Recipe)
    assert list(table(recipe).values()) == TABLES[name]
    assert [getattr(rule, "back", 1) for rule in recipe.passes.values()] == [
        np.float32(16 / 9) if "x0.75" in str(words) else 1 for words in TABLES[name]
    ]


CHANGED = [
    ("nvfp4:weight.y.rounding=nearest_even", "weight", 0, f"{NVFP4} h16 fixed"),
    ("nvfp4:rounding=nearest_even", "input", 0, NVFP4),
    ("nvfp4:y.rounding=nearest_even", "weight", 0, f"{NVFP4} h16 fixed"),
    ("nvfp4:hadamard=0", "weight", 1, NVFP4),
    ("nvfp4:weight.hadamard=32:weight.signs=drawn", "weight", 1, f"{NVFP4} h32 drawn"),
    ("nvfp4:w.format=nvfp4", "forward", 1, NVFP4),
    ("nvfp4:w.block=16", "input", 1, NVFP4),
    ("mxfp4:factor=1:scale.rule=floor", "input", 1, "e2m1 32 floor stochastic h32 drawn"),
    ("mxfp4:input.w.factor=1", "input", 1, "e2m1 32 below stochastic h32 drawn"),
    ("mxfp8:y.format=mxfp8_e5m2", "weight", 0, "e5m2 32 floor nearest_even"),
    ("quartet:forward.scaling=amax", "forward", 0, "e2m1 32 floor nearest_even h32 plain"),
    ("quartet:source=tensor", "weight", 1, BELOW),
    ("tetrajet:scale.headroom=1", "input", 0, "e2m1 16 tensor stochastic h32 drawn"),
    ("tetrajet:input.signs=plain", "input", 1, f"{TETRAJET} forward".replace("drawn", "plain")),
]


@pytest.mark.parametrize(("text", "which", "side", "expected"), CHANGED)
def test_changed_operands(text, which, side, expected):
    recipe = read_arithmetic(text)
    assert isinstance(recipe, Recipe) and recipe.name == text
    assert table(recipe)[which][side] == expected
    # Nothing else is of another kind than before, unless the field is of all.
    if text.count(".") > 1 and text.count(":") == 1:
        base = table(RECIPES[text.partition(":")[0]])
        other = table(recipe)
        others = [(w, s) for w in PASSES for s in (0, 1) if (w, s) != (which, side)]
        assert all(base[w][s] == other[w][s] for w, s in others)


def test_results_are_divided_by_the_factors():
    recipe = read_arithmetic("mxfp4:input.w.factor=1")
    assert isinstance(recipe, Recipe)
    rule = recipe.input
    assert isinstance(rule, Rule) and rule.back == np.float32(4 / 3)


def test_spaces_are_of_no_account():
    spaced, plain = (
        read_arithmetic(text)
        for text in (" nvfp4 : weight.y.rounding = truncate ", "nvfp4:weight.y.rounding=truncate")
    )
    assert spaced == plain


def test_places():
    precision = read("nvfp4,0=bfloat16,last=bfloat16,1.weight=mxfp4", layers=3, epochs=1)
    for layer in (0, 2):
        assert {precision.arithmetic(layer, which) for which in PASSES} == {"bfloat16"}
    assert precision.arithmetic(1, "input") is RECIPES["nvfp4"]
    assert precision.arithmetic(1, "weight") == RECIPES["mxfp4"]


def test_gradients_take_from_the_forward_pass_of_their_own_recipe():
    """Where a layer's forward pass is another's, gradients are made of the tensors."""

    def sources(text: str, which: str = "weight") -> str:
        arithmetic = read(text, layers=2, epochs=1).arithmetic(1, which)
        assert isinstance(arithmetic, Recipe)
        rule = arithmetic.passes[which]
        assert isinstance(rule, Rule)
        return rule.b.source

    assert sources("quartet") == "forward"
    assert sources("quartet,forward=bfloat16") == "tensor"
    assert sources("quartet,forward=nvfp4") == "tensor"
    assert sources("bfloat16,weight=tetrajet") == "tensor"
    assert sources("boosters,1.weight=tetrajet") == "tensor"
    assert sources("quartet,weight=quartet:rounding=nearest_even") == "forward"
    assert sources("quartet,1.forward=fp32", "input") == "tensor"


def test_formats_alone():
    """Of a name that a recipe has too, with a suffix; or a table."""
    assert read_arithmetic("mxfp4_plain") == MX_FORMATS["mxfp4"]
    assert read_arithmetic("nvfp4_plain:block=16x16") == MX_FORMATS["nvfp4_16x16"]
    assert read_arithmetic("mxfp8_e4m3") is MX_FORMATS["mxfp8_e4m3"]
    even = read_arithmetic("mxfp4_plain:scale.rule=even")
    assert isinstance(even, MxFormat) and even.scale == MxScale(rule="even")
    assert even == read_arithmetic({"preset": "mxfp4", "scale": {"rule": "even"}})
    assert isinstance(read_arithmetic("mxfp4"), Recipe)


def test_attention_is_left_in_bfloat16():
    layer = Attention(name="attention", heads=2, rows=5, columns=6, depth=7)
    assert {RECIPES["nvfp4"].of(layer, which) for which in PASSES} == {"bfloat16"}
    rng = np.random.default_rng(1)
    values = {n: rng.standard_normal(s).astype(np.float32) for n, s in layer.shapes(3).items()}
    for which in PASSES:
        got, expected = (
            Products(seed=1).run(layer, which, 3, {n: Operand(v) for n, v in values.items()}, name)
            for name in ("quartet", "bfloat16")
        )
        assert np.array_equal(got, expected)
    plain = read_arithmetic("nvfp4_plain")
    assert isinstance(plain, BlockFormat)


REFUSED = [
    ("nvfp4:rounding=stochastic:random_bits=8", "random_bits=8 has no effect in nvfp4"),
    ("mxfp8:hadamard=0", "hadamard=0 has no effect in mxfp8"),
    ("mxfp8:signs=drawn", "signs=drawn has no effect in mxfp8"),
    ("mxfp4:forward.rounding=truncate", "forward.rounding=truncate has no effect in mxfp4"),
    ("quartet:forward.scale.rule=even", "forward.scale.rule=even has no effect in quartet"),
    ("quartet:forward.rounding=truncate", "forward.rounding=truncate has no effect in quartet"),
    ("nvfp4:y.source=tensor", "y.source=tensor has no effect in nvfp4"),
    ("nvfp4:blok=8", "unknown field 'format.blok', did you mean format.block?"),
    ("nvfp4:z.rounding=truncate", "unknown field 'format.z'"),
    ("nvfp4:", "recipe 'nvfp4:' needs field=value, not ''"),
    ("nvfp4:y.rounding=truncate:y.rounding=truncate", "y.rounding is given twice in recipe 'nvfp4"),
    ("nvfp4:weight.y.hadamard=0", "hadamard and signs must be the same for both operands of a pro"),
    ("nvfp4:hadamard=8", "hadamard must be one of 0, 16, 32, not 8"),
    ("nvfp4:weight.hadamard=32", "signs must be plain or drawn in tiles of 32, not fixed"),
    ("nvfp4:signs=random", "signs must be one of plain, fixed, drawn, not 'random'"),
    ("nvfp4:x.format=mxfp4", "a and b must both have a scale a tensor or neither, not mxfp4 and"),
    (
        "nvfp4:scaling=deviation",
        "scaling must be amax in nvfp4: only small floats of MX along th",
    ),
    ("nvfp4:scale.rule=even", "unknown field 'scale.rule'"),
    ("nvfp4:y.source=forward", "source must be tensor for y, which no forward pass makes"),
    ("nvfp4:forward.source=forward", "source must be tensor in the forward pass, not forward"),
    ("mxfp4:input.w.source=forward", "source must be tensor where the forward pass is bfloat16"),
    ("mxfp4:factor=0", "factor must be a number from 0.00390625 to 256, not 0"),
    ("mxfp8:x.block=24", "blocks of a and b must divide one another, not 24 of mxfp8_e4m3 rceil:b"),
    ("mxfp8:w.format=mxfp9", "unknown format 'mxfp9'"),
    ("mxfp8:w.block=2x3", "block must be a length (16) or a square (8x8) where matrices are multi"),
    ("tetrajet:scale.headroom=3", "headroom must be a number from 1 to 2, not 3"),
    ("tetrajet:y.scale.four_over_six=true", "headroom must be 1 with four_over_six, not 1.0625"),
    ("mxfp4_plain:rounding=truncate:random_bits=4", "random_bits of 'mxfp4:rounding=truncate:ran"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_refused(text, message):
    assert_refused(text, message)


def test_fuzzed_texts():
    """Each is read, or refused in one line."""
    rng = np.random.default_rng(2)
    words = [
        *("nvfp4", "mxfp4", "quartet", "tetrajet", "mxfp8_hybrid", "mxfp6_e2m3", "mxint8"),
        *(":", ":", ":", "=", "=", "=", ".", ".", ",", "x", "y", "w", "forward", "weight", "input"),
        *("rounding", "stochastic", "hadamard", "signs", "drawn", "factor", "scaling", "deviation"),
        *("format", "source", "block", "scale.rule", "element", "scale", "0", "16", "32", "0.5"),
        *("e4m3", "even", "true", "nan", "{}", "[1]", "\u0663", "1e400", "scale.headroom", "amax"),
    ]
    count = 0
    for _ in range(3000):
        name = str(rng.choice(words[:7]))
        pairs = [
            "".join(rng.choice(words[13:], int(rng.integers(1, 5))))
            if rng.random() < 0.2
            else f"{rng.choice(words[22:])}={rng.choice(words[22:])}"
            for _ in range(int(rng.integers(0, 3)))
        ]
        text = ":".join([name, *pairs])
        count += accepted(text, layers=3, epochs=1)
    assert count > 300
