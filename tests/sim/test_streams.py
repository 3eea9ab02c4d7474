"""Values of beats fit their bits, and come back from them."""

import numpy as np
import pytest

from sim.bench import assert_equal
from sim.streams import pack, unpack
from sw.errors import UserError

STREAM = {
    "bytes": 2,
    "fields": [
        {"name": "x", "bits": 5, "count": 2, "offset": 0},
        {"name": "y", "bits": 1, "count": 1, "offset": 10},
    ],
}


def test_values_to_both_ends():
    packed = pack(STREAM, {"x": np.array([[31, -32], [-1, 7]]), "y": np.array([True, False])})
    assert packed.tolist() == [[0b00011111, 0b100], [0b11111111, 0b000]]
    assert unpack(STREAM, packed)["x"].tolist() == [[31, 0], [31, 7]]


@pytest.mark.parametrize("value", [32, -33])
def test_values_beyond(value):
    with pytest.raises(UserError, match=f"^x must be from -32 to 31, not {value} at index 0, 1$"):
        pack(STREAM, {"x": np.array([[0, value]]), "y": np.array([1])})


def test_pack_and_unpack():
    fields = [
        {"name": "mantissa", "offset": 0, "bits": 10, "count": 30},
        {"name": "exponent", "offset": 300, "bits": 19, "count": 2},
    ]
    stream = {"bytes": 43, "fields": fields}
    rng = np.random.default_rng(0)
    shapes = {"mantissa": (99, 30), "exponent": (99, 2)}
    values = {name: rng.integers(0, 1 << 10, shape) for name, shape in shapes.items()}
    packed = pack(stream, values)
    beat = int.from_bytes(packed[7].tobytes(), "little")
    assert beat >> 290 & 1023 == values["mantissa"][7, 29]
    assert beat >> 319 == values["exponent"][7, 1]
    back = unpack(stream, packed)
    assert_equal(back["mantissa"], values["mantissa"])
    assert_equal(back["exponent"], values["exponent"])
    assert (pack(stream, values | {"mantissa": values["mantissa"] - 1024}) == packed).all()
    with pytest.raises(UserError, match="fields must be"):
        pack(stream, {"mantissa": values["mantissa"]})
