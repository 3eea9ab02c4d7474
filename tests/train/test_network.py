"""Networks: sizes, files that hold them, and damaged files refused in words."""

import numpy as np
import pytest

from sw.cli import read_array
from sw.errors import UserError
from sw.train.network import MODELS, Network, load_weights, mlp

from .slopes import Plain


def small() -> Network:
    network = mlp(5, 3, np.random.default_rng(1), (7, 6))
    rng = np.random.default_rng(2)
    for layer in network.products:
        layer.parameters["bias"][:] = rng.standard_normal(layer.parameters["bias"].shape)
    return network


def test_an_mlp_is_its_definition():
    network = small()
    x = np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32)
    arrays = network.arrays
    expected = x
    for i in range(3):
        expected = expected @ arrays[f"weight{i}"].T + arrays[f"bias{i}"]
        expected = np.maximum(expected, 0) if i < 2 else expected
    assert np.array_equal(network.forward(x, Plain()), expected)


@pytest.mark.parametrize(
    ("model", "pixels", "layers", "weights"),
    [
        # LeCun et al., Proc. IEEE 1998: 150, 2,400 (all planes connected), 30,720, 10,080 and 840.
        ("lenet", 784, 5, 150 + 2400 + 30_720 + 10_080 + 840),
        ("lenet", 64, 5, 54 + 864 + 64 * 120 + 10_080 + 840),
        # 8 layers and two shortcuts: 16, 16+16, 32+32, 64+64 kernels of 3 x 3, and 64 x 10.
        ("resnet8", 64, 10, 144 + 2 * 2304 + 4608 + 9216 + 18_432 + 36_864 + 512 + 2048 + 640),
        ("mlp", 64, 2, 64 * 32 + 32 * 10),
    ],
)
def test_sizes(model, pixels, layers, weights):
    network = MODELS[model](pixels, 10, np.random.default_rng(1))
    assert len(network.products) == layers
    assert [product.number for product in network.products] == list(range(layers))
    assert sum(p.parameters["weight"].size for p in network.products) == weights
    assert network.forward(np.zeros((2, pixels), np.float32), Plain()).shape == (2, 10)


def test_arrays_are_numbered_by_layers():
    names = list(MODELS["resnet8"](64, 10, np.random.default_rng(1)).arrays)
    assert names[:8] == [
        *("weight0", "bias0", "scale1", "shift1", "mean1", "variance1", "weight2", "bias2")
    ]


def test_round_trip(tmp_path):
    network = small()
    network.save(tmp_path / "weights.npz")
    again = load_weights(tmp_path / "weights.npz").arrays
    assert list(again) == list(network.arrays)
    for name, array in network.arrays.items():
        assert np.array_equal(array, again[name])
    assert [p.name for p in tmp_path.iterdir()] == ["weights.npz"]


def test_nothing_is_left_of_a_failed_save(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write .*folder: Is a directory"):
        small().save(tmp_path / "folder")
    with pytest.raises(UserError, match="cannot write .*: No such file or directory"):
        small().save(tmp_path / "none" / "weights.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def with_value(value: float) -> np.ndarray:
    weight = small().arrays["weight1"]
    weight[2, 3] = value
    return weight


@pytest.mark.parametrize(
    "change, message",
    [
        ({"weight1": with_value(np.nan)}, r"weight1\[2, 3\] must be finite, not nan"),
        ({"weight1": with_value(-np.inf)}, r"weight1\[2, 3\] must be finite, not -inf"),
        (
            {"weight1": np.ones((6, 8), np.float32)},
            r"weight1 and bias1 must be \(n, 7\) and \(n,\), not \(6, 8\) and \(6,\)",
        ),
        (
            {"bias2": np.ones(4, np.float32)},
            r"weight2 and bias2 must be \(n, 6\) and \(n,\), not \(3, 6\) and \(4,\)",
        ),
        ({"weight0": np.ones((7, 5))}, r"weight0 must be float32 with 2 axes, not float64 of"),
        ({"weight0": np.ones(5, np.float32)}, r"weight0 must be float32 with 2 axes, not float32"),
        ({"bias0": np.ones((1, 7), np.float32)}, "bias0 must be float32 with 1 axes, not float32"),
        ({"weight0": np.ones((7, 0), np.float32)}, "weight0 must be float32 with 2 axes, not"),
        ({"extra": np.ones(1)}, "must hold weight0, bias0, weight1, …, not bias0, bias1, bias2,"),
        ({"weight0": np.array([{}])}, "must be an .npz file of arrays weight0, bias0"),
    ],
)
def test_bad_arrays(tmp_path, change, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **small().arrays | change)
    with pytest.raises(UserError, match=message) as caught:
        load_weights(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bad_files(tmp_path):
    path = tmp_path / "weights.npz"
    with pytest.raises(UserError, match="^cannot read .*: No such file or directory$"):
        load_weights(path)
    with pytest.raises(UserError, match="^cannot read .*: Is a directory$"):
        load_weights(tmp_path)
    small().save(path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:300], whole[:-30], b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="must be an .npz file of arrays weight0"):
            load_weights(path)
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 255]) + whole[101:])
    with pytest.raises(UserError):
        load_weights(path)
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(UserError, match="must be an .npz file of arrays"):
        load_weights(tmp_path / "one.npy")
    np.savez(path)
    with pytest.raises(UserError, match="must hold weight0, bias0, weight1, …, not nothing"):
        load_weights(path)


def test_damaged_files_are_refused(tmp_path):
    """NumPy's parsers throw TokenError, KeyError, zlib.error and a dozen others."""
    path = tmp_path / "weights.npz"
    small().save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            load_weights(path)
        except UserError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 50


@pytest.mark.parametrize(
    "content",
    [
        b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',\n",
        b"\x93NUMPY\x01\x00\x10\x00((((((((((((((((",
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999,), }".ljust(77)
        + b"\n",
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        b"\x93NUMPY\x09\x00" + bytes(80),
    ],
)
def test_damaged_headers_are_refused(tmp_path, content):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    for read in (load_weights, read_array):
        with pytest.raises(UserError, match="x.npy must be an .np[yz] file of"):
            read(path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = tmp_path / "weights.npz"
    small().save(path)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag of the first member, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(UserError, match="must be an .npz file of arrays weight0, bias0"):
        load_weights(path)
