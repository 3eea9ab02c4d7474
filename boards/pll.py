"""The phase-locked loops, made of each family's primitive."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from amaranth.hdl import Const, Instance, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

from .dividers import Dividers

__all__ = ["Pll", "models"]


def models(family: str) -> Path:
    """Return the Verilog file that simulates a family's loops: the clock passes, it is locked."""
    return Path(__file__).parent / "models" / f"{family}.v"


class Pll(Circuit):
    """Phase-locked loop of a device.

    ``locked`` and ``clock`` are valid after the device's lock time; ``locked`` is asynchronous.

    Parameters
    ----------
    dividers : Dividers
        Its settings.

    Members
    -------
    reference : In(1)
        The oscillator's clock.
    clock : Out(1)
        The clock made.
    locked : Out(1)
        Whether ``clock`` can be used.
    """

    def __init__(self, *, dividers: Dividers) -> None:
        self.dividers = dividers
        super().__init__({"reference": In(1), "clock": Out(1), "locked": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        """Instantiate the loop of the device."""
        m = Module()
        _PRIMITIVES[self.dividers.kind](m, self, self.dividers)
        return m


def _ecp5(m: Module, pll: Pll, d: Dividers) -> None:
    # The analogue settings are those of the vendor's tool for a loop of this kind.
    attributes = {
        "ICP_CURRENT": "12",
        "LPF_RESISTOR": "8",
        "MFG_ENABLE_FILTEROPAMP": "1",
        "MFG_GMCREF_SEL": "2",
    }
    low = ("RST", "STDBY", "PHASESEL0", "PHASESEL1", "PLLWAKESYNC", "ENCLKOP")
    high = ("PHASEDIR", "PHASESTEP", "PHASELOADREG")
    m.submodules.loop = Instance(
        "EHXPLLL",
        p_CLKI_DIV=d.input,
        p_CLKFB_DIV=d.feedback,
        p_CLKOP_DIV=d.output,
        p_CLKOP_CPHASE=d.output // 2 - (d.output % 2 == 0) if d.output > 1 else 0,
        p_CLKOP_FPHASE=0,
        p_CLKOP_ENABLE="ENABLED",
        p_FEEDBK_PATH="CLKOP",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        **{f"p_OUTDIVIDER_MUX{name}": f"DIV{name}" for name in "ABCD"},
        **{f"a_{name}": value for name, value in attributes.items()},
        **{f"i_{name}": Const(0, 1) for name in low},
        **{f"i_{name}": Const(1, 1) for name in high},
        i_CLKI=pll.reference,
        i_CLKFB=pll.clock,
        o_CLKOP=pll.clock,
        o_LOCK=pll.locked,
    )


_FILTERS = (17, 26, 44, 66, 101)
"""MHz of the phase detector below which the filter range is 1, 2, …; above the last it is 6."""


def _ice40(m: Module, pll: Pll, d: Dividers) -> None:
    m.submodules.loop = Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(d.input - 1, 4),
        p_DIVF=Const(d.feedback - 1, 7),
        p_DIVQ=Const(d.output.bit_length() - 1, 3),
        p_FILTER_RANGE=Const(1 + sum(d.detector >= limit for limit in _FILTERS), 3),
        i_PACKAGEPIN=pll.reference,
        i_RESETB=Const(1, 1),
        i_BYPASS=Const(0, 1),
        o_PLLOUTGLOBAL=pll.clock,
        o_LOCK=pll.locked,
    )


def _gowin(device: str) -> Callable[[Module, Pll, Dividers], None]:
    def loop(m: Module, pll: Pll, d: Dividers) -> None:
        unused = {"CLKFB": 1, "FBDSEL": 6, "IDSEL": 6, "ODSEL": 6, "PSDA": 4, "DUTYDA": 4}
        unused |= {"FDLY": 4, "RESET": 1, "RESET_P": 1}
        m.submodules.loop = Instance(
            "rPLL",
            p_DEVICE=device,
            p_FCLKIN=f"{float(d.reference):g}",
            p_IDIV_SEL=d.input - 1,
            p_FBDIV_SEL=d.feedback - 1,
            p_ODIV_SEL=d.output,
            **{f"i_{name}": Const(0, bits) for name, bits in unused.items()},
            i_CLKIN=pll.reference,
            o_CLKOUT=pll.clock,
            o_LOCK=pll.locked,
        )

    return loop


def _xilinx(m: Module, pll: Pll, d: Dividers) -> None:
    loop, made = Signal(), Signal()
    m.submodules.loop = Instance(
        "PLLE2_BASE",
        p_CLKIN1_PERIOD=float(1000 / d.reference),
        p_DIVCLK_DIVIDE=d.input,
        p_CLKFBOUT_MULT=d.feedback,
        p_CLKOUT0_DIVIDE=d.output,
        i_CLKIN1=pll.reference,
        i_CLKFBIN=loop,
        i_PWRDWN=Const(0, 1),
        i_RST=Const(0, 1),
        o_CLKFBOUT=loop,
        o_CLKOUT0=made,
        o_LOCKED=pll.locked,
    )
    m.submodules.buffer = Instance("BUFG", i_I=made, o_O=pll.clock)


_PRIMITIVES: Mapping[str, Callable[[Module, Pll, Dividers], None]] = {
    "ecp5": _ecp5,
    "ice40": _ice40,
    "gw1n": _gowin("GW1NR-9C"),
    "gw2a": _gowin("GW2AR-18C"),
    "xilinx": _xilinx,
}
