"""Drivers in C and Python against the Verilog, through a bus model."""

import contextlib
import ctypes
import subprocess

import numpy as np
import pytest

from delivery.advice import advice_of
from delivery.delivered import Delivered
from delivery.driver import files
from hw.units import UNITS
from sw.approx.array import cut
from sw.approx.array import matmul as approx_product
from sw.bfp.array import matmul
from sw.bfp.dot import dot
from sw.formats.binary32 import to_bits
from sw.formats.quantize import quantize

from .drivers import CDriver, manifest, python_driver, write
from .rtl import Rtl

POLLS = 40
SMALL = UNITS["bfp_array"].small
M, N, K = 3, 2, 6  # two tiles down and across, of two blocks


@pytest.fixture(scope="module")
def array(tmp_path_factory):
    """Return the delivered array, and a folder with its simulation and drivers."""
    folder = tmp_path_factory.mktemp("array")
    delivered = Delivered(unit_name="bfp_array", parameters=SMALL, name="my_array")
    for path, text in files(delivered).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    manifest = delivered.design.manifest
    return (
        CDriver(folder, "my_array", manifest),
        python_driver(folder, "my_array"),
        Rtl(folder, delivered.design),
    )


@contextlib.contextmanager
def running(driver, rtl):
    """Give a simulation from its reset on, to which the driver in C is connected."""
    with rtl:
        driver.connect(rtl)
        yield rtl


class Bus:
    """The registers of a simulation, for the driver in Python."""

    def __init__(self, rtl):
        self.rtl = rtl

    def read(self, offset):
        response, word = self.rtl.read(offset)
        assert not response
        return word

    def write(self, offset, value):
        if response := self.rtl.write(offset, value):
            raise OSError(f"response {response}")


def _blocks(rng, x, form, axis):
    """Return the blocks of a matrix."""
    return quantize(x.astype(np.float32), form, axis=axis, random=rng.integers(0, 256, x.shape))


