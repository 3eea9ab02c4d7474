"""When operations of a program begin and end, and the command that shows it."""

import re

import pytest
from click.testing import CliRunner

from hw.accelerator.function import FunctionUnit
from hw.accelerator.panel_reader import PanelReader
from hw.accelerator.product import ProductEngine, TileWriter
from hw.accelerator.quantize import QuantizeEngine
from hw.accelerator.reader import Reader
from sim.accelerator.timeline import draw, step_of
from sw.__main__ import main
from sw.accelerator import functions, timing
from sw.accelerator.coding import decode, encode
from sw.accelerator.cycles import predict
from sw.accelerator.parameters import AcceleratorParameters
from sw.errors import UserError

from .made import small_program
from .programs import COPY, HALT, vec, window

P = AcceleratorParameters()


def test_circuits_have_these_latencies():
    assert Reader.LATENCY == timing.READ
    assert PanelReader.latency + TileWriter.latency == ProductEngine.overhead == timing.READ + 2
    assert QuantizeEngine.overhead == timing.READ + 2
    assert FunctionUnit.latency == functions.LATENCY


def test_events_by_hand():
    """HALT alone is done in cycle 10; an instruction takes 2 cycles, the memory a beat each."""
    assert predict(P, [HALT]).cycles == P.timing.latency == 10
    assert predict(P, [HALT], latency=40).cycles == 49
    # Three instructions are fetched by cycle 7; 0 and 1 are carried out in 11 and 13, and 1 is
    # with the engine in 15, asks for tokens in 16, is granted them in 17, and gives some after 7,
    # the lane's 3, and a word.
    found = predict(P, [*window("vec", 0), vec(COPY, signal=1), HALT])
    (span,) = found.spans
    assert (span.engine, span.pc, span.start, span.end) == ("vec", 1, 17, 28)
    # It is busy in 13, by the SET, and from 15 to 28; then HALT finds nobody busy.
    assert found.busy["vec"] == 15 and found.starved["vec"] == 1
    assert found.cycles == 30


def test_tokens_make_one_wait_for_another():
    one = vec(COPY, outer=10, signal=3)
    two = encode("prod.multiply", m=1, n=4, blocks=1, wait=1)
    three = encode("wait", tokens=2)
    found = predict(P, [two, one, three, HALT])
    first, second = found.spans
    assert (first.engine, second.engine) == ("vec", "prod")
    # A token given in a cycle can be taken in the next but one.
    assert second.start == first.end + 2
    assert found.starved["prod"] == second.start - (first.start - 3)
    assert found.cycles == second.end + 1


def test_loops_repeat():
    body = [vec(COPY), encode("barrier")]
    loop = encode("loop", count=3)
    found = predict(P, [loop, *body, encode("end"), HALT])
    assert [span.pc for span in found.spans] == [1, 1, 1]
    assert found.instructions == 1 + 3 * 3 + 1
    distances = {b.start - a.start for a, b in zip(found.spans, found.spans[1:], strict=False)}
    assert len(distances) == 1
    # Of loops in one another it is told when the outermost one goes on, and of each of them.
    told: list[int] = []
    end = encode("end")
    predict(P, [loop, *[encode("loop", count=2), *body, end] * 2, end, HALT], report=told.append)
    assert told == [1, 2, 3]
    predict(P, [encode("loop", count=2), *body, end, loop, *body, end, HALT], report=told.append)
    assert told[3:] == [1, 2, 1, 2, 3]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ([vec(COPY, wait=1), HALT], "where no engine can go on"),
        ([encode("wait", tokens=1), HALT], "where no engine can go on"),
        ([vec(COPY)], "program must end with halt"),
        ([encode("end"), HALT], "a loop for each end"),
        ([0], "is illegal"),
        ([-1], "instruction of program must be an integer"),
    ],
)
def test_refused(program, message):
    with pytest.raises(UserError, match=message):
        predict(P, program)


def test_a_step_is_drawn(tmp_path):
    """Steps follow each other, and an operation of a step begins in it as often as steps do."""
    program = small_program()
    spans = predict(program.parameters, program.instructions).spans
    assert program.regions["losses"].shape == (2, 3)
    steps = [step_of(program, spans, number) for number in range(6)]
    assert all(a[1] == b[0] for a, b in zip(steps, steps[1:], strict=False))
    first = next(span.pc for span in spans if span.start == steps[0][0])
    for begin, end in steps:
        assert sum(begin <= span.start < end for span in spans if span.pc == first) == 1
    assert draw(program, spans, 2, "title", tmp_path / "step.png")
    assert (tmp_path / "step.png").read_bytes().startswith(b"\x89PNG")


def test_command_writes_a_program(tmp_path):
    words = "program --hidden 5 --arith hbfp8 -o"
    made_at = str(tmp_path / "made")
    result = CliRunner().invoke(main, [*words.split(), made_at], env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    listed = (tmp_path / "made" / "program.txt").read_text("utf-8").splitlines()
    code = (tmp_path / "made" / "program.bin").read_bytes()
    words = [int.from_bytes(code[n : n + 16], "little") for n in range(0, len(code), 16)]
    for pc, (line, word) in enumerate(zip(listed, words, strict=False)):
        number, name, *_ = line.split()
        assert (int(number), name) == (pc, decode(word)[0].name)
    assert any(line.startswith("; weight0: byte ") for line in listed)
    assert any(line.startswith("; weight0: bank ") for line in listed)
    cycles = predict(P, words, latency=40).cycles
    assert f"Predicted: {cycles:,} cycles." in result.stdout
    # 22 steps of 64; the gradient of the first layer's input is not needed.
    dense = 22 * 64 * 64 * 5
    [row] = [line for line in result.stdout.splitlines() if "0 dense, forward" in line]
    assert f" {dense:,} " in row
    share = 100 * (2 * dense + 3 * 22 * 64 * 5 * 10) / (cycles * 4 * 4 * 8)
    assert re.search(rf"│ +{share:.1f} % │\n└", result.stdout)
    size = (tmp_path / "made" / "memory.bin").stat().st_size
    assert f"{len(words)} instructions, {size:,} bytes of memory" in result.stdout


def test_command_refuses(tmp_path):
    for words, message in (
        ("--model resnet8", "set larger banks or a smaller batch"),
        ("--latency 0", "cycles, must be an integer from 1 to 1048560, not 0"),
        (
            "--latency 241 --set watchdog=8",
            "latency, with a watchdog of 256 cycles, must be an integer from 1 to 240, not 241",
        ),
        ("--batch 4 --steps 1", "have an image of the last class, 9, and their 4 images"),
        ("--set instructions=64", "instructions must be "),
        ("--epochs 0", "epochs must be"),
    ):
        made = tmp_path / "made"
        result = CliRunner().invoke(main, ["program", *words.split(), "-o", str(made)])
        assert result.exit_code == 2 and message in result.stderr, words
        assert not made.exists()


def test_no_folder_of_no_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["program", "-o", ""])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: cannot write to '': a folder needs a name\n"
