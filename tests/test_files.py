"""Foreign files end in one worded line, whatever their parsers throw."""

import io
import zipfile

import numpy as np
import pytest

from hw.flow.synth import Liberty
from sw.approx.array import ApproxArrayParameters
from sw.cli import read_array
from sw.errors import UserError
from sw.train.network import load_weights


def npy(header: bytes, data: bytes = b"\0" * 32) -> bytes:
    """Return an .npy file of version 1.0 with a header of one's own."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


WHOLE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (8,), }\n"
DAMAGED = {
    "a bracket left open": npy(WHOLE.replace(b"}", b" ")),
    "no Python": npy(b"{'descr': '<f4' 'shape'}\n"),
    "an unknown type": npy(WHOLE.replace(b"<f4", b"<q9")),
    "a negative extent": npy(WHOLE.replace(b"8,", b"-8,")),
    "more than any memory": npy(WHOLE.replace(b"8,", b"99999999999999,")),
    "extents of 5,000 digits": npy(WHOLE.replace(b"8,", b"9" * 5000 + b",")),
    "no data": npy(WHOLE, b""),
    "an unknown version": b"\x93NUMPY\x09\x00" + npy(WHOLE)[8:],
    "objects": npy(WHOLE.replace(b"<f4", b"|O")),
    "a name with a null": npy(b"\0" * 40),
    "nothing": b"",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_array(tmp_path, damage):
    path = tmp_path / "x.npy"
    path.write_bytes(DAMAGED[damage])
    with pytest.raises(UserError, match=r"x\.npy must be an \.npy file of numbers") as error:
        read_array(path)
    assert "\n" not in str(error.value)


def test_numbers_beyond_binary32(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.array([1.0, np.inf, -1e39]))
    with pytest.raises(UserError, match=r"x\.npy must hold numbers of binary32, not -1e\+39$"):
        read_array(path)
    within = np.array([np.inf, np.nan, 3.4e38])
    np.save(path, within)
    assert read_array(path).tobytes() == within.astype(np.float32).tobytes()


def archive(**changes: int) -> bytes:
    """Return an .npz file of one array, whose bytes at places by name are changed."""
    stream = io.BytesIO()
    np.savez_compressed(stream, weight0=np.ones((3, 3), np.float32))
    data = bytearray(stream.getvalue())
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    for name, value in changes.items():
        place = {
            "method": central + 10,
            "flags": central + 8,
            "compressed": local + 30 + len("weight0.npy") + 24,
            "checksum": central + 16,
            "offset": central + 42,
        }[name]
        data[place] = value
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        archive(method=99),  # NotImplementedError
        archive(flags=1),  # RuntimeError: encrypted
        archive(compressed=0xFF),  # zlib.error
        archive(checksum=0x55),  # BadZipFile
        archive(offset=0x77),  # BadZipFile
        archive()[:-40],
        npy(WHOLE),
    ],
)
def test_damaged_weights(tmp_path, data):
    path = tmp_path / "w.npz"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"w\.npz must be an \.npz file of arrays weight0, bias0"):
        load_weights(path)


def test_weights_under_names_that_are_no_arrays(tmp_path):
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weight0.txt", "hello")
        file.writestr("bias0.npy", "hello")
    with pytest.raises(UserError, match=r"w\.npz must hold weight0, bias0"):
        load_weights(path)


@pytest.mark.parametrize(
    "text",
    ["rows = " + "9" * 5000, "rows = " + "[" * 5000, "rows = 4\nrows = 5", "rows = \x00", "rows"],
)
def test_damaged_configuration(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"c\.toml is not valid TOML"):
        ApproxArrayParameters.make(config=path)


def test_configuration_that_is_no_text(tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes(b"rows = '\xff'")
    with pytest.raises(UserError, match=r"c\.toml is not valid TOML: it is not text"):
        ApproxArrayParameters.make(config=path)
    with pytest.raises(UserError, match="cannot read '.*: embedded null"):
        ApproxArrayParameters.make(config="c\0.toml")


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "[" * 5000, "{a=", "nan", "inf"])
def test_damaged_override(value):
    with pytest.raises(UserError, match="^rows must be an integer from 1 to 64, not ") as error:
        ApproxArrayParameters.make(overrides=[f"rows={value}"])
    assert len(str(error.value)) < 200


LIBRARY = """library (x) {{ cell (INV) {{ area : {0}; pin (Y) {{ function : "!A"; }} }}
cell (NAND2) {{ area : 1; pin (Y) {{ function : "!(A & B)"; }} }}
cell (DFF) {{ area : 1; ff (IQ) {{}} }} }}"""


@pytest.mark.parametrize(
    ("area", "message"),
    [
        ("-1", "area of INV must be a number from 0 to 1000000000000.0, not -1.0"),
        ("1e", "area of INV must be a number from 0 to 1000000000000.0, not '1e'"),
        ("..", "area of INV must be a number from 0 to 1000000000000.0, not '..'"),
        ("1e999", "area of INV must be a number from 0 to 1000000000000.0, not inf"),
    ],
)
def test_library_with_an_area_that_is_none(tmp_path, area, message):
    path = tmp_path / "x.lib"
    path.write_text(LIBRARY.format(area))
    with pytest.raises(UserError, match=message):
        Liberty.read(path)


def test_an_array_of_objects_is_not_read(tmp_path):
    """What pickle would run as it reads does not run."""
    made = tmp_path / "made"

    class Runs:
        def __reduce__(self):
            return made.write_text, ("",)

    path = tmp_path / "x.npy"
    np.save(path, np.array([Runs()], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"x\.npy must be an \.npy file of numbers"):
        read_array(path)
    assert not made.exists()


def test_words_of_a_parser_are_one_line_and_not_long(tmp_path):
    path = tmp_path / "x.npy"
    path.write_bytes(npy(WHOLE.replace(b"<f4", b"q\\n" * 200)))
    with pytest.raises(UserError) as error:
        read_array(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(path)) + 260
