"""Areas of our own arithmetic units in gates, for the densities of `sw.bfp.density`."""

import dataclasses
from functools import partial
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.cells.bit import bits, pack
from hw.cells.carry import add
from hw.cells.multiplier import Multiplier
from hw.float.add import Adder
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import Design, emit
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from hw.flow.yosys import yosys
from sw.bfp.density import PUBLISHED, SIDES, WIDTHS, UnitAreas, density
from sw.formats import BFLOAT16, BINARY32

from .clocked import Clocked

__all__ = ["DensityRow", "compare", "own_areas"]

_FORMATS = BFLOAT16, BINARY32
_ADDERS = range(8, 17)

_UNREGISTERED = """\
read_verilog unit.v
hierarchy -top {top}
proc
flatten
opt_expr
opt_clean
techmap -map wires.v
opt_clean -purge
write_verilog -noattr logic.v
"""

_WIRES = """\
(* techmap_celltype = "$dff" *)
module wires (CLK, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;
  input CLK;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""


class IntegerAdder(Circuit):
    """Adder of two integers, combinational.

    Members
    -------
    a, b : In(width)
        Operands.
    o : Out(width)
        Their sum.
    """

    a: Signal
    b: Signal
    o: Signal

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__({"a": In(width), "b": In(width), "o": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        """Return the module: an adder in the fabric's own carry chain."""
        m = Module()
        m.d.comb += self.o.eq(pack(add(m, "generic", bits(self.a), bits(self.b))))
        return m


def unregistered(design: Design, *, progress: Progress) -> Design:
    """Return a design of one flat module in which every register is a wire.

    Its pipelines must go forward only and their clock be enabled always.
    """
    text = yosys(
        _UNREGISTERED.format(top=design.name),
        {"unit.v": design.verilog, "wires.v": _WIRES},
        ["logic.v"],
        progress=progress,
        stage=f"take the registers out of {design.name}",
    )["logic.v"]
    return Design(design.name, text, design.manifest)


def logic_area(unit: Circuit, name: str, *, progress: Progress) -> float:
    """Return the NAND2 equivalents of a unit's logic, without its registers."""
    top = Clocked(inner=unit, enabled=True, name="unit")
    design = unregistered(emit(top, name), progress=progress)
    cost = synthesize(design, "gates", progress=progress)
    return cost.total(cost.columns[0])


def own_areas(*, progress: Progress | None = None) -> UnitAreas:
    """Return the areas of our units in NAND2 equivalents, all mapped by the same script.

    Registers are left out of every unit: what is compared is combinational, as in the published
    areas. Integer multipliers are those of two's complement, whose product is too high by a
    constant that a dot product takes off once.
    """
    area = partial(logic_area, progress=progress or Progress())
    return UnitAreas(
        multiply={
            width: area(Multiplier(width=width, signed=True, target="generic"), f"multiply_{width}")
            for width in WIDTHS
        },
        add={width: area(IntegerAdder(width=width), f"add_{width}") for width in _ADDERS},
        multiply_float={
            f.name: area(FloatMultiplier(format=f, target="generic"), f"multiply_{f.name}")
            for f in _FORMATS
        },
        add_float={f.name: area(Adder(format=f), f"add_{f.name}") for f in _FORMATS},
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DensityRow:
    """The density of HBFP with so many bits against a floating-point format, for a side of tiles.

    ``published`` follows from the published areas of units, ``own`` from ours in gates.
    """

    width: int
    side: int
    against: str
    published: float
    own: float


def compare(*, progress: Progress | None = None) -> list[DensityRow]:
    """Return the densities by the published areas and by ours, side by side."""
    own = own_areas(progress=progress)
    return [
        DensityRow(
            width=width,
            side=side,
            against=format.name,
            published=density(PUBLISHED, width, side, format.name),
            own=density(own, width, side, format.name),
        )
        for width in WIDTHS
        for format in _FORMATS
        for side in SIDES
    ]