def operands(seed=1):
    """Return blocks of both operands of a product, and the product's bits."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(M, K)), rng.normal(size=(K, N))
    a, b = (_blocks(rng, x, SMALL.format, axis) for x, axis in ((a, 1), (b, 0)))
    return a, b, to_bits(matmul(SMALL, a, b))


def lines(a, b):
    """Return the matrices of both operands as the drivers take them, by name of the field."""
    return {
        "a": {"mantissa": a.code, "exponent": a.codes(0)},
        "b": {"mantissa": b.code.T, "exponent": b.codes(1).T},
    }


def c_tiles(driver, name, parts, places):
    """Return the beats of each tile of an operand, by the driver in C."""
    order = driver.manifest["matrices"][name]
    stream = driver.manifest["streams"][order["stream"]]
    bits = {f["name"]: f["bits"] for f in stream["fields"]}
    kinds = {n: next(w for w in (8, 16, 32) if w >= bits[n]) for n in bits}
    arrays = [np.ascontiguousarray(parts[n], f"<u{kinds[n] // 8}") for n in bits]
    members = [("lines", ctypes.c_size_t), ("places", ctypes.c_size_t)]
    members += [(n, ctypes.c_void_p) for n in bits]
    matrix = type("Matrix", (ctypes.Structure,), {"_fields_": members})(
        len(arrays[0]), places, *(each.ctypes.data for each in arrays)
    )

    def number(what, size):
        function = getattr(driver.library, f"{driver.name}_{name}_{what}")
        function.restype = ctypes.c_size_t
        return function(ctypes.c_size_t(size))

    found = []
    size = stream["bytes"]
    for tile in range(number("tiles", len(arrays[0]))):
        room = ctypes.create_string_buffer(number("beats", places) * size + 1)
        function = getattr(driver.library, f"{driver.name}_{name}_tile")
        code = function(ctypes.byref(matrix), ctypes.c_size_t(tile), room)
        if code:
            return driver.code(code)
        found.append([room.raw[i : i + size] for i in range(0, len(room) - 1, size)])
    return found


def send(rtl, tiles):
    """Give the tiles of both operands in the order of a job."""
    for row in tiles["a"]:
        for column in tiles["b"]:
            rtl.give("s_axis_a", row)
            rtl.give("s_axis_b", column)


def c_product(driver, beats, m=M, n=N):
    values = (ctypes.c_uint32 * (m * n))()
    getattr(driver.library, f"{driver.name}_product")(
        b"".join(beats), ctypes.c_size_t(m), ctypes.c_size_t(n), values
    )
    return np.array(values).reshape(m, n)


def event(driver, name):
    [status] = (r for r in driver.manifest["registers"] if r["name"] == "status")
    return 1 << [field["name"] for field in status["fields"]].index(name)


def sizes(*numbers):
    return [ctypes.c_size_t(number) for number in numbers]


def c_job(driver, rtl, *, seed=1):
    """Do a product by the driver in C; return it and what it must be."""
    a, b, product = operands(seed)
    tiles = {n: c_tiles(driver, n, parts, K) for n, parts in lines(a, b).items()}
    status = ctypes.c_uint32()
    assert driver.call("set_size", *sizes(M, N, K)) == "done"
    assert driver.call("start") == "done"
    send(rtl, tiles)
    done = event(driver, "done")
    assert driver.call("wait", done, POLLS, ctypes.byref(status)) == "done"
    assert status.value == done
    return c_product(driver, rtl.take("m_axis")), product


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


def test_a_stuck_job_is_aborted(array):
    driver, module, rtl = array
    status = ctypes.c_uint32()
    with running(driver, rtl):
        assert driver.call("set_size", *sizes(M, N, K)) == "done"
        assert driver.call("start") == "done"
        timeout = "after so many polls it is not yet so"
        assert driver.call("wait", event(driver, "done"), 3, ctypes.byref(status)) == timeout
        assert status.value == event(driver, "busy")
        assert driver.call("wait_idle", 3) == timeout
        busy = "the unit is busy: wait, or abort"
        assert driver.call("set_size", *sizes(M, N, K)) == busy
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
            assert driver.call("set_size", *sizes(*shape)) == size
        assert driver.call("set_size", *sizes(1, 1, 4 * 65535 + 1)) == size
        assert driver.call("set_size", *sizes(131070, 65535, 4 * 65535)) == "done"
        assert rtl.read(driver_offset(driver, "blocks")) == (0, 65535)
        value = "a value does not fit its bits"
        assert driver.call("set_blocks", 65536) == value
        assert driver.call("irq_enable", event(driver, "busy")) == value
        assert driver.call("clear", event(driver, "busy")) == value
        assert driver.call("set_blocks", 0) == "done"
        refused = "the unit refused the start: a size is 0, or something is missing"
        assert driver.call("start") == refused
        device = module.Device(Bus(rtl))
        with pytest.raises(
            module.DriverError, match="refused: a start while busy, or .* of 0; to do"
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
    with pytest.raises(ValueError, match="exponent must be from -1024 to 1023, not 1024"):
        module.tiles("a", parts, 4)
    with pytest.raises(ValueError, match="a line of exponent must have 2 values, not 1"):
        module.tiles("a", parts | {"mantissa": np.zeros((1, 5), int)}, 5)
    with pytest.raises(ValueError, match="a 3 x 2 product must have 8 beats, not 0"):
        module.product([], 3, 2)


def driver_offset(driver, name):
    return next(r["offset"] for r in driver.manifest["registers"] if r["name"] == name)


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


def test_dot_products_in_c(tmp_path):
    parameters = UNITS["bfp_dot"].small
    delivered = Delivered(unit_name="bfp_dot", parameters=parameters)
    for path, text in files(delivered).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    driver = CDriver(tmp_path, "bfp_dot", delivered.design.manifest)
    rng = np.random.default_rng(3)
    form = parameters.format
    a, b = (_blocks(rng, rng.normal(size=(3, 4)), form, -1) for _ in range(2))
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
    kind = UNITS["approx_array"].parameters
    parameters = kind(rows=2, columns=2)
    delivered = Delivered(unit_name="approx_array", parameters=parameters)
    for path, text in files(delivered).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    driver = CDriver(tmp_path, "approx_array", delivered.design.manifest)
    module = python_driver(tmp_path, "approx_array")
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
        assert driver.call("set_size", *sizes(m, n, k)) == "done"
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
    "the block of a code": ("place = beat / 2u", "place = beat"),
    "the column of a result": ("tile % across * 1u", "tile / across * 1u"),
    "the size of a block": ("parts_of(k, 4u)", "parts_of(k, 2u)"),
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


def test_memory_mapped_registers(array, tmp_path):
    good, module, _ = array
    words = [register["reset"] for register in good.manifest["registers"]]
    write(tmp_path, "my_array", good.manifest)
    driver = CDriver(tmp_path, "my_array", good.manifest, bus=False)
    memory = (ctypes.c_uint32 * len(words))(*words)
    assert driver.call("init", memory) == "done"
    assert driver.call("set_blocks", 7) == "done"
    at = driver_offset(good, "blocks")
    assert memory[at // 4] == 7
    file = tmp_path / "registers"
    file.write_bytes(b"\0" * 8192 + bytes(memory))
    with module.Mapped(str(file), 8192) as bus:
        device = module.Device(bus)
        assert device.read("blocks") == 7
        device.write("tile_rows", tile_rows=3)
    data = file.read_bytes()[8192:]
    assert data[driver_offset(good, "tile_rows") :][:4] == b"\3\0\0\0"


def test_the_header_is_taken_by_cpp(array, tmp_path):
    write(tmp_path, "my_array", array[0].manifest)
    (tmp_path / "main.cpp").write_text('#include "driver/my_array.h"\nmy_array_device device;\n')
    command = ["g++", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "main.cpp"]
    subprocess.run(command, cwd=tmp_path, check=True)


@pytest.mark.parametrize("unit", UNITS)
def test_every_event_says_what_to_do(unit):
    described = manifest(unit, UNITS[unit].small)
    [status] = (r for r in described["registers"] if r["name"] == "status")
    [enable] = (r for r in described["registers"] if r["name"] == "interrupt_enable")
    names = [field["name"] for field in status["fields"][: len(enable["fields"])]]
    assert len(names) >= 2 and set(names) <= set(advice_of(unit))


def test_event_texts_in_c(array):
    driver, module, _ = array
    for kind in ("text", "advice"):
        function = getattr(driver.library, f"my_array_event_{kind}")
        function.restype = ctypes.c_char_p
        assert function(event(driver, "busy")) is None
        texts = [function(event(driver, name)).decode() for name in module.EVENTS]
        assert all(text in module.describe(e) for text, e in zip(texts, module.EVENTS, strict=True))
        assert len(set(texts)) == 7
