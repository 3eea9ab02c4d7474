"""A unit beside a DMA in plain Verilog: the README's commands, other configurations, faults."""

import re

import pytest

from examples.verilog_instance.job import write
from hw.flow.emit import generate
from hw.flow.emit import write as write_design
from sw.bfp.array_shell import ArrayShellParameters
from tests.delivery.tools import environment
from tests.lint import lint
from tests.book import ROOT

from .readme import Example

FOLDER = ROOT / "examples" / "verilog_instance"
SMALL = ArrayShellParameters.make(
    inputs=1, port_bits=32, rows=1, columns=3, lanes=2, words_a=128, format="hbfp4"
)
PASS = r"PASS: a product of 7 x 5 x 150 in \d+ cycles"


def build(folder, p: ArrayShellParameters) -> None:
    write_design(generate("array_shell", p), folder)
    write(folder)


def simulate(example: Example, folder: str, sources: str = "../examples/verilog_instance"):
    iverilog = f"iverilog -g2005 -o bench.vvp -s bench {sources}/*.v *.v"
    return example.ended(f"cd {folder} && {iverilog} && vvp -n bench.vvp")


def test_the_commands(tmp_path):
    example = Example("verilog_instance", tmp_path, environment(tmp_path / "bin"))
    emit, job, *icarus = example.commands[:4]
    verilate, verilated = example.commands[4:]
    example.run(emit, job)
    [told] = example.blocks("text")
    assert example.run(*icarus) == told and re.fullmatch(PASS, told.strip())
    example.run(verilate)
    assert told in example.run(verilated)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    build(folder / "array", SMALL)
    return Example("verilog_instance", folder)


def test_other_words_and_another_format(small):
    done = simulate(small, "array")
    assert re.fullmatch(PASS, done.stdout.strip()) and done.returncode == 0


def test_verilator_has_nothing_to_say_of_the_system(small):
    sources = [FOLDER / f"{name}.v" for name in ("system", "dma_read", "dma_write")]
    assert (
        lint("--top-module", "system", "-GBITS=32", *sources, small.folder / "array/array_shell.v")
        == ""
    )


FAULTS = [
    ("dma_read.v", "left == 1", "left == 2", "status has more events than done"),
    ("dma_read.v", ":SIZE+4] + 1'b1", ":SIZE+4] + 2'b10", "status has more events than done"),
    ("dma_read.v", "burst && tready", "burst", "the product does not come"),
    ("dma_write.v", ":SIZE+4] + 1'b1", ":SIZE+4] + 2'b10", "the memory is not as expected"),
    ("dma_write.v", "now == 1", "now == 2", "the product does not come"),
    ("memory.v", "assign bresp = 0", "assign bresp = 2", "a transfer went wrong"),
    ("memory.v", "assign rresp = 0", "assign rresp = 2", "a transfer went wrong"),
]


@pytest.mark.parametrize(("file", "right", "wrong", "said"), FAULTS)
def test_faults_are_found(small, tmp_path, file, right, wrong, said):
    for path in FOLDER.glob("*.v"):
        text = path.read_text("utf-8")
        if path.name == file:
            assert text.count(right) == 1
            text = text.replace(right, wrong)
        (tmp_path / path.name).write_text(text)
    done = simulate(small, "array", str(tmp_path))
    assert done.returncode != 0 and f"FAIL: {said}\n" in done.stdout, done.stdout


REFUSED = [
    ({"inputs": 2}, "one stream in, --set inputs=1, and no register alpha"),
    ({"format": "nvfp4"}, "one stream in, --set inputs=1, and no register alpha"),
    ({"words_b": 64}, "a product of 7 x 5 x 150 must fit the array's memories"),
    # Of 3 blocks of 64 words, 7 panels of one operand and 5 of the other: a beat of 64 bytes each.
    (
        {"lanes": 1, "port_bits": 512, "words_b": 1024},
        "operands must be at most 32640 bytes, not 147456",
    ),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED)
def test_other_arrays_are_refused(tmp_path, fields, words):
    p = ArrayShellParameters.make(**{"inputs": 1, "rows": 1, "columns": 1, **fields})
    with pytest.raises(SystemExit, match=words):
        build(tmp_path, p)
