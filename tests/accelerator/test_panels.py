"""Panels of codes and their products against quantization and products without a machine."""

import itertools
from typing import Any

import numpy as np
import pytest

from sw.accelerator import engines
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters
from sw.bfp.array import matmul
from sw.errors import UserError
from sw.formats import read_format
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.words import Words

from .programs import machine, put, run, values, window

KEY = 0x0123_4567_89AB_CDEF

FILLED = sum(0xA5A5A5A5 << 32 * i for i in range(16))
"""What words hold before."""


def parameters(format, **fields):
    sizes: dict[str, Any] = {
        "rows": 2,
        "columns": 4,
        "lanes": 4,
        "bank_words": 256,
        "port_bits": 32,
    }
    return AcceleratorParameters(format=read_format(format), **(sizes | fields))


CASES = {
    "mxint8": parameters("mxint8"),
    "hbfp8": parameters("hbfp8", rows=4, lanes=8),
    # Codes of 9 bits; blocks of 12 in words of 8 values.
    "fb16": parameters("fb16_linear"),
    # Codes of 6 bits across the values of a slice.
    "mxfp6": parameters("mxfp6_e2m3", columns=2, lanes=8),
    # More lanes than a word has values.
    "mxfp4": parameters("mxfp4", rows=1, columns=1, lanes=16),
    # Two beats a block, so that four accumulators are interleaved.
    "msfp16": parameters("msfp16", rows=1, columns=2, lanes=8),
    "stochastic": parameters("fb12_linear:rounding=stochastic:random_bits=5", columns=1),
}


