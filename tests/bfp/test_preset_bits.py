"""What presets of blocks must never change: the bits on the wire, and the digests in manifests.

The mantissas of ``fb12``, ``mxint8`` and ``hbfp`` under known words follow from the publications'
formulas (tests/bfp/reference.py has them); all literals were taken from this project's code when
formats were one flat class, before they were made of an element, a scale and a block.
"""

import numpy as np
import pytest

from sw.formats import BLOCK_FORMATS, BOX_FORMATS, BlockFormat, read_format
from sw.formats.blocks import decode
from sw.formats.converter import ConverterParameters
from sw.formats.quantize import quantize

X = np.array(
    [0, 0.1, -0.25, 0.3, 0.5, -0.75, 1, 1.25, -1.75, 2.5, 3.4, -3.5, 5, 6.9, -7, 0.01], np.float32
)
WORDS = np.arange(16) * 37 % 256
SHAPES = {1: (16,), 2: (4, 4), 4: (1, 4, 2, 2)}

# Codes of the scales, and of the elements.
BITS = """
fb12: 129: 0 0 0 0 1 11 2 2 13 5 6 17 a d 1e 0
fb12_sign_inside: 129: 0 0 0 0 0 0 1 1 9 2 3 b 5 6 f 0
fb12_linear: 129: 0 0 0 0 1 11 2 2 13 5 6 17 a d 1e 0
fb16: 129: 0 3 108 9 10 118 20 28 138 50 6c 170 a0 dc 1e0 0
fb16_sign_inside: 129: 0 1 84 4 8 8c 10 14 9c 28 36 b8 50 6e f0 0
fb16_linear: 128,129: 0 6 110 13 20 130 40 50 170 a0 d9 1e0 a0 dc 1e0 0
fb24: 129: 0 333 10800 999 1000 11800 2000 2800 13800 5000 6ccc 17000 a000 dccc 1e000 51
fb24_sign_inside: 129: 0 199 8400 4cc 800 8c00 1000 1400 9c00 2800 3666 b800 5000 6e66 f000 28
fb24_linear: 126,128,129: 0 1999 14000 4ccc 8000 1c000 4000 5000 17000 a000 \
d999 1e000 a000 dccc 1e000 51
hbfp4: 513: 0 0 0 0 1 9 1 1 9 2 3 c 5 7 f 0
hbfp4_8x8: 513: 0 0 0 0 1 9 1 1 9 2 3 c 5 7 f 0
hbfp6: 513: 0 0 21 1 2 23 4 5 27 a e 2e 14 1c 3c 0
hbfp6_8x8: 513: 0 0 21 1 2 23 4 5 27 a e 2e 14 1c 3c 0
hbfp8: 513: 0 1 84 5 8 8c 10 14 9c 28 36 b8 50 6f f0 0
hbfp8_8x8: 513: 0 1 84 5 8 8c 10 14 9c 28 36 b8 50 6f f0 0
hbfp12: 513: 0 19 840 4d 80 8c0 100 140 9c0 280 366 b80 500 6e7 f00 2
hbfp12_8x8: 513: 0 19 840 4d 80 8c0 100 140 9c0 280 366 b80 500 6e7 f00 2
msfp12: 129: 0 0 0 0 0 9 1 1 a 2 3 c 5 7 f 0
msfp16: 129: 0 2 84 5 8 8c 10 14 9c 28 36 b8 50 6e f0 0
mxint8: 129: 0 2 fc 5 8 f4 10 14 e4 28 36 c8 50 6e 90 0
fb12_box: 129: 0 0 0 0 1 11 2 2 13 5 6 17 a d 1e 0
fb16_box: 129: 0 3 108 9 10 118 20 28 138 50 6c 170 a0 dc 1e0 0
fb24_box: 129: 0 333 10800 999 1000 11800 2000 2800 13800 5000 6ccc 17000 a000 dccc 1e000 51
"""
# Of a converter of one lane.
DIGESTS = """
fb12: 2508546eb39f42ce
fb12_sign_inside: 4f28fb643c0840dc
fb12_linear: ab996c418f97b540
fb16: 2ac6076c86e333f8
fb16_sign_inside: faf6055a54870a99
fb16_linear: f2ad6507d78a9da2
fb24: a8227dfb0fb4f435
fb24_sign_inside: 92bdf16777074d14
fb24_linear: 970265df9cdf4785
hbfp4: 84165a09be16d271
hbfp4_8x8: e91060fa9053fd29
hbfp6: eefc9b8be93736dd
hbfp6_8x8: 8f9faada193e0766
hbfp8: 3ffec06aecfe3ffe
hbfp8_8x8: 901cbbcf78dd4983
hbfp12: 8b2874f822f4a569
hbfp12_8x8: d81bcedc2ed3053a
msfp12: 070ba033a0ed6117
msfp16: 0bf59694c1f98ba1
mxint8: 67aa6331ddb28c71
fb12_box: cb17823809a8ea73
fb16_box: 0c5af9dcb2328718
fb24_box: 77580db98d48c2f1
"""
FROZEN = BITS.split("\n")[1:-1]
PRESETS = BLOCK_FORMATS | BOX_FORMATS


def bits(format: BlockFormat) -> str:
    """The codes of `X` as a line of `BITS`."""
    shape = SHAPES[len(format.block)]
    blocks = quantize(X.reshape(shape), format, random=WORDS.reshape(shape))
    assert np.array_equal(decode(blocks.code, format), blocks.mantissa)
    scales = ",".join(map(str, blocks.exponent.ravel()))
    return f"{format.name}: {scales}: {' '.join(f'{code:x}' for code in blocks.code.ravel())}"


def test_digests():
    lines = [f"{n}: {ConverterParameters(format=f, lanes=1).digest}" for n, f in PRESETS.items()]
    assert lines == DIGESTS.split("\n")[1:-1]


def test_every_preset_is_frozen():
    assert [line.partition(":")[0] for line in FROZEN] == list(PRESETS)


@pytest.mark.parametrize("line", FROZEN, ids=PRESETS)
def test_bits(line):
    assert bits(PRESETS[line.partition(":")[0]]) == line


def test_planted_change_of_bits():
    """A scale's bias, an element's wire and a rounding would each be seen."""
    for change in ({"exponent_bits": 9}, {"twos_complement": True}, {"rounding": "nearest_away"}):
        assert bits(read_format({"preset": "fb12", "name": "fb12", **change})) not in FROZEN
