"""A dense layer's three passes in RTL on tensors that were quantized once, in square tiles."""

from dataclasses import replace

import numpy as np

from sim.bfp import array, transposer
from sim.compare import assert_equal
from sim.formats import converter
from sw.bfp.array import ArrayParameters, matmul
from sw.bfp.transposer import TransposerParameters, assemble, tiles
from sw.formats import BLOCK_FORMATS
from sw.formats.blocks import Blocks
from sw.formats.converter import ConverterParameters
from sw.formats.quantize import quantize

FORMAT = BLOCK_FORMATS["hbfp6_8x8"]
CONVERTER = ConverterParameters(format=FORMAT, lanes=8, seed=5)
TRANSPOSER = TransposerParameters(format=FORMAT)
ARRAY = ArrayParameters(format=FORMAT, lanes=2, rows=2, columns=2)
SIDE = TRANSPOSER.side


def _convert(tensors: dict[str, np.ndarray]) -> dict[str, Blocks]:
    """Quantize in the converter's RTL, which takes the tensors' tiles one after the other."""
    streams = {name: _tiles(x) for name, x in tensors.items()}
    (code, exponent, _), _ = converter.simulate(CONVERTER, np.concatenate([*streams.values()]))
    blocks, at = {}, 0
    for name, x in tensors.items():
        part = slice(at, at + len(streams[name]))
        at = part.stop
        square = (-1, SIDE, SIDE)
        blocks[name] = assemble(code[part].reshape(square), exponent[part], FORMAT, x.shape)
        words = replace(CONVERTER.stream, first=part.start * FORMAT.block_elements)
        once = quantize(x, FORMAT, random=words)
        assert_equal(blocks[name].code, once.code, context={"tensor": name})
        assert_equal(blocks[name].exponent, once.exponent, context={"tensor": name})
    return blocks


def _tiles(x: np.ndarray) -> np.ndarray:
    """Tiles of floats as the converter takes them, (tiles, elements)."""
    x = np.pad(x, [(0, -n % SIDE) for n in x.shape])
    rows, columns = (n // SIDE for n in x.shape)
    return x.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2).reshape(-1, SIDE * SIDE)


def _read(wanted: list[tuple[Blocks, bool]]) -> list[Blocks]:
    """Read matrices through the transposer's RTL in one stream, some of them transposed."""
    streams = [tiles(blocks, by_columns=turn) for blocks, turn in wanted]
    flags = [
        np.full(len(exponent), turn)
        for (_, exponent), (_, turn) in zip(streams, wanted, strict=True)
    ]
    code, exponent = (np.concatenate(parts) for parts in zip(*streams, strict=True))
    code, exponent = transposer.transpose(TRANSPOSER, code, exponent, np.concatenate(flags))
    matrices, at = [], 0
    for (blocks, turn), part in zip(wanted, flags, strict=True):
        shape = blocks.shape[::-1] if turn else blocks.shape
        end = at + len(part)
        matrices.append(assemble(code[at:end], exponent[at:end], FORMAT, shape))
        at = end
    return matrices


def test_tensors_quantized_once_serve_all_three_passes():
    rng = np.random.default_rng(1)
    samples, inputs, outputs = 20, 27, 13
    shapes = {"x": (samples, inputs), "w": (outputs, inputs), "g": (samples, outputs)}
    tensors = {n: rng.standard_normal(shape).astype(np.float32) for n, shape in shapes.items()}
    x, w, g = _convert(tensors).values()

    # The array takes both operands by lines along the reduction, so that three are transposed.
    plain_x, plain_w, plain_g, columns_w, columns_g, columns_x = _read(
        [(x, False), (w, False), (g, False), (w, True), (g, True), (x, True)]
    )
    passes = {
        "forward": (plain_x, plain_w, matmul(ARRAY, x, w.transposed)),
        "input gradient": (plain_g, columns_w, matmul(ARRAY, g, w)),
        "weight gradient": (columns_g, columns_x, matmul(ARRAY, g.transposed, x)),
    }
    for name, (a, b, product) in passes.items():
        assert_equal(array.matmul(ARRAY, a, b.transposed), product, context={"pass": name})
    exact = tensors["g"].T @ tensors["x"]
    assert np.abs(passes["weight gradient"][2] - exact).max() < 0.1 * np.abs(exact).max()
