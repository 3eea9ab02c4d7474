"""Tokens and banks: engines overlap, and nothing comes too early."""

import itertools
from typing import Any

import pytest

from sw.accelerator.banks import place
from sw.accelerator.coding import decode
from sw.accelerator.compile import compile_training
from sw.accelerator.operations import Matrix, Operation, Tensor
from sw.accelerator.tokens import link
from sw.errors import UserError
from sw.train.settings import Settings

from .made import SMALL, made, small_program
from .timeline import Timeline
from .trained import assert_ordered


@pytest.mark.parametrize(("seed", "depth"), [(0, 1), (1, 4), (2, 1000), (3, 1000), (4, 8)])
def test_tokens_keep_the_order_whatever_time_operations_take(seed, depth):
    timeline = Timeline(small_program(), seed, depth)
    timeline.run()
    timeline.check()
    overlaps = [
        (a, b)
        for a, b in itertools.combinations(timeline.done, 2)
        if a.begin < b.end and b.begin < a.end
    ]
    assert overlaps or depth == 1


def test_every_wait_is_needed():
    program = small_program()
    waits = [
        pc
        for pc, word in enumerate(program.instructions)
        if decode(word)[1].get("wait") and decode(word)[0].name != "wait"
    ]
    assert len(waits) > 25
    for pc in waits[:: len(waits) // 12]:
        with pytest.raises(AssertionError):
            for seed in range(20):
                timeline = Timeline(program, seed, 1000, wrong=pc)
                timeline.run()
                timeline.check()


def test_what_finds_scales_of_tensors_waits_too():
    p = SMALL.replace(format="nvfp4", banks=4, bank_words=512)
    data, s = made(9, 3, 2), Settings(hidden=(5,), epochs=1, batch=p.values)
    program = compile_training(p, data, s)
    assert_ordered(program)
    for name in ("quant.amax", "prod.alpha"):
        waits = [
            pc
            for pc, word in enumerate(program.instructions)
            for instruction, fields in [decode(word)]
            if instruction.name == name and fields["wait"]
        ]
        assert len(waits) > 2
        for pc in waits[:3]:
            with pytest.raises(AssertionError):
                for seed in range(20):
                    timeline = Timeline(program, seed, 1000, wrong=pc)
                    timeline.run()
                    timeline.check()


def _op(name: str, to: Tensor, *reads: Tensor) -> Operation:
    matrices = [Matrix(tensor, 1, tensor.words, 4).along for tensor in (to, *reads)]
    windows: dict[int, Any] = dict(enumerate(matrices))
    return Operation(name=name, comment="", windows=windows, fields={})


def test_links_by_hand():
    """A loop of a load, a sum of two, and a product of its result with itself."""
    a, b, c, d = (Tensor(name, 1) for name in "abcd")
    loop = [
        _op("dma.load", a),
        _op("vec.map", b, a, d),
        _op("quant.quantize", c, b),
        _op("prod.multiply", d, c),
    ]
    links = link(loop, {a: 0, b: 1, c: 2, d: 3}, repeated=True)
    # The load waits for the last sum, and the sum for its own product of before.
    assert links.waits == [["vec"], ["dma", "prod"], ["vec"], ["quant"]]
    assert links.signals == [["vec"], ["dma", "quant"], ["prod"], ["vec"]]
    assert links.carried == {("vec", "dma"): 1, ("prod", "vec"): 1}
    once = link(loop, {a: 0, b: 1, c: 2, d: 3}, repeated=False)
    assert once.waits == [[], ["dma"], ["vec"], ["quant"]] and not once.carried
    # One writer a bank: the load waits for the product, and with it for the sum before.
    links = link(loop, {a: 0, b: 1, c: 2, d: 0}, repeated=True)
    assert links.waits[0] == ["prod"]


def test_operands_of_an_operation_are_in_different_banks():
    p = SMALL.replace(banks=4)
    a, b, c, d, e = (
        Tensor(name, words) for name, words in zip("abcde", (100, 100, 20, 20, 50), strict=True)
    )
    ops = [_op("vec.map", c, a, b), _op("vec.map", a, c, d), _op("vec.map", b, e, c)]
    places = place(p, ops, [])
    assert places[a][0] != places[b][0] and places[c][0] not in (places[d][0], places[e][0])
    words = {(bank, word + n) for t, (bank, word) in places.items() for n in range(t.words)}
    assert len(words) == sum(tensor.words for tensor in places)
    c.words = d.words = 100
    with pytest.raises(UserError, match="banks must have room for 50 words of e"):
        place(p, ops, [])
    c.words, d.words = 129, 20
    with pytest.raises(UserError, match="bank_words must be 129 or more for c, not 128"):
        place(p, ops, [])
    c.words = 65_537
    with pytest.raises(UserError, match="c must fit a bank of 65536 words at most, not take 65537"):
        place(p.replace(banks=16, bank_words=65_536), ops, [])
