"""Products in parts of rows and columns, by which engines need not wait for each other's ends."""

import dataclasses

import numpy as np
import pytest

from sw.accelerator import operands
from sw.accelerator.coding import decode, encode
from sw.accelerator.compile import compile_training
from sw.accelerator.cycles import predict
from sw.accelerator.operations import Matrix, Tensor, Window
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.part import Part, halves, pieces
from sw.accelerator.planes import Planes
from sw.accelerator.program import Program
from sw.accelerator.training import train
from sw.train.data import Data
from sw.train.settings import Settings

from .made import SMALL, made
from .timeline import Timeline
from .trained import assert_same, ran


def test_pieces():
    assert pieces(10, 4) == [range(2), range(2, 5), range(5, 7), range(7, 10)]
    assert pieces(10, 4, 4) == [range(4), range(4, 8), range(8, 10)]
    assert pieces(3, 0) == pieces(3, 1) == [range(3)]
    assert pieces(5, 2, 8) == [range(5)]


def test_halves():
    assert halves(64, 4) == [range(32), range(32, 48), range(48, 56), range(56, 64)]
    assert halves(6, 4, 2) == [range(4), range(4, 6)]
    assert halves(6, 4, 1, 4) == [range(4), range(4, 5), range(5, 6)]
    assert halves(5, 1) == [range(5)] and halves(3, 4, 4) == [range(3)]


@pytest.mark.parametrize(
    ("words", "reduction", "bank_words", "groups"),
    [
        (4095, 16, 65_536, [range(32), range(32, 48), range(48, 56), range(56, 64)]),
        # A product of 65,536 columns, one more than the field of an instruction holds.
        (4096, 16, 65_536, [range(64)]),
        # A panel of 2,048 tiles of four beats, and one with a tile more, in half a bank.
        (2048, 16, 16_384, [range(32), range(32, 48), range(48, 56), range(56, 64)]),
        (2049, 16, 16_384, [range(64)]),
        # One of three blocks, 49,140 words.
        (4095, 33, 65_536, [range(64)]),
        # 32 tiles of four beats: not worth a part.
        (1, 16, 65_536, [range(64)]),
    ],
)
def test_groups_of_rows_are_of_a_panel_in_half_a_bank(words, reduction, bank_words, groups):
    p = SMALL.replace(columns=16, bank_words=bank_words)
    assert (p.values, p.beats, p.format.reduction) == (16, 4, 16)
    x = Matrix(Tensor("x", 0), reduction, words, 16)
    assert operands.Panels(p, 1, 0, parts=4, copies=2, groups=4).groups(64, x, reduction) == groups


def test_parts_meet_where_a_word_is_in_both():
    def part(rows: range, columns: range) -> Window:
        return Window(tensor=tensor, part=Part(9, rows, columns))

    tensor = Tensor("x", 90)
    one = part(range(2, 4), range(3, 6))
    for rows in (range(2), range(2, 3), range(4, 5)):
        for columns in (range(3), range(5, 9), range(6, 9)):
            words = {(y, x) for y in rows for x in columns}
            both = words & {(y, x) for y in range(2, 4) for x in range(3, 6)}
            assert one.meets(part(rows, columns)) == bool(both)
    other = Window(tensor=tensor, part=Part(8, range(1), range(1)))
    assert one.meets(other) and one.meets(Window(tensor=tensor))
    assert not one.meets(Window(tensor=Tensor("y", 90)))


def test_lines_of_patches():
    """Of 5 x 5 pixels, a border of 1, every second place: lines 1 and 2 of 3 begin at y = 1."""
    planes = Planes(Tensor("x", 50), 2, 5, 1, 4)
    whole = planes.patches(3, 1, stride=2)
    [(first, top), (words, part)] = whole.split(2)
    assert (first, words) == (range(3), range(3, 9))
    assert top.across.plane == (-1, -1, 5, 5) and top.across.offset == -24
    found = part.across
    assert found.plane == (1, -1, 5, 5) and found.offset == 16
    assert found.counters[:2] == ((2, 40, 2, 0), (3, 8, 0, 2))
    assert part.words == 6 and part.rows == whole.rows


CASES = {
    # Rows and columns that are no multiples of tiles; random words, by rows and by groups.
    "dense": (Settings(hidden=(21, 9)), (23, 70, 3), {"format": "hbfp4:block=8", "lanes": 8}),
    "nearest": (Settings(hidden=(21, 9)), (23, 70, 3), {"format": "mxfp6_e2m3", "lanes": 4}),
    "planes": (Settings(model="lenet"), (17, 36, 3), {"format": "hbfp8:block=8", "lanes": 8}),
}


def _program(case: str) -> tuple[Program, Data]:
    settings, shape, fields = CASES[case]
    p = SMALL.replace(banks=16, bank_words=4096, instructions=4096, **fields)
    settings = dataclasses.replace(settings, epochs=1, batch=2 * p.values, rate=0.1, seed=7)
    data = made(*shape)
    return compile_training(p, data, settings), data


