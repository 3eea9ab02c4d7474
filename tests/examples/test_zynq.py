"""The program of the Zynq example, with the delivered driver, against stand-ins of the vendor's."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from delivery.zynq import DMA_BASE, UNIT_BASE
from hw.flow.emit import generate
from sim.bfp.array_shell import beats
from sw.bfp.array_shell import ArrayShellParameters
from sw.formats.blocks import Blocks, encode
from tests.book import ROOT

EXAMPLE = ROOT / "examples" / "zynq"
STUBS = Path(__file__).parent / "zynq"
P = ArrayShellParameters()


def compiled(folder: Path, source: str) -> Path:
    """Compile the program with the driver and the stand-ins, without a warning."""
    driver = pytest.importorskip("delivery.driver", reason="needs the driver")
    files = driver.driver_files("array_shell", generate("array_shell", P).manifest)
    for path, text in files.items():
        (folder / Path(path).name).write_text(text)
    (folder / "main.c").write_text(source)
    strict = "-std=c99 -Wall -Wextra -Werror -pedantic".split()
    paths = ["-I.", f"-I{STUBS}", "-include", "stubs.h"]
    command = ["gcc", *strict, *paths, "main.c", "array_shell.c", STUBS / "stubs.c"]
    subprocess.run([*command, "-o", "program"], cwd=folder, check=True)
    return folder / "program"


def integers(values: np.ndarray, axis: int) -> Blocks:
    """Return small integers, in blocks whose exponents count elements as they are."""
    shape = list(values.shape)
    shape[axis] //= P.format.reduction
    scales = np.full(shape, 517, np.int32)
    return Blocks(code=encode(values, P.format), exponent=scales, format=P.format, axis=axis)


def check(tmp_path: Path, source: str) -> None:
    """Check what the program sends, and what it says of a product."""
    program = compiled(tmp_path, source)
    row, place = np.indices((16, 128))
    a = 5 * (row * 128 + place) % 15 - 7
    place, column = np.indices((128, 16))
    b = 3 * (place * 16 + column) % 13 - 6
    tiles = (a @ b).astype(np.float32).reshape(4, 4, 4, 4).swapaxes(1, 2)
    result = tmp_path / f"{DMA_BASE + 0x20000:08x}"
    log = tmp_path / f"{UNIT_BASE:08x}"
    for change, said in ((1, "different"), (0, "equal")):
        given = np.ascontiguousarray(tiles)
        given[2, 1, 3, 0] += change
        result.write_bytes(given.tobytes())
        log.unlink(missing_ok=True)
        ran = subprocess.run([program], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert (ran.stdout, ran.returncode) == (f"{said}\n", change)
    for number, beat in enumerate(beats(P, integers(a, 1), integers(b, 0)).values()):
        assert (tmp_path / f"{DMA_BASE + 0x10000 * number:08x}").read_bytes() == beat.tobytes()
    names = {r["offset"]: r["name"] for r in generate("array_shell", P).manifest["registers"]}
    pairs = [(int(word, 16) for word in line.split()) for line in log.read_text().splitlines()]
    written = {names[at]: value for at, value in pairs}
    known = {"tile_rows": 4, "tile_columns": 4, "blocks": 2, "interrupt_enable": 4, "control": 4}
    assert {name: written[name] for name in known} == known


def test_the_program_sends_the_matrices_and_checks_the_product(tmp_path):
    check(tmp_path, (EXAMPLE / "main.c").read_text("utf-8"))


FAULTS = [
    ("1u << (ELEMENT_BITS - 1u)", "1u << ELEMENT_BITS"),
    ("panel += side)", "panel += side + side)"),
    ("row / ROWS * (N / COLUMNS)", "row / ROWS * (M / COLUMNS + 1u)"),
    ("set_blocks(&unit, K / BLOCK)", "set_blocks(&unit, K / LANES)"),
    ("UNIT_INTERRUPT 61u", "UNIT_INTERRUPT 62u"),
    ("open_dma(&b, DMA_B_BASE)", "open_dma(&b, DMA_A_BASE)"),
]


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_faults_of_the_program_are_found(tmp_path, right, wrong):
    source = (EXAMPLE / "main.c").read_text("utf-8")
    assert source.count(right) == 1
    with pytest.raises((AssertionError, OSError)):
        check(tmp_path, source.replace(right, wrong))


def test_the_program_has_the_addresses_of_the_block_design():
    text = (EXAMPLE / "main.c").read_text("utf-8")
    bases = [int(base, 16) for base in re.findall(r"#define \w+_BASE (0x\w+)u", text)]
    assert bases == [UNIT_BASE, DMA_BASE, DMA_BASE + 0x10000, DMA_BASE + 0x20000]