def matrix(rows, k, seed):
    """Return a matrix of which blocks differ in size, with some specials."""
    rng = np.random.default_rng(seed)
    scale = np.exp2(rng.integers(-10, 10, (rows, -(-k // 8)))).repeat(8, axis=1)
    x = (rng.standard_normal((rows, k)) * scale[:, :k]).astype(np.float32)
    x[rng.random(x.shape) < 0.1] = 0
    if seed % 2:
        x[0, 0], x[-1, -1] = np.float32(1e-41), np.nan
    return x


def expected(p: AcceleratorParameters, x: np.ndarray, blocks: int, transposed: int) -> Blocks:
    """Quantize, the random words counted one by one in the order of emission."""
    side = p.format.reduction
    whole = np.zeros((len(x), blocks * side), np.float32)
    k = min(x.shape[1], blocks * side)
    whole[:, :k] = x[:, :k]
    random = None
    if p.format.rounding == "stochastic":
        words = iter(Words(key=KEY).draw((whole.size,), p.format.random_bits).tolist())
        random = np.zeros(whole.shape, np.uint32)
        step = p.values if transposed else 1
        for group, block in itertools.product(range(0, len(x), step), range(blocks)):
            for row, element in itertools.product(range(group, group + step), range(side)):
                random[row, block * side + element] = next(words)
    return quantize(whole, p.format, axis=1, random=random)


def quantizer(made, bank, panel, x, blocks, *, transposed, side):
    """Put a matrix in the scratchpad; return what quantizes it to a panel."""
    p = made.parameters
    put(made, bank, 0, x.T if transposed else x)
    count = len(x) // p.values if transposed else len(x)
    counters: dict[str, Any]
    if transposed:
        inner, rows = x.shape[1], len(x)
        counters = {
            "counter3": (count, p.values),
            "counter4": (inner, rows),
            "counter5": (1, 0),
        }
    else:
        inner = x.shape[1] // p.values
        counters = {"counter5": (inner * count, p.values)}
    return [
        *window("quant", 0, 2 * p.values, bank=panel),
        encode("quant.key", window=0, key=KEY),
        *window("quant", 1, 0, bank=bank, **counters),
        encode(
            "quant.quantize",
            transposed=transposed,
            side=side,
            inner=inner,
            outer=count,
            blocks=blocks,
        ),
    ]


def check_panel(made, bank, blocks: Blocks, side):
    """Compare every slice of a bank; those of no row are as they were filled."""
    p = made.parameters
    parts = p.word_bits // p.slice_bits
    want = [[FILLED & (1 << p.slice_bits) - 1] * parts for _ in range(p.bank_words)]
    codes = np.full((p.bank_words, p.slices), 9)
    beats, bits = blocks.code.shape[1] // p.lanes, p.format.element_bits
    for row, beat in itertools.product(range(len(blocks.code)), range(beats)):
        word, part = 2 + row // side * beats + beat, row % side
        lanes = blocks.code[row, beat * p.lanes :][: p.lanes].tolist()
        want[word][part] = sum(code << i * bits for i, code in enumerate(lanes))
        codes[word, part] = blocks.exponent[row, beat // p.beats]
    numbers = [int.from_bytes(word.astype("<u4").tobytes(), "little") for word in made.words[bank]]
    assert numbers == [sum(s << i * p.slice_bits for i, s in enumerate(w)) for w in want]
    assert (made.side[bank] == codes).all()


@pytest.mark.parametrize("transposed", [(0, 0), (0, 1), (1, 0), (1, 1)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_panels_and_their_product(case, transposed):
    """Of rows that are shorter, or longer, than whole blocks, and groups that are not full."""
    p = CASES[case]
    made, _ = machine(p)
    made.words[[1, 3]], made.side[[1, 3]] = FILLED & 0xFFFFFFFF, 9
    blocks, side = 3, p.format.reduction
    # As many words as a row may have, of which the last may be cut; or a block and an element.
    plain = -(-blocks * side // p.values) * p.values
    lengths = [side + 1 if each else plain for each in transposed]
    m = p.values if transposed[0] else 3
    n = p.values if transposed[1] else 2 * p.columns
    a, b = (
        matrix(rows, k, seed) for seed, (rows, k) in enumerate(zip((m, n), lengths, strict=True))
    )
    program = [
        *quantizer(made, 0, 1, a, blocks, transposed=transposed[0], side=0),
        *quantizer(made, 2, 3, b, blocks, transposed=transposed[1], side=1),
    ]
    m = min(m, 3)
    outcome = run(
        made,
        program,
        encode("barrier"),
        encode("signal", tokens=1),
        *product(p, m, n, blocks),
    )
    left, right = (expected(p, x, blocks, each) for x, each in zip((a, b), transposed, strict=True))
    check_panel(made, 1, left, p.rows)
    check_panel(made, 3, right, p.columns)
    top = Blocks(code=left.code[:m], exponent=left.exponent[:m], format=p.format, axis=1)
    want = np.full((m, 2 * n), np.float32(0))
    want[:, :n] = matmul(p.array, top, right.transposed)
    got = values(made, 4, p.columns, want.size)
    assert got.view(np.uint32).tolist() == want.ravel().view(np.uint32).tolist()
    beats = blocks * p.beats
    assert outcome.words["quant"] == (len(a) + len(b)) * beats
    assert outcome.words["prod"] == -(-m // p.rows) * (n // p.columns) * beats


def product(p, m, n, blocks):
    """Return what multiplies the panels, with room between the rows of the result."""
    return (
        window("prod", 0, p.columns, bank=4, counter4=(1, 2 * n)),
        window("prod", 1, 2 * p.values, bank=1),
        window("prod", 2, 2 * p.values, bank=3),
        encode("prod.multiply", m=m, n=n, blocks=blocks, wait=1),
    )


def test_products_of_one_run():
    """Of each token of three with all others, as attention has them, and of one panel with all."""
    p = parameters("hbfp8", rows=2, columns=2, lanes=8)
    made, _ = machine(p)
    count, tokens, words = 3, 3, 2 * p.beats
    a = matrix(count * 4, 16, 2)
    b = matrix(count * 4, 16, 4)
    program = [
        *quantizer(made, 0, 1, a, 1, transposed=0, side=0),
        *quantizer(made, 2, 3, b, 1, transposed=0, side=1),
    ]
    outcome = run(
        made,
        program,
        encode("barrier"),
        window("prod", 0, 2, bank=4, counter3=(1, 6), counter4=(1, 18)),
        window("prod", 1, 2 * p.values, bank=1, counter3=(1, words * p.values)),
        window("prod", 2, (2 + 4 * p.beats) * p.values, bank=3, counter3=(1, -words * p.values)),
        encode("prod.multiply", m=tokens, n=4, blocks=1, more=count - 1),
    )
    left, right = (expected(p, x, 1, 0) for x in (a, b))
    want = np.zeros(2 + 3 * 18, np.float32)
    for k in range(count):
        rows, columns = (
            Blocks(
                code=x.code[at : at + many],
                exponent=x.exponent[at : at + many],
                format=p.format,
                axis=1,
            )
            for x, at, many in ((left, 4 * k, tokens), (right, 8 - 4 * k, 4))
        )
        for i, row in enumerate(matmul(p.array, rows, columns.transposed)):
            at = 2 + 6 * k + 18 * i
            want[at : at + 4] = row
    assert values(made, 4, 0, want.size).view(np.uint32).tolist() == want.view(np.uint32).tolist()
    assert outcome.words["prod"] == count * 2 * 2 * p.beats


def test_the_bits_of_a_panel():
    """1, -1 and 1/2 of mxint8: 64, -64 and 32 of which 1 is 2**-6."""
    made, _ = machine()
    put(made, 0, 0, [1, -1, 0.5, 0, 2, 0, 0, 0])
    made.words[1] = 0x11111111
    run(
        made,
        window("quant", 0, 4, bank=1),
        window("quant", 1, 0, counter5=(2, 4)),
        encode("quant.quantize", side=1, inner=1, outer=2, blocks=1),
    )
    assert made.words[1, :3].tolist() == [
        [0x11111111] * 4,
        [0x0020C040, 0x00000040, 0x11111111, 0x11111111],
        [0, 0, 0x11111111, 0x11111111],
    ]
    assert made.side[1, :3, :2].tolist() == [[0, 0], [127, 128], [127, 128]]
    # The same as a column of four rows.
    put(made, 0, 0, [1, 0, 0, 0, -1, 0, 0, 0, 0.5, 0, 0, 0])
    run(
        made,
        window("quant", 0, 4, bank=2),
        window("quant", 1, 0, counter5=(3, 4)),
        encode("quant.quantize", transposed=1, inner=3, outer=1, blocks=1),
    )
    assert made.words[2, 1].tolist() == [0x0020C040, 0, 0, 0]
    assert made.words[2, 9].tolist() == [0, 0, 0, 0]
    assert made.side[2, 1].tolist() == [127, 0, 0, 0]


def test_models_without_compiled_loops_are_the_same(monkeypatch):
    def missing(wing):
        raise UserError(f"numba is not installed: {wing}")

    results = []
    for _ in range(2):
        p = CASES["stochastic"]
        made, _ = machine(p)
        x = matrix(p.values, 24, 1)
        program = quantizer(made, 0, 1, x, 1, transposed=1, side=0)
        run(made, program, encode("signal", tokens=1), *product(p, 1, 1, 1))
        results.append((made.words.tolist(), made.side.tolist()))
        monkeypatch.setattr(engines, "compiled", missing)
    assert results[0] == results[1]


def test_a_relocated_key_is_another():
    p = CASES["stochastic"]
    made, _ = machine(p)
    x = np.tile(matrix(1, 24, 2), (3, 1))
    program = quantizer(made, 0, 1, x, 1, transposed=0, side=0)
    program[1] = encode("quant.key", window=0, key=KEY - 5, add=1)
    run(made, encode("seta", address=0, value=5), program)
    made.words[3], made.side[3] = made.words[1], made.side[1]
    codes = made.words[3].copy()
    run(made, quantizer(made, 0, 3, x, 1, transposed=0, side=0))
    assert (made.words[3] == codes).all()
    program[1] = encode("quant.key", window=0, key=KEY - 5)
    run(made, program)
    assert (made.words[1] != codes).any()
