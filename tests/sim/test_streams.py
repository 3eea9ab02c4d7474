"""Values of beats fit their bits."""

import numpy as np
import pytest

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
