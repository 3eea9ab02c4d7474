"""Jobs by drivers in C and Python in the Verilog, through a bus model."""

import ctypes
from typing import Any

import numpy as np
import pytest

from hw.units import UNITS
from sw.approx.array import ApproxArrayParameters, cut
from sw.approx.array import matmul as approx_product
from sw.bfp.dot import dot
from sw.formats.binary32 import to_bits

from .drivers import CDriver, write
from .jobs import (
    POLLS,
    Bus,
    K,
    M,
    N,
    blocks,
    c_job,
    c_product,
    c_tiles,
    deliver,
    event,
    lines,
    operands,
    running,
    send,
    sizes,
)
from .rtl import Rtl


def test_a_job_in_c(array):
    driver, _, rtl = array
    with running(driver, rtl):
        assert driver.call("init", driver.base) == "done"
        for seed in (1, 2):
            found, product = c_job(driver, rtl, seed=seed)
            assert np.array_equal(found, product)


def test_a_job_in_python(array):
    _, module, rtl = array
    a, b, product = operands()
    with rtl:
        device = module.Device(Bus(rtl))
        device.set_size(M, N, K)
        device.start()
        send(rtl, {n: module.tiles(n, parts, K) for n, parts in lines(a, b).items()})
        assert device.wait("done", polls=POLLS) == ["done"]
        assert module.product(rtl.take("m_axis"), M, N) == product.tolist()
        assert device.read("tile_rows") == 2 and device.read("cycles") > 0
        device.clear_counters()
        assert device.read("cycles") == 0 and device.events() == ["done"]


def test_tiles_are_the_same_in_c_and_python_and_by_the_definition(array):
    driver, module, _ = array
    for name, parts in lines(*operands()[:2]).items():
        tiles = c_tiles(driver, name, parts, K)
        assert tiles == module.tiles(name, parts, K)
        # Two lanes, two beats a block: the elements of a beat line by line, then the codes.
        width = len(parts["mantissa"]), 2 if name == "a" else 1
        for t, tile in enumerate(tiles):
            for j, beat in enumerate(tile):
                here = range(t * width[1], (t + 1) * width[1])
                inside = [line if line < width[0] else None for line in here]
                elements = [
                    0
                    if line is None or 2 * j + lane >= K
                    else int(parts["mantissa"][line][2 * j + lane])
                    for line in inside
                    for lane in range(2)
                ]
                codes = [
                    0 if line is None else int(parts["exponent"][line][j // 2]) for line in inside
                ]
                fields = {"mantissa": elements, "exponent": codes}
                assert module.unpack(f"s_axis_{name}", beat) == fields


def test_an_interrupt(array):
    driver, module, rtl = array
    events, done = ctypes.c_uint32(7), event(driver, "done")
    with running(driver, rtl):
        assert driver.call("irq_enable", done) == "done"
        assert driver.call("irq_handle", ctypes.byref(events)) == "done"
        assert (events.value, rtl.irq) == (0, False)
        c_job(driver, rtl)
        assert rtl.irq
        assert driver.call("irq_handle", ctypes.byref(events)) == "done"
        assert (events.value, rtl.irq) == (done, False)
        assert driver.call("irq_enable", 0) == "done"
        c_job(driver, rtl)
        assert not rtl.irq
        device = module.Device(Bus(rtl))
        device.irq_enable("done", "refused")
        assert rtl.irq
        assert (device.irq_handle(), rtl.irq, device.irq_handle()) == (["done"], False, [])


def test_dot_products_in_c(tmp_path):
    parameters: Any = UNITS["bfp_dot"].small
    delivered, driver, _ = deliver(tmp_path, "bfp_dot", parameters)
    rng = np.random.default_rng(3)
    form = parameters.format
    a, b = (blocks(rng, rng.normal(size=(3, 4)), form, -1) for _ in range(2))
    with running(driver, Rtl(tmp_path, delivered.design)) as rtl:
        assert driver.call("init", driver.base) == "done"
        for block in range(3):
            for stream, x in (("s_axis_a", a), ("s_axis_b", b)):
                pairs = x.code[block].reshape(2, 2).tolist()
                code = x.codes(-2)[block].tolist()
                beats = [driver.pack(stream, {"mantissa": p, "exponent": code}) for p in pairs]
                rtl.give(stream, beats)
        status = ctypes.c_uint32()
        rtl.wait(40)
        assert driver.call("status", ctypes.byref(status)) == "done" and status.value == 0
        found = [driver.unpack("m_axis", beat)["result"][0] for beat in rtl.take("m_axis")]
        assert found == to_bits(dot(parameters, a, b)).ravel().tolist()


def test_an_approximate_product_in_c(tmp_path):
    parameters = ApproxArrayParameters(rows=2, columns=2)
    delivered, driver, module = deliver(tmp_path, "approx_array", parameters)
    m, n, k = 12, 3, 3
    rng = np.random.default_rng(4)
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((m, k), (k, n)))
    parts = {"a": cut(a, parameters.format), "b": cut(b, parameters.format).T}
    tiles = {name: c_tiles(driver, name, {"value": part}, k) for name, part in parts.items()}
    for name, part in parts.items():
        assert tiles[name] == module.tiles(name, {"value": part}, k)
    with running(driver, Rtl(tmp_path, delivered.design)) as rtl:
        status = ctypes.c_uint32()
        assert driver.call("init", driver.base) == "done"
        assert driver.call("product_size", *sizes(m, n, k)) == "done"
        assert driver.call("start") == "done"
        send(rtl, tiles)
        assert driver.call("wait", event(driver, "done"), POLLS, ctypes.byref(status)) == "done"
        beats = rtl.take("m_axis")
        expected = to_bits(approx_product(parameters, a, b))
        assert np.array_equal(c_product(driver, beats, m, n), expected)
        assert module.product(beats, m, n) == expected.tolist()


FAULTS = {
    "the offset of a register": ("REG_TILE_ROWS 0x28u", "REG_TILE_ROWS 0x2cu"),
    "the bit of an event": ("REFUSED_MASK 0x00000040u", "REFUSED_MASK 0x00000100u"),
    "the command": ("CONTROL_START_MASK 0x00000004u", "CONTROL_START_MASK 0x00000001u"),
    "the line of a value": ("tile * 2u + value / 2u", "tile * 2u + value % 2u"),
    "the place of a value": ("place = beat * 2u + value % 2u", "place = beat * 2u"),
    "the block of a code": ("place = beat / 2u", "place = beat"),
    "the column of a result": ("tile % across * 1u", "tile / across * 1u"),
    "the size of a block": ("depth = parts_of(k, 4u)", "depth = parts_of(k, 2u)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(array, tmp_path, fault):
    good, _, rtl = array
    old, new = FAULTS[fault]
    texts = write(tmp_path, "my_array", good.manifest, lambda text: text.replace(old, new))
    assert any(new in text for text in texts.values())
    driver = CDriver(tmp_path, "my_array", good.manifest)
    with running(driver, rtl), pytest.raises(AssertionError):
        found, product = c_job(driver, rtl)
        assert np.array_equal(found, product)
