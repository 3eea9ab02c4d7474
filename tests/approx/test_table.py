"""Tables: files in both layouts, users' functions, and what is wrong with them."""

import numpy as np
import pytest

from sw.approx.names import fractions
from sw.approx.table import LAYOUTS, Table, function, make, read, write
from sw.errors import UserError

OWN = '''
def floor(a, b, bits):
    """The exact product."""
    return a * b

def halves(a, b, bits):
    return a * b / 2

def large(a, b, bits):
    return 4 << 2 * bits

def leaves(a, b, bits):
    raise SystemExit(0)

def broken(a, b, bits):
    return a // (b - b)

number = 3
'''


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own_multiplier.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize("bits", range(1, 12))
def test_a_file_comes_back(bits, tmp_path):
    rng = np.random.default_rng(bits)
    table = Table(name="random", bits=bits, entries=rng.integers(0, 2 << bits, 4**bits))
    for layout in LAYOUTS:
        if layout == "byte" and bits > 7:
            with pytest.raises(UserError, match="in layout byte must be an integer from 1 to 7"):
                write(table, tmp_path / f"x_{bits}.bin", layout)
            assert not any(tmp_path.iterdir())
            continue
        path = tmp_path / f"{layout}_{bits}.bin"
        write(table, path, layout)
        assert path.stat().st_size == 4**bits * (1 if layout == "byte" else 4)
        assert np.array_equal(read(path).entries, table.entries)
        assert read(path, bits).bits == bits


def test_words():
    """By ApproxTrain's description: bit 31 the carry, the fraction in bits 22..0."""
    table = Table(name="x", bits=2, entries=np.arange(16) % 8)
    assert table.codes(1, 3) == 7


def test_word_layout(tmp_path):
    path = tmp_path / "t_1.bin"
    write(Table(name="x", bits=1, entries=np.array([0, 1, 2, 3])), path, "word")
    assert path.read_bytes() == bytes.fromhex("00000000 00004000 00000080 00004080")
    write(Table(name="x", bits=1, entries=np.array([0, 1, 2, 3])), path, "byte")
    assert path.read_bytes() == bytes.fromhex("00018081")


def test_a_users_function(own, monkeypatch):
    name = f"{own}:floor"
    assert np.array_equal(make(name, 5).entries, make("exact", 5).entries)
    monkeypatch.syspath_prepend(own.parent)
    assert function("own_multiplier:floor")(2, 3, 1) == 6
    seen = []
    make("own_multiplier:floor", 3, lambda done, total: seen.append((done, total)))
    assert seen == [(i, 8) for i in range(1, 9)]


@pytest.mark.parametrize(
    "name, text",
    [
        ("halves", ":halves of 4, 4 and 2 must be an integer from 16 to 63, not 8.0"),
        ("large", ":large of 4, 4 and 2 must be an integer from 16 to 63, not 64"),
        ("broken", ":broken of 4, 4 and 2 failed: ZeroDivisionError: "),
        ("leaves", ":leaves of 4, 4 and 2 failed: SystemExit: 0"),
        ("number", " must have a function 'number'"),
        ("none", " must have a function 'none'"),
    ],
)
def test_wrong_functions(own, name, text):
    with pytest.raises(UserError) as caught:
        make(f"{own}:{name}", 2)
    assert text in str(caught.value)


def test_modules_that_cannot_be_imported(tmp_path):
    with pytest.raises(UserError, match="cannot import 'no_such_module': ModuleNotFoundError"):
        function("no_such_module:f")
    with pytest.raises(UserError, match="cannot read .*none.py: no such file"):
        function(f"{tmp_path}/none.py:f")
    (tmp_path / "bad.py").write_text("def f(:")
    with pytest.raises(UserError, match=r"cannot import .*bad.py': SyntaxError"):
        function(f"{tmp_path}/bad.py:f")


def test_wrong_files(tmp_path):
    def put(name: str, data: bytes):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    cases = [
        (put("mbm.bin", b""), r"must end in its bits, as in mbm_7.bin, not 'mbm.bin'"),
        (put("mbm_12.bin", b""), "bits of a table must be an integer from 1 to 11, not 12"),
        (put("mbm_2.bin", bytes(15)), r"mbm_2.bin must hold 16 or 64 bytes, a table of 2 bits"),
        (put("mbm_8.bin", bytes(15)), r"mbm_8.bin must hold 262144 bytes, a table of 8 bits"),
        (put("a_1.bin", b"\0\1\2\0"), "nothing but carry and fraction in each byte, not 0x2 at 2"),
        (put("b_1.bin", bytes(15) + b"\x7f"), "in each word, not 0x7f000000 at 3"),
        (tmp_path / "gone_3.bin", "cannot read .*gone_3.bin: No such file"),
    ]
    for path, text in cases:
        with pytest.raises(UserError, match=text):
            read(path)


def test_wrong_output(tmp_path):
    with pytest.raises(UserError, match="name of the table must end in _3.bin, not 'mbm_7.bin'"):
        write(make("mbm", 3), tmp_path / "mbm_7.bin", "byte")


def test_wrong_entries():
    with pytest.raises(UserError, match=r"entries must have the shape \(16,\), not"):
        Table(name="x", bits=2, entries=np.zeros(15, np.int64))
    with pytest.raises(UserError, match="entries must be from 0 to 7, not 8 at index 3"):
        Table(name="x", bits=2, entries=np.array([0, 0, 0, 8] * 4))


@pytest.mark.parametrize(
    "text, name, bits",
    [
        ("mbm", "mbm", 7),
        ("mbm5", "mbm", 5),
        ("mbm:5", "mbm", 5),
        ("mitchell23", "mitchell", 23),
        ("realm8", "realm8", 7),
        ("realm8:5", "realm8", 5),
        ("exact_nearest10", "exact_nearest", 10),
        ("drum6:9", "drum6", 9),
    ],
)
def test_names(text, name, bits):
    found = fractions(text)
    assert found is not None and (found.name, found.bits) == (name, bits)


def test_wrong_names(tmp_path):
    for text in ("hbfp6", "mbn", "mbm7x", "ex act"):
        assert fractions(text) is None
    cases = [
        ("lut:", "lut must be followed by a file, as in lut:mbm_7.bin, not 'lut:'"),
        ("mbm:x", "bits of mbm must be an integer, not 'x'"),
        ("mbm24", "bits of mbm must be an integer from 1 to 23, not 24"),
        ("realm7", "unknown multiplier 'realm7'"),
        ("mbm:07", "bits of mbm must be an integer, not '07'"),
        (f"lut:{tmp_path}/no_3.bin", "cannot read"),
    ]
    for text, message in cases:
        with pytest.raises(UserError) as caught:
            fractions(text)
        assert str(caught.value).startswith(message)
    path = tmp_path / "own_3.bin"
    write(make("mbm", 3), path, "byte")
    found = fractions(f"lut:{path}")
    assert found is not None and found.bits == 3
