"""The product engine against the model of the array, and a scratchpad written down here."""

import copy

import numpy as np
import pytest

from hw.accelerator.panel_reader import PanelReader
from hw.accelerator.ports import CAUSES
from hw.accelerator.product import ProductEngine, TileWriter
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters
from sw.bfp.array import matmul
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.words import Words

from ..faults import Fault, planted
from .engine_bench import Found, put_slice, random_scratchpad, run_engine, same
from .scratchpad import Scratchpad

SIZES = {"banks": 4, "bank_words": 128, "port_bits": 32}
CONFIGURATIONS = {
    "hbfp6": {"rows": 2, "columns": 2, "lanes": 4, "format": "hbfp6:block=8"},
    "hbfp8": {"columns": 2, "format": "hbfp8:block=16"},
    "unequal": {"rows": 4, "columns": 1, "lanes": 4, "format": "fb16_linear:block=12"},
    "mxfp4": {"rows": 1, "columns": 2, "lanes": 8, "format": "mxfp4"},
}


def parameters(name: str) -> AcceleratorParameters:
    return AcceleratorParameters(**SIZES, **CONFIGURATIONS[name])


def operand(p: AcceleratorParameters, rows: int, blocks: int, seed: int) -> Blocks:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, blocks * p.format.reduction)) * np.exp2(
        rng.integers(-8, 8, (rows, 1))
    )
    return quantize(x.astype(np.float32), p.format, axis=1, random=Words(key=seed))


