"""Units that no board has room for are refused by arithmetic, and no others."""

import dataclasses
import re

import pytest

from boards.bound import check_bound
from boards.build import build
from boards.table import BOARDS
from hw.flow.bound import room
from hw.flow.emit import emit, generate
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from hw.flow.yosys import yosys
from hw.sparse.pe import ProcessingElement
from hw.units import UNITS
from hw.units.sparse import ELEMENT_REGISTERS
from sim.costs.multipliers import used
from sw.errors import UserError


def parameters(unit: str, *sets: str):
    """Return parameters; of two texts that set a field the later counts."""
    last = {text.partition("=")[0]: text for text in sets}
    return UNITS[unit].parameters.make(overrides=last.values())


@pytest.fixture
def no_tools(monkeypatch):
    """Fail if a design is generated or synthesized."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("made")

    for name in ("boards.build.board_design", "hw.flow.use.map_design", "hw.flow.use.cost_of"):
        monkeypatch.setattr(name, fail)


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize(
    ("board", "unit", "sets", "words"),
    [
        (
            "icebreaker",
            "bfp_array",
            ["format=hbfp4", "rows=16", "columns=16"],
            "with rows=16, columns=16, lanes=8 it takes at least 9,536 registers, of which iCE40",
        ),
        ("orangecrab-25f", "bfp_array", ["rows=32", "columns=32"], "least .* room for 24,288"),
        ("tang-nano-20k", "bfp_transposer", ["format.block=[64,64]"], "room for 15,552"),
        ("icebreaker", "bfp_converter", ["format.block=65536"], "bits stored, of which"),
        ("icebreaker", "amsim_multiplier", ["bits=9", "format=binary32"], "bits stored, of which"),
        (
            "ulx3s-85f",
            "sparse_array",
            ["pe_rows=32", "columns=32"],
            "least 513,108 registers, of wh",
        ),
        ("ulx3s-85f", "sparse_array", ["pe_rows=8", "patch=4096", "sums=1024"], "bits stored, of "),
        ("tang-nano-9k", "sparse_array", [], "least 8,212 registers, of which .* room for 6,480"),
        ("arty-a7-35", "outer_product", ["rows=128", "columns=128"], "room for 41,600"),
        ("tang-nano-9k", "stochastic_converter", ["elements=1024"], "room for 6,480"),
        ("ulx3s-25f", "csb_decoder", ["values=65536", "blocks=4096"], "bits stored, of which"),
        (
            "icebreaker",
            "load_balancer",
            ["pe_rows=64", "subtiles=4", "count_bits=20", "pointer_bits=20"],
            "registers",
        ),
        ("arty-a7-35", "bfp_multimode_array", ["rows=3", "columns=64"], "registers, of which"),
        ("tang-nano-9k", "approx_array", ["rows=64", "columns=64"], "registers, of which"),
    ],
)
def test_what_cannot_fit_is_refused_before_any_tool_runs(board, unit, sets, words):
    with pytest.raises(UserError, match=words):
        build(board, unit, parameters(unit, *sets))


@pytest.mark.parametrize("board", list(BOARDS))
def test_the_defaults_of_all_units_are_left_to_synthesis(board):
    for unit in UNITS:
        if (board, unit) in NO_ROOM:
            with pytest.raises(UserError, match=f"^{unit} does not fit {board}: "):
                check_bound(BOARDS[board], unit, parameters(unit))
        else:
            check_bound(BOARDS[board], unit, parameters(unit))


# Sixteen elements; operands of 64 x 64 x 256.
NO_ROOM = {
    ("icebreaker", "sparse_array"),
    ("tang-nano-9k", "sparse_array"),
    ("icebreaker", "array_shell"),
    ("icebreaker", "approx_array_shell"),
    ("icebreaker", "multimode_array_shell"),
}

SMALL = {
    "bfp_array": ["format=hbfp4", "rows=2", "columns=2", "lanes=2"],
    "array_shell": ["format=hbfp4", "rows=2", "columns=2", "lanes=2", "words_a=32"],
    "bfp_multimode_array": ["rows=1", "columns=1"],
    "multimode_array_shell": ["rows=1", "columns=1", "words_a=32"],
    "bfp_transposer": ["format.block=[4,4]"],
    "approx_array": ["rows=2", "columns=1"],
    "approx_array_shell": ["rows=2", "columns=1", "words_a=32"],
    "load_balancer": ["pe_rows=4", "subtiles=2"],
    "outer_product": ["rows=4", "columns=4", "length=16", "batch=2"],
    "stochastic_converter": ["elements=4", "length=8"],
    "bfp_converter": ["format.block=16", "lanes=2"],
    "sparse_array": ["pe_rows=1", "columns=1", "subtiles=1", "nonzeros=8", "patch=8", "sums=8"],
    "csb_decoder": ["blocks=4", "values=8"],
    "amsim_multiplier": ["bits=2", "lanes=1"],
}


COUNT = (
    "proc\nflatten\nopt\nmemory_dff\nmemory_collect\nopt -full\nopt_clean\nwrite_rtlil count.il\n"
)


@pytest.mark.parametrize("unit", list(SMALL))
def test_no_unit_takes_less_than_the_bound(unit):
    """Of the registers and memories of the unit as one module, optimized."""
    design = generate(unit, parameters(unit, *SMALL[unit]))
    script = f"read_verilog design.v\nhierarchy -top {design.name}\n{COUNT}"
    files = {"design.v": design.verilog}
    text = yosys(script, files, ["count.il"], progress=Progress(), stage="count")["count.il"]
    cells = re.findall(r"^  cell \$(\w+) .*?^  end$", text, re.M | re.S)
    bodies = re.findall(r"^  cell \$\w+ .*?^  end$", text, re.M | re.S)
    registers = memory = 0
    for kind, body in zip(cells, bodies, strict=True):
        size = {n: int(v) for n, v in re.findall(r"parameter \\(\w+) (\d+)$", body, re.M)}
        registers += size["WIDTH"] if "dff" in kind else 0
        memory += size["WIDTH"] * size["SIZE"] if kind == "mem_v2" else 0
    stored = UNITS[unit].stored(parameters(unit, *SMALL[unit]))
    assert stored.registers <= registers and stored.memory <= memory
    assert stored.registers + stored.memory > 0


@pytest.mark.parametrize(
    ("family", "target"),
    [("ecp5", "ecp5"), ("gowin", "generic"), ("ice40", "generic"), ("xilinx", "xilinx")],
)
def test_an_element_of_the_sparse_array_takes_the_registers_that_are_counted(family, target):
    cost = synthesize(emit(ProcessingElement(target=target), "element"), family)
    assert used(cost)["FF"] >= ELEMENT_REGISTERS


def test_what_is_counted_has_a_case():
    some = {name for name, unit in UNITS.items() if unit.storage}
    assert some == set(SMALL)


def test_room_counts_registers_memories_and_tables():
    assert room(BOARDS["icebreaker"].chip) == 5280 + 30 * 4096 + 5280 * 16
    assert room(BOARDS["arty-a7-35"].chip) == 41600 + 50 * 36864 + 20800 * 64


@pytest.mark.parametrize(
    ("unit", "sets", "registers", "memory"),
    [
        # rows x columns x lanes elements of 4 bits; with DSP blocks those of all rows but one.
        ("bfp_array", [], 32, 0),
        ("bfp_array", ["multiplier=dsp", "target=ecp5"], 16, 0),
        ("bfp_transposer", [], 4 * 4 * 8, 0),
        ("bfp_converter", [], 0, 16 * 8),
        ("bfp_converter", ["lanes=16"], 0, 0),
        ("approx_array", [], 2 * 8, 2 * 32),
        ("approx_array", ["rows=3", "multiplier=table", "bits=2"], 3 * 3, 3 * 32 + 2 * 48),
        ("amsim_multiplier", [], 0, 4**2 * 3),
        ("amsim_multiplier", ["lanes=3"], 0, 2 * 4**2 * 3),
        ("sparse_array", [], 500, 32 * 2 * (8 + 8)),
        ("sparse_array", ["columns=3"], 3 * 500, 3 * 32 * 2 * (8 + 8)),
        ("csb_decoder", [], 0, 4 * (9 + 20) + 8 * 32),
        ("load_balancer", [], 8 * (12 + 3), 0),
        ("outer_product", [], 16 * 5, 16 * 15),
        ("stochastic_converter", [], 4 * (8 + 1), 0),
        ("bfp_multimode_array", [], 2 * 16 * 17, 0),
        # Words of 54 bits each.
        ("multimode_array_shell", ["words_b=16"], 2 * 16 * 17, 54 * (32 + 16)),
        # Words of two values of 16 bits, and of one.
        ("approx_array_shell", ["words_b=16"], 2 * 8, 2 * 32 + 32 * 32 + 16 * 16),
    ],
)
def test_the_bound_counts_no_more_than_is_said(unit, sets, registers, memory):
    stored = UNITS[unit].stored(parameters(unit, *SMALL[unit], *sets))
    assert (stored.registers, stored.memory) == (registers, memory)


@pytest.mark.parametrize(
    ("unit", "sets", "bits"),
    [
        # A square of 128 bits and a beat of 41, one bit of it a flag, that the link holds.
        ("bfp_transposer", [], 169),
        # Beats of up to a byte are not counted: of operands of 32 bits and entries of 3, and of
        # pointers of 20, values and activations of 32 each, and masks of 8; an element has 500.
        ("amsim_multiplier", [], 32),
        ("sparse_array", ["mask_bits=8"], 584),
    ],
)
def test_what_just_fits_is_left_to_synthesis(unit, sets, bits):
    p = parameters(unit, *SMALL[unit], *sets)
    board = BOARDS["icebreaker"]
    whole, less = (
        dataclasses.replace(
            board, chip=dataclasses.replace(board.chip, resources={"FF": number, "SB_RAM40": 1})
        )
        for number in (bits, bits - 1)
    )
    check_bound(whole, unit, p)
    words = f"icebreaker: .*it takes at least {bits} registers, .* for {bits - 1}$"
    with pytest.raises(UserError, match=words):
        check_bound(less, unit, p)