@pytest.fixture
def short(monkeypatch):
    for name in ("SHORTEST", "SOON"):
        monkeypatch.setattr(operands, name, 8)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.usefixtures("short")
def test_trained_as_by_the_definition(case):
    program, data = _program(case)
    names = [line.comment for line in program.lines]
    assert names.count("gradient of weight0 = dy0 pixels^T") > 1
    assert names.count("y0 = weight0 pixels") > 3
    if case == "planes":
        # Of 16 rows 8, 4, 2 and 2.
        assert names.count("y1 + bias1, rectified") == names.count("pool1 = first of y1") == 4
    assert_same(ran(program, data), train(program.parameters, data, program.settings))


@pytest.mark.usefixtures("short")
def test_tokens_keep_the_order_whatever_time_operations_take():
    for case in ("dense", "planes"):
        timeline = Timeline(_program(case)[0], 1, 8)
        timeline.run()
        timeline.check()


@pytest.mark.usefixtures("short")
def test_random_words_of_parts_are_those_of_the_whole():
    program, data = _program("dense")
    code = program.instructions
    skipping = [pc for pc, word in enumerate(code) if decode(word)[1].get("skip")]
    assert len(skipping) > 5
    name, fields = decode(code[skipping[0]])
    code[skipping[0]] = encode(name.name, **fields | {"skip": fields["skip"] - 1})
    with pytest.raises(AssertionError):
        assert_same(ran(program, data, code), train(program.parameters, data, program.settings))


@pytest.mark.usefixtures("short")
def test_a_window_reaches_no_word_beyond_its_part(monkeypatch):
    """Of each operation with parts, all that its windows walk over."""
    seen = 0
    program, _ = _program("dense")
    for name, (bank, word) in program.tensors.items():
        assert 0 <= bank < 16 and 0 <= word < 4096, name
    from sw.accelerator import assembler

    original = assembler.Assembler._operation

    def watched(self, operation, waits, signals):
        nonlocal seen
        for window in operation.windows.values():
            if not window.part or not window.counters or operation.name == "prod.multiply":
                continue
            address = np.array([window.offset])
            for count, stride, *_ in window.counters:
                address = (address[:, None] + np.arange(count) * stride).reshape(-1)
            rows, columns = np.divmod(address // program.parameters.values, window.part.pitch)
            assert set(rows) <= set(window.part.rows), operation.comment
            assert set(columns) <= set(window.part.columns), operation.comment
            seen += 1
        original(self, operation, waits, signals)

    monkeypatch.setattr(assembler.Assembler, "_operation", watched)
    _program("dense")
    assert seen > 20


@pytest.mark.parametrize(
    ("model", "pixels", "batch", "products", "share"),
    [
        # Forward and of weights, then of inputs: a first layer has none of these.
        ("lenet", 784, 64, 2 * 86_400 + 3 * (153_600 + 30_720 + 10_080 + 840), 0.89),
        ("resnet8", 64, 32, 2_281_344, 0.91),
    ],
)
def test_convolutions_overlap_with_what_is_between_them(model, pixels, batch, products, share):
    """In a machine whose vector engine keeps up with the array's 64 products a cycle."""
    words = "rows=1 columns=4 lanes=16 vector_lanes=16 banks=16 bank_words=65536 instructions=16384"
    p = AcceleratorParameters.make(overrides=[*words.split(), "format=hbfp8:block=16"])
    settings = Settings(model=model, epochs=1, batch=batch, rate=0.1)
    program = compile_training(p, made(3 * batch, pixels, 10), settings)
    spans = [each for each in predict(p, program.instructions).spans if each.engine == "prod"]
    _, second, third = (each.start for each in spans if each.pc == spans[0].pc)
    assert batch * products / 64 / (third - second) > share


def test_engines_overlap():
    """In a layer of 784 x 256 the array waits less than a tenth of the time."""
    data = Data(
        name="made",
        train_x=np.zeros((512, 784), np.float32),
        train_y=np.arange(512) % 10,
        test_x=np.zeros((1, 784), np.float32),
        test_y=np.zeros(1, int),
    )
    p = AcceleratorParameters.make(overrides=["bank_words=65536", "format=hbfp8:block=16"])
    cycles = []
    for epochs in (1, 2):
        settings = Settings(hidden=(256,), epochs=epochs, batch=256)
        program = compile_training(p, data, settings)
        cycles.append(predict(p, program.instructions, latency=40).cycles)
    # Two steps; the second epoch has nothing but them, and the losses.
    useful = 256 * (784 * 256 * 2 + 256 * 10 * 3)
    assert useful / 128 / ((cycles[1] - cycles[0]) / 2) > 0.9
