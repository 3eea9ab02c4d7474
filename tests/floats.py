"""The pipelines of `hw.float` behind streams, run as RTL or netlist on patterns."""

import dataclasses
from typing import Any

import numpy as np

from hw.base.field import Field
from hw.bus.top import AxiTop
from hw.float.add import Adder
from hw.float.from_integer import FromInteger
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import Design, emit
from hw.stream.packet import Packet
from sim.bench import run
from sim.streams import pack
from sw.formats import FLOAT_FORMATS
from sw.parameters import Parameters
from sw.timing import Timing
from tests.piped import Piped

EXPONENT_BITS = 11


@dataclasses.dataclass(frozen=True, kw_only=True)
class FloatParameters(Parameters):
    """``operation`` is ``add``, ``multiply`` or ``round``, of an integer of ``width`` bits."""

    operation: str
    format: str = "binary32"
    width: int = 0
    target: str = "generic"

    @property
    def circuit(self) -> Any:
        if self.operation == "round":
            return FromInteger(width=self.width, exponent_bits=EXPONENT_BITS)
        if self.operation == "add":
            return Adder(format=FLOAT_FORMATS[self.format])
        return FloatMultiplier(format=FLOAT_FORMATS[self.format], target=self.target)

    @property
    def timing(self) -> Timing:
        return Timing(latency=self.circuit.latency + 1)


class FloatUnit(Piped):
    """A pipeline of `hw.float` between streams."""

    def __init__(self, *, parameters: FloatParameters) -> None:
        self.parameters = p = parameters
        word = FLOAT_FORMATS[p.format].width
        fields = {"a": word, "b": word}
        if p.operation == "round":
            fields = {"mantissa": p.width, "exponent": EXPONENT_BITS, "nan": 1}
        operands = (Field(name=n, bits=bits, description=n) for n, bits in fields.items())
        result = Field(name="o", bits=word, description="result")
        super().__init__(inner=p.circuit, inputs=Packet(*operands), output=result)


def design(operation: str, **fields: Any) -> Design:
    p = FloatParameters(operation=operation, **fields)
    top = AxiTop(unit="float_unit", core=FloatUnit, parameters=p)
    return emit(top, "float_unit", parameters=p)


def run_patterns(design: Design, fields: dict[str, np.ndarray], **options: Any) -> np.ndarray:
    """Return the pattern that comes out for each pattern of the fields."""
    beats = pack(
        design.manifest["streams"]["s_axis"],
        {name: np.asarray(values).reshape(-1, 1) for name, values in fields.items()},
    )
    result = run(design, inputs={"s_axis": beats}, outputs={"m_axis": len(beats)}, **options)
    found = result.outputs["m_axis"]
    return found.view(f"u{found.shape[1]}").ravel()
