"""What drivers refuse, in words, and what else they do without a job's result."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from delivery.driver import driver_files, files
from delivery.parts import PARTS
from sw.errors import UserError

from .drivers import CDriver, write
from .jobs import (
    Bus,
    K,
    M,
    N,
    c_job,
    c_tiles,
    event,
    lines,
    offset_of,
    operands,
    running,
    send,
    sizes,
)


def test_a_stuck_job_is_aborted(array):
    driver, module, rtl = array
    status = ctypes.c_uint32()
    with running(driver, rtl):
        assert driver.call("product_size", *sizes(M, N, K)) == "done"
        assert driver.call("start") == "done"
        timeout = "after so many polls it is not yet so"
        assert driver.call("wait", event(driver, "done"), 3, ctypes.byref(status)) == timeout
        assert status.value == event(driver, "busy")
        assert driver.call("wait_idle", 3) == timeout
        busy = "the unit is busy: wait, or abort"
        assert driver.call("product_size", *sizes(M, N, K)) == busy
        assert driver.call("set_blocks", 1) == busy
        assert driver.call("start") == busy
        with pytest.raises(module.DriverError, match="a start is refused while the unit is busy"):
            module.Device(Bus(rtl)).start()
        assert driver.call("abort", 3) == "done"
        assert driver.call("status", ctypes.byref(status)) == "done" and status.value == 0
        found, product = c_job(driver, rtl)
        assert np.array_equal(found, product)


def test_an_abort_waits_for_a_beat_that_was_offered(array):
    driver, module, rtl = array
    a, b, _ = operands()
    with running(driver, rtl):
        device = module.Device(Bus(rtl))
        device.set_size(M, N, K)
        rtl.toggle("m_axis")
        device.start()
        send(rtl, {n: module.tiles(n, parts, K) for n, parts in lines(a, b).items()})
        with pytest.raises(module.DriverError, match="after 5 polls there was none of done"):
            rtl.wait(40)
            device.wait("done", polls=5)
        assert driver.call("abort", 3) == "after so many polls it is not yet so"
        aborting = "the unit is aborting: take the beats that it offers, and wait"
        assert driver.call("set_blocks", 1) == driver.call("start") == aborting
        with pytest.raises(module.DriverError, match="blocks is refused while .* aborting"):
            device.write("blocks", blocks=1)
        with pytest.raises(module.DriverError, match="after 3 polls the unit was still aborting"):
            device.abort(3)
        rtl.toggle("m_axis")
        device.abort(3)
        assert len(rtl.take("m_axis")) == 1 and device.events() == []


def test_errors_of_the_bus(array):
    driver, _, rtl = array
    error = "the register access was answered by an error"
    value = ctypes.c_uint32()
    with running(driver, rtl):
        assert driver.call("write", 0, 1) == error
        assert driver.call("read", 0x7C, ctypes.byref(value)) == error
        assert driver.call("status", ctypes.byref(value)) == "done"
        assert value.value == event(driver, "access")
        assert driver.call("clear", value.value) == "done"
        assert driver.call("status", ctypes.byref(value)) == "done" and value.value == 0


def test_what_cannot_be_is_refused(array):
    driver, module, rtl = array
    size = "a size is 0, or beyond what its register holds"
    with running(driver, rtl):
        for shape in ((0, 1, 1), (1, 0, 1), (1, 1, 0), (131071, 1, 1), (1, 65536, 1)):
            assert driver.call("product_size", *sizes(*shape)) == size
        assert driver.call("product_size", *sizes(1, 1, 4 * 65535 + 1)) == size
        assert driver.call("product_size", *sizes(131070, 65535, 4 * 65535)) == "done"
        assert rtl.read(offset_of(driver, "blocks")) == (0, 65535)
        value = "a value does not fit its bits"
        assert driver.call("set_blocks", 65536) == value
        assert driver.call("irq_enable", event(driver, "busy")) == value
        assert driver.call("clear", event(driver, "busy")) == value
        assert driver.call("set_blocks", 0) == "done"
        refused = "the unit refused the start: a size is 0 or too large, or something is missing"
        assert driver.call("start") == refused
        device = module.Device(Bus(rtl))
        with pytest.raises(
            module.DriverError, match="refused: a start while busy or aborting.* of 0; to do"
        ):
            device.start()
        for arguments, text in (
            ((65536,), "blocks.blocks must be from 0 to 65535, not 65536"),
            ((-1,), "blocks.blocks must be from 0 to 65535, not -1"),
        ):
            with pytest.raises(module.DriverError, match=text):
                device.write("blocks", blocks=arguments[0])
        with pytest.raises(module.DriverError, match="blocks has the fields .*, not block"):
            device.write("blocks", block=1)
        with pytest.raises(module.DriverError, match="cycles takes no writes"):
            device.write("cycles", cycles=1)
        with pytest.raises(module.DriverError, match="131071 x 1 x 1 is no size"):
            device.set_size(131071, 1, 1)
        with pytest.raises(module.DriverError, match="an event is one of .*, not busy"):
            device.wait("busy", polls=1)
    parts = {"mantissa": np.zeros((1, 4), int), "exponent": np.full((1, 1), 1 << 10)}
    assert c_tiles(driver, "a", parts, 4) == value
    with pytest.raises(ValueError, match="exponent must be from 0 to 1023, not 1024"):
        module.tiles("a", parts, 4)
    with pytest.raises(ValueError, match="a line of exponent must have 2 values, not 1"):
        module.tiles("a", parts | {"mantissa": np.zeros((1, 5), int)}, 5)
    with pytest.raises(ValueError, match="a 3 x 2 product must have 8 beats, not 0"):
        module.product([], 3, 2)


@pytest.mark.parametrize(
    "register, code, text",
    [
        (0, "at this address is no unit of Gradgate", "there is no unit of Gradgate"),
        (1, "this is another unit", "there is another unit than bfp_array"),
        (2, "this is the unit in another configuration", "there is another configuration than"),
    ],
)
def test_a_wrong_bitstream_is_refused(array, register, code, text):
    driver, module, _ = array

    class Wrong:
        """Registers one of which is another."""

        def read(self, offset):
            word = driver.manifest["registers"][offset // 4]["reset"]
            return 0, word ^ (offset == 4 * register) << 31

    driver.connect(Wrong())
    assert driver.call("init", driver.base).startswith(code)
    bus = type("Bus", (), {"read": lambda _, offset: Wrong().read(offset)[1]})()
    with pytest.raises(module.DriverError, match=text):
        module.Device(bus)


def test_memory_mapped_registers(array, tmp_path):
    good, module, _ = array
    words = [register["reset"] for register in good.manifest["registers"]]
    write(tmp_path, "my_array", good.manifest)
    driver = CDriver(tmp_path, "my_array", good.manifest, bus=False)
    memory = (ctypes.c_uint32 * len(words))(*words)
    assert driver.call("init", memory) == "done"
    assert driver.call("set_blocks", 7) == "done"
    at = offset_of(good, "blocks")
    assert memory[at // 4] == 7
    file = tmp_path / "registers"
    file.write_bytes(b"\0" * 8192 + bytes(memory))
    with module.Mapped(str(file), 8192) as bus:
        device = module.Device(bus)
        assert device.read("blocks") == 7
        device.write("tile_rows", tile_rows=3)
    data = file.read_bytes()[8192:]
    assert data[offset_of(good, "tile_rows") :][:4] == b"\3\0\0\0"


def test_the_header_is_taken_by_cpp(array, tmp_path):
    write(tmp_path, "my_array", array[0].manifest)
    (tmp_path / "main.cpp").write_text('#include "driver/my_array.h"\nmy_array_device device;\n')
    command = ["g++", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "main.cpp"]
    subprocess.run(command, cwd=tmp_path, check=True)


def test_event_texts_in_c(array):
    driver, module, _ = array
    for kind in ("text", "advice"):
        function = getattr(driver.library, f"my_array_event_{kind}")
        function.restype = ctypes.c_char_p
        assert function(event(driver, "busy")) is None
        texts = [function(event(driver, name)).decode() for name in module.EVENTS]
        assert all(text in module.describe(e) for text, e in zip(texts, module.EVENTS, strict=True))
        assert len(set(texts)) == 7


def test_python_needs_nothing_else(array, tmp_path):
    write(tmp_path, "my_array", array[0].manifest)
    program = """import sys; sys.path.insert(0, "driver"); import my_array
beat = my_array.pack("s_axis_b", {"mantissa": [1, 2], "exponent": 3})
assert my_array.unpack("s_axis_b", beat) == {"mantissa": [1, 2], "exponent": [3]}
assert "numpy" not in sys.modules and "sw" not in sys.modules"""
    # Neither packages that are installed, nor the folder of the sources.
    subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, check=True)


def test_drivers_are_delivered(array):
    assert files in dict(PARTS).values()
    names = driver_files("my_array", array[0].manifest)
    assert [*names] == [f"driver/my_array.{suffix}" for suffix in ("h", "c", "py")]


def test_names_that_are_the_same_in_c_are_refused(array):
    described = array[0].manifest
    twice = [r | {"name": "Blocks"} if r["name"] == "beats" else r for r in described["registers"]]
    field = {"name": "Blocks", "offset": 0, "bits": 32, "description": "some"}
    twice = [r | {"fields": [field]} if r["name"] == "Blocks" else r for r in twice]
    with pytest.raises(UserError, match="two fields of registers have the name MY_ARRAY_BLOCKS"):
        driver_files("my_array", described | {"registers": twice})
