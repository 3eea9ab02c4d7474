"""Drivers of a unit whose streams carry the beats of an array in parts."""

import random
from typing import Any

import numpy as np
import pytest

from delivery.driver import driver_files
from hw.units import UNITS
from tests.bfp.test_array_shell import by_hand, operands

from .drivers import CDriver, manifest, python_driver, write
from .jobs import c_product, c_tiles, lines
from .test_packers import check

SMALL: Any = UNITS["array_shell"].small
ONE: Any = UNITS["array_shell"].second


def drivers(folder, p, change=lambda text: text):
    """Return the drivers in C and Python, with a fault if so."""
    described = manifest("array_shell", p)
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
