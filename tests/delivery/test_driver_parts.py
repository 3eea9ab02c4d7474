"""Drivers of a unit whose streams carry the beats of an array in parts."""

import random
from typing import Any

import numpy as np
import pytest

from delivery.driver import driver_files
from hw.units import UNITS
from sim.matrix_beats import element_bits, packet_of
from sim.tiles import operand
from tests.bfp.test_array_shell import by_hand, operands

from .drivers import CDriver, manifest, python_driver, write
from .jobs import c_product, c_tiles, lines
from .test_packers import check

SMALL: Any = UNITS["array_shell"].small
ONE: Any = UNITS["array_shell"].second


def drivers(folder, p, change=lambda text: text, unit="array_shell"):
    """Return the drivers in C and Python, with a fault if so."""
    described = manifest(unit, p)
    write(folder, "shell", described, change)
    return CDriver(folder, "shell", described, bus=False), python_driver(folder, "shell")


def given(p, values):
    """Return the beats of a product: rows of tiles, each filled up to whole beats of the port."""
    m, n = values.shape
    down, across = -(-m // p.rows), -(-n // p.columns)
    padded = np.full((down * p.rows, across * p.columns), 0xDEADBEEF, np.uint32)
    padded[:m, :n] = values
    beats, size = [], p.port_bits // 8
    for r in range(down):
        for c in range(across):
            for row in padded[r * p.rows : (r + 1) * p.rows]:
                word = row[c * p.columns : (c + 1) * p.columns].tobytes()
                word = word.ljust(-(-len(word) // size) * size, b"\0")
                beats += [word[at : at + size] for at in range(0, len(word), size)]
    return beats


def check_matrices(p, driver, module):
    """Compare what the drivers make of matrices with the definition."""
    m, n = 3 * p.rows - 1, 3 * p.columns
    a, b = operands(p, m, n, 2)
    known = {
        "a": by_hand(p, a.code, a.codes(0), p.rows),
        "b": by_hand(p, b.code.T, b.codes(1).T, p.columns),
    }
    for name, parts in lines(a, b).items():
        tiles = c_tiles(driver, name, parts, a.shape[1])
        assert tiles == module.tiles(name, parts, a.shape[1])
        assert b"".join(beat for tile in tiles for beat in tile) == known[name]
        assert {len(beat) for tile in tiles for beat in tile} == {p.port_bits // 8}
    values = np.arange(m * n, dtype=np.uint32).reshape(m, n)
    beats = given(p, values)
    assert np.array_equal(c_product(driver, beats, m, n), values)
    assert module.product(beats, m, n) == values.tolist()


def test_words_and_matrices_in_parts(tmp_path):
    for p in (SMALL, ONE):
        folder = tmp_path / str(p.inputs)
        folder.mkdir()
        driver, module = drivers(folder, p)
        check_matrices(p, driver, module)
        check(driver, module, random.Random(1))


OTHERS = [
    (unit, p)
    for unit in ("approx_array_shell", "multimode_array_shell")
    for p in (UNITS[unit].small, UNITS[unit].second)
]


@pytest.mark.parametrize(("unit", "p"), OTHERS)
def test_operands_of_the_other_arrays_are_those_of_the_benches(tmp_path, unit, p):
    driver, module = drivers(tmp_path, p, unit=unit)
    [text] = (file.read_text() for file in tmp_path.rglob("shell.h"))
    rng, k = np.random.default_rng(1), 5
    for name, order in driver.manifest["matrices"]["operands"].items():
        fields = {f["name"]: f for f in packet_of(driver.manifest["streams"], order)["fields"]}
        parts = {}
        for field, part in order["parts"].items():
            size = 2 * order["lines"] - 1, -(-k // part["every"])
            parts[field] = rng.integers(0, 1 << element_bits(part, fields[field]), size)
        known = operand(driver.manifest, name, parts, k)
        tiles = c_tiles(driver, name, parts, k)
        assert tiles == [[beat.tobytes() for beat in tile] for tile in known]
        assert tiles == module.tiles(name, parts, k)
        # Of one stream the columns come first.
        place = "behind all of b" if order["side"] == "rows" else "before all of a"
        assert (place in text) == (p.inputs == 1)


@pytest.mark.parametrize(("unit", "p"), OTHERS)
def test_products_of_the_other_arrays(tmp_path, unit, p):
    driver, module = drivers(tmp_path, p, unit=unit)
    matrices, rng = driver.manifest["matrices"], np.random.default_rng(2)
    for name, order in matrices["products"].items():
        high, wide = (matrices["operands"][order[side]]["lines"] for side in "ab")
        rows = rng.integers(0, 1 << 32, (4 * order["beats"], p.columns), np.uint32)
        size, whole = p.port_bits // 8, p.result_beats * p.port_bits // 8
        words = [row.tobytes().ljust(whole, b"\0") for row in rows]
        beats = [word[at : at + size] for word in words for at in range(0, whole, size)]
        found = c_product(driver, beats, 2 * high, 2 * wide, name)
        assert found.tolist() == module.product(beats, 2 * high, 2 * wide, name)
        # The first result of the first tile and of the last, and the last of all.
        assert found[0, 0] == rows[0, 0] and found[high, wide] == rows[3 * order["beats"], 0]
        assert found[-1, -1] == rows[-1, -1]


FAULTS = {
    "beats of a tile in C": ("parts_of(places, 4u) * 4u;", "parts_of(places, 4u) * 2u;"),
    "bytes of a word in C": ("beats += 8u", "beats += 4u"),
    "the cut of a word in Python": ('// stream.get("beats", 1)', ""),
    "the parts of a row in Python": ("* parts : (number", "* 2 : (number"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(tmp_path, fault):
    old, new = FAULTS[fault]
    changed = []

    def change(text):
        changed.append(old in text)
        return text.replace(old, new)

    found = drivers(tmp_path, SMALL, change)
    assert any(changed)
    with pytest.raises((AssertionError, ValueError)):
        check_matrices(SMALL, *found)


def test_drivers_have_packers_of_matrices_only_where_there_are_any():
    for name, some in (("bfp_dot", False), ("bfp_array", True), ("array_shell", True)):
        text = driver_files(name, manifest(name, UNITS[name].small))[f"driver/{name}.py"]
        assert ("def tile_beats" in text) == ("def product_matrix" in text) == some
        assert ("Sequence" in text) == some
