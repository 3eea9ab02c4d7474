"""The top module of a board: its clock, its reset, and a unit behind a serial link."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Signal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.flow.emit import Design, emit
from hw.units import unit as find_unit
from sw.errors import UserError
from sw.parameters import Parameters

from .dividers import Dividers, divide
from .link.unit import SerialUnit
from .pll import Pll, models
from .settings import LinkSettings
from .table import board as find_board

__all__ = ["BoardTop", "board_design"]


class BoardTop(Circuit):
    """A unit on a board, behind a serial line.

    The unit is reset until the clock is stable and for 4,096 cycles more: block memory of iCE40
    reads as zeros for some microseconds after the device was configured.

    Parameters
    ----------
    unit : str
        Name of the unit in the table of units.
    parameters : Parameters
        Its configuration.
    settings : LinkSettings
        Of the link.
    dividers : Dividers, optional
        Of the loop that makes the unit's clock; without it the unit has the board's clock.
    inverted : bool
        Whether a 0 lights the LEDs.

    Members
    -------
    clk : In(1)
        The board's clock.
    rx, tx : In(1), Out(1)
        The serial line, idle at 1.
    led_busy, led_error : Out(1)
        What the link says of itself.
    """

    clk: Signal
    rx: Signal
    tx: Signal
    led_busy: Signal
    led_error: Signal

    HELD = 12
    """The reset is held for two to the power of this many cycles."""

    def __init__(
        self,
        *,
        unit: str,
        parameters: Parameters,
        settings: LinkSettings,
        dividers: Dividers | None,
        inverted: bool,
    ) -> None:
        self.unit = SerialUnit(unit=unit, parameters=parameters, settings=settings)
        self.dividers = dividers
        self.inverted = inverted
        lit = "lit by a 0" if inverted else "lit by a 1"
        self.notes = {
            "clk": "the board's clock",
            "rx": "serial line from the host",
            "tx": "serial line to the host",
            "led_busy": f"LED: frames have come lately, {lit}",
            "led_error": f"LED: a frame was damaged, {lit}",
        }
        self.facts = {
            "unit": unit,
            "board": settings.board,
            "hertz": settings.clock,
            "baud": settings.baud,
            "buffer": settings.buffer,
            "clock": "clk",
            "reset": "",
        }
        members: Mapping[str, Any] = {"clk": In(1), "rx": In(1)}
        super().__init__({**members, **dict.fromkeys(("tx", "led_busy", "led_error"), Out(1))})

    def elaborate(self, platform: Any) -> Module:
        """Make the clock, hold the reset until it is stable, connect the unit."""
        m = Module()
        m.domains.unit = ClockDomain(reset_less=True)
        locked = Signal()
        if self.dividers is None:
            m.d.comb += [ClockSignal("unit").eq(self.clk), locked.eq(1)]
        else:
            m.submodules.pll = pll = Pll(dividers=self.dividers)
            m.d.comb += [
                pll.reference.eq(self.clk),
                ClockSignal("unit").eq(pll.clock),
                locked.eq(pll.locked),
            ]

        stable = Signal(2)
        held = Signal(self.HELD + 1)
        m.d.unit += stable.eq(Cat(locked, stable[0]))
        with m.If(~stable[1]):
            m.d.unit += held.eq(0)
        with m.Elif(~held[-1]):
            m.d.unit += held.eq(held + 1)

        m.submodules.unit = unit = self.unit
        m.d.comb += [
            unit.aclk.eq(ClockSignal("unit")),
            unit.aresetn.eq(held[-1]),
            unit.rx.eq(self.rx),
            self.tx.eq(unit.tx),
            self.led_busy.eq(unit.busy ^ self.inverted),
            self.led_error.eq(unit.error ^ self.inverted),
        ]
        return m


def board_design(
    board: str,
    unit: str,
    parameters: Parameters,
    *,
    clock: float | None = None,
    baud: int | None = None,
) -> Design:
    """Return the Verilog that is built for a board, and simulated.

    Parameters
    ----------
    board, unit : str
        Names in the tables of boards and of units.
    parameters : Parameters
        Of the unit.
    clock : float, optional
        MHz of the unit and of the link, instead of the board's usual one. The clock made is the
        nearest that the board's PLL has; the manifest's ``hertz`` tells it.
    baud : int, optional
        Bits a second on the serial line, instead of the board's usual ones.

    Raises
    ------
    UserError
        For an unknown board or unit, a unit that works on a memory, a clock that cannot be made,
        or too many bauds.
    """
    where = find_board(board)
    masters = find_unit(unit).top(parameters).masters
    if masters:
        raise UserError(f"{unit} works on a memory, at {', '.join(masters)}, and no board has one")
    dividers = divide(where.loop, where.reference, where.clock if clock is None else clock)
    made = where.reference if dividers is None else dividers.clock
    settings = LinkSettings(
        board=board,
        clock=round(made * 10**6),
        baud=where.baud if baud is None else baud,
        buffer=where.buffer,
    )
    top = BoardTop(
        unit=unit,
        parameters=parameters,
        settings=settings,
        dividers=dividers,
        inverted=where.inverted,
    )
    summary = f"on {where.title} at {float(made):g} MHz, {settings.baud:,} baud"
    primitives = (models(where.family),)
    return emit(top, "board_top", parameters=parameters, summary=summary, primitives=primitives)
