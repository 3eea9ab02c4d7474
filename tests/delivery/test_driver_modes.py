"""Drivers of the array of several precisions: elements in parts of words, many products."""

import ctypes
from typing import Any

import numpy as np
import pytest

from hw.units import UNITS
from sim.tiles import operand
from sw.bfp.multimode_array import FAMILIES, MultimodeParameters, matmul
from sw.formats.binary32 import to_bits

from .drivers import CDriver, manifest, python_driver, write
from .jobs import POLLS, Bus, blocks, c_product, c_tiles, deliver, event, running, send, sizes
from .rtl import Rtl

PARAMETERS: Any = UNITS["bfp_multimode_array"].small
BITS = (4, 8, 16)


def operands(form_a, form_b, *, m, n, k):
    """Return blocks of both operands."""
    rng = np.random.default_rng(m)
    a = blocks(rng, rng.normal(size=(m, k)), form_a, 1)
    return a, blocks(rng, rng.normal(size=(k, n)), form_b, 0)


def lines(a, b):
    return (
        {"word": a.code, "exponent": a.codes(0)},
        {"word": b.code.T, "exponent": b.codes(1).T},
    )


def test_jobs_of_several_precisions(tmp_path):
    delivered, driver, module = deliver(tmp_path, "bfp_multimode_array", PARAMETERS)
    status = ctypes.c_uint32()
    k = 5
    with running(driver, Rtl(tmp_path, delivered.design)) as rtl:
        device = module.Device(Bus(rtl))
        for (mode_a, mode_b), (m, n) in {(0, 1): (7, 3), (2, 0): (2, 5), (1, 2): (3, 2)}.items():
            a, b = operands(PARAMETERS.formats[mode_a], PARAMETERS.formats[mode_b], m=m, n=n, k=k)
            names = f"a_{BITS[mode_a]}", f"b_{BITS[mode_b]}"
            product = f"product_{BITS[mode_a]}_{BITS[mode_b]}"
            parts = dict(zip(names, lines(a, b), strict=True))
            tiles = {name: c_tiles(driver, name, part, k) for name, part in parts.items()}
            for name, part in parts.items():
                assert module.tiles(name, part, k) == tiles[name]
            device.set_size(m, n, k, product)
            assert driver.call(f"{product}_size", *sizes(m, n, k)) == driver.call("start") == "done"
            send(rtl, tiles)
            done = event(driver, "done")
            assert driver.call("wait", done, POLLS, ctypes.byref(status)) == "done"
            beats = rtl.take("m_axis")
            expected = to_bits(matmul(PARAMETERS, a, b))
            assert np.array_equal(c_product(driver, beats, m, n, product), expected)
            assert module.product(beats, m, n, product) == expected.tolist()
        size = "a size is 0, or beyond what its register holds"
        assert driver.call("product_16_16_size", *sizes(1 << 16, 1 << 16, 1)) == size
        assert driver.call("product_16_16_size", *sizes(1, 1, 1 << 32)) == size
        with pytest.raises(
            module.DriverError, match="is no size for the unit: tiles is 4294967296"
        ):
            device.set_size(1 << 16, 1 << 16, 1, "product_16_16")


def small(folder, family, change=lambda text: text):
    """Return the drivers in C and Python of a family."""
    described = manifest(
        "bfp_multimode_array", MultimodeParameters(rows=1, columns=1, family=family)
    )
    write(folder, "array", described, change)
    return CDriver(folder, "array", described, bus=False), python_driver(folder, "array")


def by_hand(format, code, inside):
    """Return the words of rows (words, elements, steps) of codes with a sign above a magnitude."""
    size = 16 // code.shape[1]
    words = 0
    for part in range(code.shape[1]):
        sign, magnitude = np.divmod(code[:, part], 1 << format.element.bits - 1)
        words = words | magnitude << size * part
        words = words | sign << (size * part + size - 1 if inside else 16 + part)
    return words


@pytest.mark.parametrize("family", ["flexblock", "boosters", "mxfp6_e2m3"])
def test_words(tmp_path, family):
    driver, module = small(tmp_path, family)
    for form, bits in zip(FAMILIES[family], BITS, strict=True):
        a, _ = operands(form, form, m=16 // bits, n=1, k=5)
        part = lines(a, a)[0]
        [tile] = c_tiles(driver, f"a_{bits}", part, 5)
        assert [tile] == module.tiles(f"a_{bits}", part, 5)
        assert [bytes(b) for b in operand(driver.manifest, f"a_{bits}", part, 5)[0]] == tile
        found = [module.unpack("s_axis_a", beat) for beat in tile]
        words = by_hand(form, a.code.astype(int)[None], family != "flexblock")
        if family.startswith("mx") and bits < 16:
            words = (a.code.astype(int) << bits * np.arange(16 // bits)[:, None]).sum(0)
        assert [beat["word"] for beat in found] == np.reshape(words, (-1, 1)).tolist()
        codes = a.codes(0)[:, 0].tolist() + [0] * (4 - 16 // bits)
        assert [beat["exponent"] for beat in found] == [codes] * 5
        assert [beat["mode"] for beat in found] == [[BITS.index(bits)]] * 5


FAULTS = {
    "the place of signs": ("16u + part * 1u", "16u + part * 2u"),
    "the mode": ("put(beats, 52u, 2u, 1u)", "put(beats, 52u, 2u, 0u)"),
    "codes beyond those in use": ("value % 4u < 2u && ", ""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(tmp_path, fault):
    changed = []

    def change(text):
        changed.append(FAULTS[fault][0] in text)
        return text.replace(*FAULTS[fault])

    driver, module = small(tmp_path, "flexblock", change)
    assert any(changed)
    form = FAMILIES["flexblock"][1]
    part = lines(*operands(form, form, m=4, n=1, k=5))[0]
    part["word"][:] |= 1 << 8
    part["exponent"][:] = 3
    assert c_tiles(driver, "a_8", part, 5) != module.tiles("a_8", part, 5)
