"""Delivered drivers, compiled and loaded."""

import ctypes
import importlib.util
import json
import subprocess

from delivery.driver import driver_files
from hw.flow.manifest import manifest_of
from hw.units import UNITS

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion")

HOST = """
#include <stdint.h>
extern int (*host_read)(void *, uint32_t, uint32_t *);
extern int (*host_write)(void *, uint32_t, uint32_t);
#define {N}_BUS_READ host_read
#define {N}_BUS_WRITE host_write
"""

POINTERS = """
#include "host.h"
int (*host_read)(void *, uint32_t, uint32_t *);
int (*host_write)(void *, uint32_t, uint32_t);
"""

READ = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.POINTER(ctypes.c_uint32)
)
WRITE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32)


def manifest(unit, parameters):
    """Return the manifest of a unit without its Verilog, as it is read from a file."""
    top = UNITS[unit].top(parameters)
    return json.loads(json.dumps(manifest_of(top, unit, "", parameters, {"unit": unit})))


def write(folder, name, described, change=lambda text: text):
    """Write the driver's files, with a fault if so; return their texts by suffix."""
    texts = {}
    for path, text in driver_files(name, described).items():
        file = folder / path
        file.parent.mkdir(exist_ok=True)
        texts[file.suffix] = change(text)
        file.write_text(texts[file.suffix])
    return texts


def python_driver(folder, name):
    """Return the driver in Python as a module."""
    path = folder / "driver" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packets(described):
    """Return what a unit's driver packs, by the names of its functions in C.

    To each belong the stream, what it carries, if this is that, and its entry of the manifest.
    """
    found = {}
    for stream, entry in described["streams"].items():
        found[stream] = stream, "", entry
        for carried, whole in entry.get("carries", {}).items():
            found[f"{stream}_{carried}"] = stream, carried, whole
    return found


class CDriver:
    """The driver in C, whose functions and constants are found without the name before them."""

    def __init__(self, folder, name, described, *, bus=True):
        self.name = name
        self.manifest = described
        sources = [f"driver/{name}.c"]
        options = []
        if bus:
            (folder / "host.h").write_text(HOST.format(N=name.upper()))
            (folder / "pointers.c").write_text(POINTERS)
            sources.append("pointers.c")
            options = ["-include", "host.h"]
        command = ["gcc", *STRICT, "-O0", "-shared", "-fPIC", *options, "-I.", "-o", "driver.so"]
        subprocess.run([*command, *sources], cwd=folder, check=True)
        self.library = ctypes.CDLL(str(folder / "driver.so"))
        self.base = ctypes.c_void_p(0)
        self.device = (ctypes.c_void_p * 1)()

    def connect(self, rtl):
        """Let the driver reach the registers of a simulation."""

        def read(_, offset, value):
            response, value[0] = rtl.read(offset)
            return response

        def write(_, offset, value):
            return rtl.write(offset, value)

        self.kept = READ(read), WRITE(write)
        for name, function in zip(("host_read", "host_write"), self.kept, strict=True):
            pointer = ctypes.c_void_p.in_dll(self.library, name)
            pointer.value = ctypes.cast(function, ctypes.c_void_p).value

    def code(self, number):
        """Return what a code means."""
        text = getattr(self.library, f"{self.name}_text")
        text.restype = ctypes.c_char_p
        return text(number).decode()

    def call(self, function, *arguments):
        """Return the code of a function, which takes the device, in words."""
        found = getattr(self.library, f"{self.name}_{function}")
        return self.code(found(ctypes.byref(self.device), *arguments))

    def structure(self, stream):
        """Return the struct of the fields of a stream."""

        def member(field):
            bits, count = field["bits"], field["count"]
            if bits > 64:
                return (field["name"], ctypes.c_uint8 * (count * -(-bits // 8)))
            width = next(width for width in (8, 16, 32, 64) if width >= bits)
            kind = getattr(ctypes, f"c_uint{width}")
            return (field["name"], kind * count if count > 1 else kind)

        members = [member(field) for field in packets(self.manifest)[stream][2]["fields"]]
        return type("Fields", (ctypes.Structure,), {"_fields_": members})()

    def pack(self, stream, fields, *, before=0):
        """Return the beat of fields by name, lists of values; the code's words where refused."""
        described = packets(self.manifest)[stream][2]
        filled = self.structure(stream)
        for field in described["fields"]:
            name, bits, values = field["name"], field["bits"], fields[field["name"]]
            if bits > 64:
                data = b"".join(v.to_bytes(-(-bits // 8), "little") for v in values)
                getattr(filled, name)[:] = list(data)
            elif field["count"] > 1:
                getattr(filled, name)[:] = values
            else:
                setattr(filled, name, values[0])
        beat = ctypes.create_string_buffer(bytes([before]) * described["bytes"])
        function = getattr(self.library, f"{self.name}_pack_{stream}")
        code = function(ctypes.byref(filled), beat)
        return self.code(code) if code else beat.raw[: described["bytes"]]

    def unpack(self, stream, beat):
        """Return the fields of a beat by name, lists of values."""
        filled = self.structure(stream)
        getattr(self.library, f"{self.name}_unpack_{stream}")(beat, ctypes.byref(filled))
        fields = {}
        for field in packets(self.manifest)[stream][2]["fields"]:
            found = getattr(filled, field["name"])
            values = list(found) if hasattr(found, "__len__") else [found]
            if field["bits"] > 64:
                size = -(-field["bits"] // 8)
                starts = range(0, len(values), size)
                values = [int.from_bytes(bytes(values[i : i + size]), "little") for i in starts]
            fields[field["name"]] = values
        return fields