def put_panel(memory: Scratchpad, bank: int, word: int, x: Blocks, slices: int) -> None:
    """Write the panel of the rows of a matrix."""
    p = memory.p
    beats = x.exponent.shape[1] * p.beats
    for r, row in enumerate(x.code):
        for t in range(beats):
            codes = row[t * p.lanes : (t + 1) * p.lanes]
            exponent = x.exponent[r, t // p.beats]
            put_slice(memory, bank, word + r // slices * beats + t, r % slices, codes, exponent)


def product(
    memory: Scratchpad,
    expected: Scratchpad,
    size: tuple[int, int, int],
    *,
    seed: int = 5,
    words: tuple[int, int] = (3, 64),
    pad: int = 1,
    number: int = 0,
) -> list[int]:
    """Put operands into both memories, and the product into the second; return the commands."""
    m, n, blocks = size
    p = memory.p
    a, b = operand(p, m, blocks, seed), operand(p, n, blocks, seed + 1)
    for each in (memory, expected):
        put_panel(each, 0, words[0], a, p.rows)
        put_panel(each, 1, words[1], b, p.columns)
    bank, base, stride = 2 + number % 2, p.columns * (5 + number), n + pad * p.columns
    for i, row in enumerate(matmul(p.array, a, b.transposed)):
        at = base + i * stride
        expected.values[bank, at : at + n] = row.view(np.uint32)
    return [
        encode("prod.counter4", window=0, count=1, stride=-1),
        encode("prod.base", window=0, address=base, bank=bank),
        encode("prod.counter4", window=0, count=m, stride=stride),
        encode("prod.base", window=1, address=words[0] * p.values, bank=0),
        encode("prod.base", window=2, address=words[1] * p.values, bank=1),
        encode("prod.multiply", wait=3, signal=1 << number, m=m, n=n, blocks=blocks),
    ]


def run(p: AcceleratorParameters, memory: Scratchpad, commands: list[int], **options) -> Found:
    dut = ProductEngine(parameters=p)
    return run_engine(dut, memory, commands, reads=("read_a", "read_b"), **options)


def products(
    memory: Scratchpad, expected: Scratchpad, size: tuple[int, int, int], apart: tuple[int, ...]
) -> list[int]:
    """Do as `product` with as many products as have a place in a run of the engine.

    ``apart`` are how many there are, the elements from a result to the next, and the words from a
    panel of rows, and of columns, to the next; panels that lie in one place are of one operand.
    """
    m, n, blocks = size
    count, step, *words = apart
    p = memory.p
    stride = n * count + p.columns if 0 < step < n * m else n
    base = [80 if step < 0 else 8, *(40 if each < 0 else 3 for each in words)]
    for i in range(count):
        a, b = (operand(p, rows, blocks, seed) for rows, seed in ((m, 7 + i), (n, 77 + i)))
        a, b = (
            x if each else operand(p, len(x.code), blocks, seed)
            for x, each, seed in zip((a, b), words, (7, 77), strict=True)
        )
        for memories in (memory, expected):
            put_panel(memories, 0, base[1] + i * words[0], a, p.rows)
            put_panel(memories, 1, base[2] + i * words[1], b, p.columns)
        for j, row in enumerate(matmul(p.array, a, b.transposed)):
            at = base[0] + i * step + j * stride
            expected.values[2, at : at + n] = row.view(np.uint32)
    commands = []
    for window, (first, distance) in enumerate(zip(base, (step, *words), strict=True)):
        unit = p.values if window else 1
        # What was set before is taken back.
        commands += [
            encode("prod.counter3", window=window, count=1, stride=64),
            encode("prod.base", window=window, address=first * unit, bank=(2, 0, 1)[window]),
        ]
        if distance:
            commands.append(encode("prod.counter3", window=window, count=1, stride=distance * unit))
    commands.append(encode("prod.counter4", window=0, count=m, stride=stride))
    run = encode("prod.multiply", signal=1, m=m, n=n, blocks=blocks, more=count - 1)
    return [*commands, run]


PRODUCTS = [
    ("hbfp6", (1, 2, 1), 0.0),
    ("hbfp6", (5, 6, 3), 0.4),
    ("hbfp8", (5, 4, 1), 0.0),
    ("unequal", (9, 6, 1), 0.0),
    ("mxfp4", (3, 4, 2), 0.4),
]


@pytest.mark.parametrize(("name", "shape", "late"), PRODUCTS)
def test_products(name, shape, late):
    p = parameters(name)
    memory, expected = (random_scratchpad(p, seed=1) for _ in range(2))
    commands = product(memory, expected, shape)
    found = run(p, memory, commands, late=late)
    assert same(memory, expected)
    assert (found.signals, found.error) == ([1], 0)
    m, n, blocks = shape
    cycles = p.array.cycles(m, n, blocks * p.format.reduction)
    assert found.runs == [cycles + ProductEngine.overhead]


STACKS = [
    # Rows that fill no tile, results beside one another, and room behind a panel of rows.
    ("hbfp6", (3, 4, 2), (3, 4, 10, 8), 0.0),
    ("hbfp6", (3, 2, 1), (3, 2, 4, 0), 0.4),
    ("hbfp6", (2, 4, 1), (4, 8, 0, 4), 0.0),
    # Products of a tile, from the last place back.
    ("unequal", (4, 1, 1), (5, -4, -3, -3), 0.3),
    ("mxfp4", (1, 2, 2), (6, 2, 8, 8), 0.0),
]


@pytest.mark.parametrize(("name", "shape", "apart", "late"), STACKS)
def test_products_of_a_run(name, shape, apart, late):
    p = parameters(name)
    memory, expected = (random_scratchpad(p, seed=4) for _ in range(2))
    found = run(p, memory, products(memory, expected, shape, apart), late=late)
    assert same(memory, expected)
    assert (found.signals, found.error) == ([1], 0)
    m, n, blocks = shape
    tiles = apart[0] * p.array.tiles(m, n)
    cycles = p.array.timing.job(tiles, blocks * p.beats)
    assert found.runs == [cycles + ProductEngine.overhead]


def test_random_products(name="hbfp6", seed=12, count=5):
    p = parameters(name)
    rng = np.random.default_rng(seed)
    memory, expected = (random_scratchpad(p, seed) for _ in range(2))
    commands: list[int] = []
    words = 3, 0
    for number in range(count):
        m, tiles, blocks = (int(rng.integers(1, end)) for end in (3 * p.rows, 4, 4))
        size = m, tiles * p.columns, blocks
        commands += product(
            memory, expected, size, seed=seed + number, words=words, pad=number, number=number
        )
        step = blocks * p.beats
        words = words[0] + -(-m // p.rows) * step, words[1] + tiles * step
    found = run(p, memory, commands, late=0.2, seed=seed, most=10_000)
    assert same(memory, expected)
    assert found.signals == [1 << number for number in range(count)]


def test_a_product_of_panels_that_are_there():
    p = parameters("hbfp6")
    memory, expected = (random_scratchpad(p, seed=2) for _ in range(2))
    commands = product(memory, expected, (3, 4, 2), pad=0)
    # Of the first tiles of both panels, whose windows are as before.
    commands += [
        encode("prod.base", window=0, address=2, bank=3),
        encode("prod.counter4", window=0, count=2, stride=-2),
        encode("prod.multiply", signal=8, m=2, n=2, blocks=2),
    ]
    found = run(p, memory, commands, late=0.2)
    for i in range(2):
        at = p.columns * 5 + 4 * i
        expected.values[3, 2 - 2 * i : 4 - 2 * i] = expected.values[2, at : at + 2]
    assert same(memory, expected)
    assert found.signals == [1, 8]


WRONG = {
    "size": {"m": 4, "n": 3},
    "address_a": {"window": 1, "address": 127 * 4},
    "address_b": {"window": 2, "address": 2},
    "address_of_result": {"window": 0, "address": 128 * 4 - 6, "bank": 2},
    "address_bank": {"window": 2, "address": 0, "bank": 5},
    "address_of_next_a": {"window": 1, "stride": 125 * 4},
    "address_of_next_b": {"window": 2, "stride": 2},
    "address_of_next_result": {"window": 0, "stride": 128 * 4},
}


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    p = parameters("hbfp6")
    memory, expected = (random_scratchpad(p, seed=3) for _ in range(2))
    fields = dict(WRONG[name])
    commands = product(memory, expected, (4, 4, 2), pad=0)
    if "stride" in fields:
        # Its second product has no place.
        commands[5:] = [
            encode("prod.counter3", count=1, **fields),
            encode("prod.multiply", m=4, n=4, blocks=2, signal=1, more=1),
        ]
    elif "window" in fields:
        commands.insert(5, encode("prod.base", **fields))
        if fields["window"] == 0:
            commands.insert(6, encode("prod.counter4", window=0, count=4, stride=4))
    else:
        commands[5] = encode("prod.multiply", blocks=2, signal=1, **fields)
    commands += commands
    before = copy.deepcopy(memory)
    found = run(p, memory, commands)
    assert found.error == CAUSES[name.split("_")[0]]
    assert found.error_pc == len(commands) // 2 - 1
    assert found.signals == []
    if "next" in name:
        # The first one has, and there its results may be.
        at = slice(p.columns * 5, p.columns * 5 + 4 * 4)
        assert "result" not in name or (memory.values[2, at] == expected.values[2, at]).all()
        before.values[2, at] = memory.values[2, at]
    if name == "address_of_result":
        # What comes before the second row of the second tile has a place.
        before.values[2, 506:] = memory.values[2, 506:]
    assert same(memory, before)


FAULTS = {
    "a tile of rows is not read again": Fault(
        PanelReader, lambda s: s.first.eq(s.address) if s._circuit.rows else []
    ),
    "a dropped row is written": Fault(TileWriter, lambda s: s.keep.eq(s.accept)),
    "the offset of a tile stays": Fault(TileWriter, lambda s: s.offset.eq(0)),
    "all lanes are written": Fault(TileWriter, lambda s: s.port.lanes.eq(-1)),
    "tokens are given before the last write": Fault(
        ProductEngine, lambda s: s.front.end.eq(s.array.done)
    ),
    "words are read for which there is no room": Fault(PanelReader, lambda s: s.room.eq(8)),
}


FAULTS_OF_MORE = {
    "a panel of rows is that of the first": Fault(ProductEngine, lambda s: s.reader_a.step.eq(0)),
    "a panel of columns is that of the first": Fault(
        ProductEngine, lambda s: s.reader_b.step.eq(0)
    ),
    "results lie on those of the first": Fault(ProductEngine, lambda s: s.writer.step.eq(0)),
    "rows of the next result are dropped": Fault(TileWriter, lambda s: s.keep.eq(s.accept)),
    "a distance stays when a window is set": Fault(
        ProductEngine, lambda s: [(s.step_2 == 0, s.reader_b.step.eq(64))]
    ),
    "a job is of one product": Fault(ProductEngine, lambda s: s.array.job.products.eq(1)),
}


@pytest.mark.parametrize("name", FAULTS_OF_MORE)
def test_a_planted_fault_of_more_products_is_found(name):
    with planted(FAULTS_OF_MORE[name]), pytest.raises(AssertionError):
        test_products_of_a_run("hbfp6", (3, 2, 1), (3, 2, 4, 0 if "stays" in name else 3), 0.0)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    with planted(FAULTS[name]), pytest.raises(AssertionError):
        # Tiles of fewer beats than rows, for which the reader waits.
        waits = ("unequal", (9, 6, 1), 0.0)
        test_products(*waits if "room" in name else ("hbfp6", (5, 6, 3), 0.0))
