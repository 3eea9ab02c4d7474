"""Jobs of the small array, for drivers in C and Python."""

import contextlib
import ctypes
from typing import Any

import numpy as np

from delivery.delivered import Delivered
from delivery.driver import files
from hw.units import UNITS
from sim.matrix_beats import element_bits, packet_of
from sw.bfp.array import matmul
from sw.formats.binary32 import to_bits
from sw.formats.quantize import quantize

from .drivers import CDriver, python_driver

POLLS = 40
SMALL: Any = UNITS["bfp_array"].small
M, N, K = 3, 2, 6  # two tiles down and across, of two blocks


def deliver(folder, unit, parameters, name=None):
    """Write the drivers of a unit; return it as it is delivered, and them, compiled and loaded."""
    delivered = Delivered(unit_name=unit, parameters=parameters, name=name)
    for path, text in files(delivered).items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    name = delivered.design.name
    return (
        delivered,
        CDriver(folder, name, delivered.design.manifest),
        python_driver(folder, name),
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


def blocks(rng, x, form, axis):
    """Return the blocks of a matrix."""
    return quantize(x.astype(np.float32), form, axis=axis, random=rng.integers(0, 256, x.shape))


def operands(seed=1):
    """Return blocks of both operands of a product, and the product's bits."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(M, K)), rng.normal(size=(K, N))
    a, b = (blocks(rng, x, SMALL.format, axis) for x, axis in ((a, 1), (b, 0)))
    return a, b, to_bits(matmul(SMALL, a, b))


def lines(a, b):
    """Return the matrices of both operands as the drivers take them, by name of the field."""
    return {
        "a": {"mantissa": a.code, "exponent": a.codes(0)},
        "b": {"mantissa": b.code.T, "exponent": b.codes(1).T},
    }


def c_tiles(driver, name, parts, places):
    """Return the beats of each tile of an operand, by the driver in C."""
    order = driver.manifest["matrices"]["operands"][name]
    streams = driver.manifest["streams"]
    fields = {f["name"]: f for f in packet_of(streams, order)["fields"]}
    bits = {n: element_bits(part, fields[n]) for n, part in order["parts"].items()}
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
    size = streams[order["stream"]]["bytes"]
    for tile in range(number("tiles", len(arrays[0]))):
        room = ctypes.create_string_buffer(number("beats", places) * size + 1)
        function = getattr(driver.library, f"{driver.name}_{name}_tile")
        code = function(ctypes.byref(matrix), ctypes.c_size_t(tile), room)
        if code:
            return driver.code(code)
        found.append([room.raw[i : i + size] for i in range(0, len(room) - 1, size)])
    return found


def send(rtl, tiles):
    """Give the tiles of both operands, by rows and by columns, in the order of a job."""
    rows, columns = tiles.values()
    for row in rows:
        for column in columns:
            rtl.give("s_axis_a", row)
            rtl.give("s_axis_b", column)


def c_product(driver, beats, m=M, n=N, name="product"):
    """Return a product by the driver in C, of the beats given."""
    values = (ctypes.c_uint32 * (m * n))()
    getattr(driver.library, f"{driver.name}_{name}")(
        b"".join(beats), ctypes.c_size_t(m), ctypes.c_size_t(n), values
    )
    return np.array(values).reshape(m, n)


def event(driver, name):
    """Return the mask of an event or a state."""
    [status] = (r for r in driver.manifest["registers"] if r["name"] == "status")
    return 1 << [field["name"] for field in status["fields"]].index(name)


def sizes(*numbers):
    """Return sizes as the driver in C takes them."""
    return [ctypes.c_size_t(number) for number in numbers]


def offset_of(driver, name):
    """Return the offset of a register."""
    return next(r["offset"] for r in driver.manifest["registers"] if r["name"] == name)


def c_job(driver, rtl, *, seed=1):
    """Do a product by the driver in C; return it and what it must be."""
    a, b, product = operands(seed)
    tiles = {n: c_tiles(driver, n, parts, K) for n, parts in lines(a, b).items()}
    status = ctypes.c_uint32()
    assert driver.call("product_size", *sizes(M, N, K)) == "done"
    assert driver.call("start") == "done"
    send(rtl, tiles)
    done = event(driver, "done")
    assert driver.call("wait", done, POLLS, ctypes.byref(status)) == "done"
    assert status.value == done
    return c_product(driver, rtl.take("m_axis")), product
