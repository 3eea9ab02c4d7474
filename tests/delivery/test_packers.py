"""Packers of beats: C, Python, the benches and the definition agree on every byte."""

import itertools
import random

import numpy as np
import pytest

from hw.units import UNITS
from sim.beats import pack_beats, unpack_beats
from sim.streams import pack
from sim.testbench import vectors
from sw.errors import UserError
from tests.fuzz.configurations import configuration

from .drivers import CDriver, manifest, packets, python_driver, write

COUNT = 50


def configurations(unit):
    """Give random configurations of a unit that are none of a mistake: name, seed, manifest."""
    for seed in itertools.count():
        preset, fields = configuration(unit, seed)
        try:
            parameters = UNITS[unit].parameters.make(preset=preset, **fields)
            yield unit, seed, manifest(unit, parameters)
        except UserError:
            continue


def definition(stream, fields):
    """Return a beat by what a manifest says: fields in turn, the first value and bit lowest."""
    bits = ""
    for field in stream["fields"]:
        for value in fields[field["name"]]:
            bits += format(value, f"0{field['bits']}b")[::-1]
    bits = bits.ljust(8 * stream["bytes"], "0")
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def beats(stream, rng):
    """Return fields of beats: highest values, the lowest, values all of which differ, random."""
    made = []
    for kind in ("ones", "zeros", "numbers", "random"):
        fields = {}
        for field in stream["fields"]:
            most, count = (1 << field["bits"]) - 1, field["count"]
            fields[field["name"]] = {
                "ones": [most] * count,
                "zeros": [0] * count,
                "numbers": [(i + 1) & most for i in range(count)],
                "random": [rng.randint(0, most) for _ in range(count)],
            }[kind]
        made.append(fields)
    return made


def check(driver, module, rng):
    """Compare all that pack with the definition, and all that unpack with what was packed."""
    for name, (of, carried, stream) in packets(driver.manifest).items():
        part = {"carried": carried} if carried else {}
        made = beats(stream, rng)
        wanted = [definition(stream, fields) for fields in made]
        for fields, beat in zip(made, wanted, strict=True):
            assert driver.pack(name, fields, before=255) == beat
            assert module.pack(of, fields, **part) == beat
            assert driver.unpack(name, beat) == module.unpack(of, beat, **part) == fields
        if all(field["bits"] < 64 for field in stream["fields"]):
            arrays = {n: np.array([f[n] for f in made]) for n in made[0]}
            packed = pack(stream, arrays)
            assert [bytes(beat) for beat in packed] == wanted
            assert np.array_equal(module.pack_beats(stream, arrays), packed)
            assert all(
                np.array_equal(v, arrays[n]) for n, v in unpack_beats(stream, packed).items()
            )
            lines = vectors(packed, None, 8 * stream["bytes"]).split()
            assert [int(line, 16) for line in lines] == [
                int.from_bytes(beat, "little") for beat in wanted
            ]


def test_random_configurations(tmp_path):
    rng = random.Random(1)
    units = [name for name, unit in UNITS.items() if manifest(name, unit.small)["streams"]]
    rounds = zip(*map(configurations, units), strict=True)
    found = itertools.islice(itertools.chain.from_iterable(rounds), COUNT)
    for i, (unit, seed, described) in enumerate(found):
        folder = tmp_path / str(i)
        folder.mkdir()
        name = f"{unit}_{i}"
        write(folder, name, described)
        try:
            check(CDriver(folder, name, described, bus=False), python_driver(folder, name), rng)
        except AssertionError as error:
            raise AssertionError(f"{unit} {seed}") from error


def field(name, bits, count, offset):
    return {"name": name, "bits": bits, "count": count, "offset": offset, "description": "some"}


