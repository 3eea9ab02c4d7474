"""What a multiply-add costs in each format: gates, LUTs, switching and clock of a dot product."""

import dataclasses
from typing import Any

import numpy as np
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.bfp.pe import DotPE
from hw.float.add import Adder
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import Design, emit
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from sw.bfp.dot import DotParameters
from sw.formats import (
    BINARY32,
    BLOCK_FORMATS,
    FLOAT_FORMATS,
    MX_FORMATS,
    BlockFormat,
    FloatFormat,
    binary32,
)
from sw.formats.quantize import quantize

from ..switching import measure
from .clocked import Clocked
from .multipliers import used

__all__ = ["CIRCUITS", "LANES", "FloatMac", "FormatCost", "format_cost", "lut_pair"]

LANES = 16
"""Multiply-adds a cycle of a dot product."""

MEGAHERTZ = 250.0
"""What the router is asked for."""

CYCLES = 4096
"""Of a measurement of switching."""

WINDOWS = {"mxfp8_e4m3, window 20": ("mxfp8_e4m3", 20), "mxfp8_e5m2": ("mxfp8_e5m2", 24)}
"""Dot products of FP8 in a window; that of E4M3 without one is exact."""

CIRCUITS: tuple[str, ...] = (
    *("binary32", "bfloat16"),
    *("fb24", "fb16", "fb12", "hbfp8", "hbfp6", "hbfp4", "msfp16", "msfp12"),
    *("mxint8", "mxfp8_e4m3", *WINDOWS, "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4", "nvfp4"),
)
"""Formats, of which FP8 has several circuits."""


class FloatMac(Circuit):
    """Product of two floats, which is added to a binary32 value: a multiply-add a cycle.

    The product is rounded to ``format``. Latency is that of the multiplier and the adder, interval
    one enabled cycle.

    Parameters
    ----------
    format : FloatFormat
        Of the factors, with the exponents of binary32.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(format.width)
        Factors.
    c : In(32)
        What is added to the product now at the adder.
    o : Out(32)
        The sum.
    """

    def __init__(self, *, format: FloatFormat) -> None:
        self.format = format
        factors = {"a": In(format.width), "b": In(format.width)}
        super().__init__({"en": In(1), **factors, "c": In(32), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        """Multiply, widen, add."""
        m = Module()
        m.submodules.multiplier = multiplier = FloatMultiplier(format=self.format, target="generic")
        m.submodules.adder = adder = Adder(format=BINARY32)
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(self.a),
            multiplier.b.eq(self.b),
            adder.en.eq(self.en),
            adder.a.eq(multiplier.o << BINARY32.width - self.format.width),
            adder.b.eq(self.c),
            self.o.eq(adder.o),
        ]
        return m


@dataclasses.dataclass(frozen=True, kw_only=True)
class FormatCost:
    """What a multiply-add costs, its share of the sum and of all registers included.

    Parameters
    ----------
    name : str
        Of `CIRCUITS`.
    gates : float
        NAND2 equivalents.
    xilinx, ecp5 : float
        LUTs of the 7 series, and LUT4 equivalents.
    switching : float
        Toggles weighted by the cells' area, on normal operands.
    megahertz : float or None
        Routed on ECP5, the median of several seeds; None if not routed.
    """

    name: str
    gates: float
    xilinx: float
    ecp5: float
    switching: float
    megahertz: float | None = None


def parameters(name: str, target: str) -> DotParameters:
    """Return those of a dot product whose blocks are its lanes."""
    preset, window = WINDOWS.get(name, (name, None))
    form = (BLOCK_FORMATS | MX_FORMATS)[preset]
    return DotParameters(
        format=dataclasses.replace(form, block=(LANES,)),
        lanes=LANES,
        window=window,
        target=target if target in ("ecp5", "xilinx") else "generic",
    )


def _circuit(name: str, target: str) -> tuple[Circuit, int]:
    """Return the circuit, and its multiply-adds a cycle."""
    if name in FLOAT_FORMATS:
        return FloatMac(format=FLOAT_FORMATS[name]), 1
    return DotPE(parameters=parameters(name, target)), LANES


def _design(name: str, target: str) -> tuple[Design, int]:
    circuit, count = _circuit(name, target)
    legal = "".join(c if c.isalnum() else "_" for c in name)
    return emit(Clocked(inner=circuit, registered=True, name="inner"), f"mac_{legal}"), count


def lut_pair(name: str, *, progress: Progress | None = None) -> tuple[float, float]:
    """Return the LUTs of the 7 series and the LUT4 equivalents of a multiply-add."""
    found = []
    for target in ("xilinx", "ecp5"):
        design, count = _design(name, target)
        totals = used(synthesize(design, target, progress=progress or Progress()))
        luts = totals["LUT"] + totals.get("SRL", 0) if target == "xilinx" else 0
        found.append((luts or totals["LUT4 equivalents"]) / count)
    return found[0], found[1]


def format_cost(name: str, seeds: int = 0, *, progress: Progress | None = None) -> FormatCost:
    """Return the cost of a multiply-add, routed with ``seeds`` placements if any.

    Inputs come from registers, which count; ``DSP`` blocks are not used.
    """
    told = progress or Progress()
    xilinx, ecp5 = lut_pair(name, progress=told)
    design, count = _design(name, "gates")
    gates = used(synthesize(design, "gates", progress=told))["NAND2 equivalents"] / count
    megahertz = None
    if seeds:
        design, _ = _design(name, "ecp5")
        cost = synthesize(design, "ecp5", seeds=seeds, megahertz=MEGAHERTZ, progress=told)
        assert cost.clock is not None
        megahertz = cost.clock.median
    return FormatCost(
        name=name,
        gates=gates,
        xilinx=xilinx,
        ecp5=ecp5,
        switching=_switching(name, progress=told),
        megahertz=megahertz,
    )


def _switching(name: str, *, progress: Progress) -> float:
    """Return what a multiply-add switches on normal operands of a fixed seed."""
    circuit, count = _circuit(name, "generic")
    rng = np.random.default_rng(1)
    values = rng.standard_normal((2, CYCLES, count)).astype(np.float32)
    inputs: dict[str, Any] = {"en": 1}
    if name in FLOAT_FORMATS:
        form = FLOAT_FORMATS[name]
        for side, x in zip("ab", values, strict=True):
            inputs[side] = binary32.to_bits(binary32.rounded(x[:, 0], form), form)
        inputs["c"] = binary32.to_bits(rng.standard_normal(CYCLES).astype(np.float32))
    else:
        form = parameters(name, "generic").format
        for side, x in zip("ab", values, strict=True):
            inputs[side] = _words(x, form, rng)
    return measure(circuit, inputs, progress=progress).weighted / count


def _words(x: np.ndarray, form: BlockFormat, rng: np.random.Generator) -> np.ndarray:
    """Return the codes of vectors side by side, as integers of any size."""
    random = rng.integers(0, 1 << form.random_bits, x.shape)
    codes = quantize(x, form, random=random).code.astype(object)
    shifts = np.array([form.element_bits * lane for lane in range(x.shape[1])], object)
    return (codes << shifts).sum(1)
