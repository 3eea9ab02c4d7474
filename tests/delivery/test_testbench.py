"""The delivered folder alone simulates: its bench passes, and finds what is wrong in it."""

import functools
import itertools
import re
import shutil
import subprocess

import pytest

from delivery.delivered import Delivered
from delivery.folder import listed, write
from delivery.parts import PARTS
from hw.units import UNITS

from ..small import DOT
from .tools import environment

NAME = "handed_over"


@functools.cache
def files(unit: str, **fields) -> dict[str, str]:
    parameters = UNITS[unit].small.replace(**fields)
    delivered = Delivered(unit_name=unit, parameters=parameters, name=NAME)
    made: dict[str, str] = {}
    for _, part in PARTS:
        made |= part(delivered)
    return listed(delivered.design, made)


def deliver(unit, folder, **fields):
    """Return a folder that has what was delivered, as if sent from elsewhere."""
    write(files(unit, **fields), folder / "made", NAME)
    (folder / "made").rename(folder / "sent")
    return folder / "sent"


def simulate(folder, simulator="iverilog", **options):
    """Run the command that the bench's first lines tell."""
    bench = (folder / "bench" / f"{NAME}_bench.v").read_text()
    (line,) = re.findall(rf"^//   (\(?{simulator} .*)$", bench, re.M)
    return subprocess.run(
        line, shell=True, cwd=folder / "bench", capture_output=True, text=True, **options
    )


def replaced(folder, file, pattern, text, which):
    """Replace one of the places where a pattern is: the middle one, for 0.5."""
    path = folder / file
    old = path.read_text()
    places = list(re.finditer(pattern, old, re.M))
    place = places[int(which * len(places))]
    path.write_text(old[: place.start()] + text + old[place.end() :])
    return place[0]


@pytest.mark.parametrize("unit", UNITS)
def test_the_bench_passes_and_finds_a_wrong_operator(unit, tmp_path):
    folder = deliver(unit, tmp_path)
    done = simulate(folder)
    assert (done.stdout, done.stderr, done.returncode) == ("PASS\n", "", 0)
    # Some places are those of an event that does not occur. None is in a loop's head.
    found = ""
    operators = ((r" \+ (?!1\)$)", " - "), (" & ", " | "))
    for (right, other), which in itertools.product(operators, (0.37, 0.5, 0.75, 0.25, 0.1, 0.9)):
        wrong = shutil.copytree(folder, tmp_path / f"wrong{other.strip()}{which}")
        replaced(wrong, f"{NAME}.v", right, other, which)
        done = simulate(wrong)
        if done.returncode:
            found = done.stdout
            break
    assert "PASS" not in found and re.search(r"^FAIL$", found, re.M)
    assert re.search("expected|nothing moved|beat", found.split("FAIL")[0])


def test_a_wrong_bit_of_a_vector_is_found(tmp_path):
    folder = deliver("csb_encoder", tmp_path)
    # Of an operand it is a bit of the exponent: smaller than normal is taken for zero.
    for file, bit in (("m_axis_value.hex", 0), ("m_axis_block.hex", 0), ("s_axis.hex", 30)):
        wrong = shutil.copytree(folder, tmp_path / file)
        lines = (wrong / "bench" / file).read_text().split()
        lines[3] = f"{int(lines[3], 16) ^ 1 << bit:x}"
        (wrong / "bench" / file).write_text("\n".join(lines))
        done = simulate(wrong)
        assert done.returncode != 0 and "FAIL" in done.stdout
        if file[0] == "m":
            stream, value = file.removesuffix(".hex"), int(lines[3], 16)
            said = re.search(rf"{stream}: beat 3 is (\w+), expected (\w+)$", done.stdout, re.M)
            assert said and int(said[2], 16) == value == int(said[1], 16) ^ 1
            assert done.stdout.count("expected") == 1


def test_a_wrong_register_is_found(tmp_path):
    folder = deliver("csb_encoder", tmp_path)
    # The flag of an event that occurred, as it is expected.
    at = (folder / "bench" / f"{NAME}_bench.v").read_text()
    (line,) = re.findall(r"^    read\(.*// status$", at, re.M)
    address, value = re.findall(r"32'h(\w+)", line)
    wrong = line.replace(f"32'h{value}", f"32'h{int(value, 16) ^ 1:08x}")
    (folder / "bench" / f"{NAME}_bench.v").write_text(at.replace(line, wrong))
    done = simulate(folder)
    expected = f"{int(value, 16) ^ 1:08x}"
    assert done.stdout.startswith(
        f"register {int(address, 16):08x} is {value}, expected {expected}\nFAIL\n"
    )
    assert done.returncode != 0


def test_a_wrong_word_of_memory_is_found(tmp_path):
    folder = deliver("accelerator", tmp_path)
    path = folder / "bench" / "memory_0_after.hex"
    lines = path.read_text().split()
    lines[1] = f"{int(lines[1], 16) ^ 1:x}"
    path.write_text("\n".join(lines))
    done = simulate(folder)
    assert re.match(r"memory at 0+1200000004 is \w+, expected \w+\nFAIL\n", done.stdout)
    assert done.returncode != 0


def test_cells_of_a_device_are_compiled(tmp_path):
    folder = deliver("bfp_dot", tmp_path, target="ecp5")
    assert (folder / f"{NAME}_cells.v").is_file() and DOT.target == "generic"
    done = simulate(folder)
    assert (done.stdout, done.stderr, done.returncode) == ("PASS\n", "", 0)
    (folder / f"{NAME}_cells.v").write_text("")
    assert simulate(folder).returncode != 0


@pytest.mark.parametrize("unit", ["csb_encoder", "bfp_epoch_schedule"])
def test_verilator_passes_and_fails(unit, tmp_path):
    folder = deliver(unit, tmp_path)
    tools = environment(tmp_path / "bin")
    done = simulate(folder, "verilator", env=tools)
    assert done.returncode == 0 and "%Warning" not in done.stderr
    assert re.search("^PASS$", done.stdout, re.M)
    path = sorted(folder.glob("bench/m_axis*.hex"))[0]
    path.write_text(path.read_text().replace("\n", "1\n", 1))
    program = folder / "bench" / "build" / f"V{NAME}_bench"
    done = subprocess.run([program], cwd=path.parent, capture_output=True, text=True)
    assert done.returncode != 0 and re.search("^FAIL$", done.stdout, re.M)