def small(fields):
    """Return the manifest of a small unit with a stream of its own."""
    described = manifest("tensor_amax", UNITS["tensor_amax"].small)
    bits = sum(f["bits"] * f["count"] for f in fields)
    stream = {"direction": "in", "bits": bits, "bytes": -(-bits // 8), "fields": fields}
    return described | {"streams": {"s_axis": stream}}


OWN = small([field("int", 3, 2, 0), field("wide", 67, 2, 6), field("all", 64, 1, 140)])


def own(folder, change=lambda text: text):
    write(folder, "own", OWN, change)
    driver = CDriver(folder, "own", OWN, bus=False)
    return driver, python_driver(folder, "own")


def test_any_width(tmp_path):
    # A member of a struct is not called int, which ctypes does not see.
    check(*own(tmp_path), random.Random(2))
    assert "uint8_t int_[2];" in (tmp_path / "driver/own.h").read_text()


@pytest.mark.parametrize("name, value", [("int", 8), ("wide", 1 << 67)])
def test_what_does_not_fit_is_refused(tmp_path, name, value):
    driver, module = own(tmp_path)
    fields = {"int": [1, 2], "wide": [3, 4], "all": [5]}
    fields[name][1] = value
    assert driver.pack("s_axis", fields) == "a value does not fit its bits"
    with pytest.raises(ValueError, match=f"{name} must be from -{value} to {value - 1}"):
        module.pack("s_axis", fields)


def test_python_refuses_other_fields(tmp_path):
    module = own(tmp_path)[1]
    fields = {"int": [1, 2], "wide": [3, 4], "all": 5}
    assert module.pack("s_axis", fields) == module.pack("s_axis", fields | {"int": [-7, 2]})
    with pytest.raises(ValueError, match=r"fields must be \['int', 'wide', 'all'\], not \['int'\]"):
        module.pack("s_axis", {"int": [1, 2]})
    with pytest.raises(ValueError, match="wide must have 2 values, not 1"):
        module.pack("s_axis", fields | {"wide": [1]})
    with pytest.raises(ValueError, match="a beat must have 26 bytes, not 3"):
        module.unpack("s_axis", b"abc")


FAULTS = {
    "an offset in C": ("put(beat, 0u + i * 3u, 3u", "put(beat, 1u + i * 3u, 3u"),
    "a width in C": ("put(beat, 0u + i * 3u, 3u", "put(beat, 0u + i * 3u, 2u"),
    "fields swapped in C": ("put(beat, 140u, 64u", "put(beat, 0u, 64u"),
    "no clearing in C": ("memset(beat, 0, 26u);", ""),
    "bits of a byte in C": ("value >>= count;", "value >>= 8;"),
    "an offset read in C": ("(uint8_t)get(beat, 0u + i * 3u, 3u)", "(uint8_t)get(beat, 1u, 3u)"),
    "a place in Python": ("'offset': 6,", "'offset': 7,"),
    "no mask in Python": ("int(value) & mask", "int(value)"),
    "order of values in Python": ("in reversed(values)", "in values"),
    "order of bytes in Python": ('to_bytes(stream["bytes"], "little")', 'to_bytes(26, "big")'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults(tmp_path, fault):
    old, new = FAULTS[fault]
    changed = []

    def change(text):
        changed.append(old in text)
        return text.replace(old, new)

    driver, module = own(tmp_path, change)
    assert any(changed)
    fields = {"int": [-1, 2], "wide": [3, 4], "all": [5]}
    with pytest.raises((AssertionError, OverflowError)):
        check(driver, module, random.Random(3))
        assert module.pack("s_axis", fields) == module.pack("s_axis", fields | {"int": [7, 2]})


def test_a_missing_check_is_found(tmp_path):
    driver, _ = own(tmp_path, lambda text: text.replace("if (fields->int_[i] > 7u)", "if (0)"))
    fields = {"int": [1, 8], "wide": [3, 4], "all": [5]}
    assert driver.pack("s_axis", fields) != "a value does not fit its bits"


def test_many_beats_are_those_one_by_one():
    stream = small([field("a", 5, 3, 0), field("b", 33, 1, 15)])["streams"]["s_axis"]
    fields = {"a": np.array([[1, -2, 31], [0, 7, -31]]), "b": np.array([-1, 1 << 32])}
    packed = pack_beats(stream, fields)
    expected = [
        definition(stream, {"a": [1, 30, 31], "b": [(1 << 33) - 1]}),
        definition(stream, {"a": [0, 7, 1], "b": [1 << 32]}),
    ]
    assert [bytes(beat) for beat in packed] == expected
