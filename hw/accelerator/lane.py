"""A lane of the vector engine: an operation on one value of each operand."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import LANE_OPS
from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.accelerator.timing import ADDING
from sw.formats import BINARY32
from sw.formats.binary32 import NAN

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.add import Adder
from ..float.classify import classify
from ..float.multiplier import FloatMultiplier

__all__ = ["Lane", "cleaned", "maximum"]

_SIGN = 1 << VALUE_BITS - 1
_NAN = int(NAN.view("uint32"))
_NEVER = Const(0)
_ONE = 127 << BINARY32.fraction_bits


def cleaned(value: Value) -> Value:
    """Return a value, zero if it is subnormal and the one NaN if it is a NaN; combinational."""
    kind = classify(value)
    small = Cat(Const(0, VALUE_BITS - 1), value[-1])
    return Mux(kind.nan, _NAN, Mux(kind.zero, small, value))


def _positive(value: Value) -> Value:
    """Return whether a value is a normal number above 0, or infinity; combinational."""
    kind = classify(value)
    return ~value[-1] & ~kind.zero & ~kind.nan


def _greater(a: Value, b: Value) -> Value:
    """Return whether a cleaned number is greater than another; combinational."""
    some = (a | b)[:-1].any()
    # Of two negative ones that are equal either may be taken.
    return Mux(a[-1] ^ b[-1], b[-1] & some, (a[:-1] > b[:-1]) ^ a[-1])


def maximum(a: Value, b: Value, alone: Value = _NEVER) -> Value:
    """Return the greater one of cleaned values, ``b`` if none is, NaN if one is; combinational.

    With ``alone`` it is ``b``.
    """
    return Mux((_is_nan(a) & ~alone) | _is_nan(b), _NAN, Mux(_greater(a, b) & ~alone, a, b))


def _is_nan(value: Value) -> Value:
    """Return whether a cleaned value is the one NaN; combinational."""
    return value[22:31].all()


class Lane(Circuit):
    """An operation of the vector engine on a value of each operand, then perhaps a threshold.

    Latency is `sw.accelerator.timing.lane_latency` cycles, which differs between operations;
    interval one cycle. The function comes as ``x``: its operation is that of a copy.
    Arithmetic is that of `Adder` and `FloatMultiplier`. The adder serves reductions too, which have
    it when they need it. ``o`` and ``total`` come from registers.

    Members
    -------
    op : In(4)
        One of `LANE_OPS`, from a cycle before values on; it, ``relu`` and ``s`` stay while these
        are under way.
    relu : In(1)
        Zero in place of what is not positive.
    s : In(32)
        The scalar.
    x, y : In(32)
        Values; expected straight from registers, as are all inputs.
    o : Out(32)
    reducing : In(1)
        The adder takes ``a`` and ``b``.
    a, b : In(32)
    total : Out(32)
        What the adder gives.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                "op": In(4),
                "relu": In(1),
                "s": In(VALUE_BITS),
                "x": In(VALUE_BITS),
                "y": In(VALUE_BITS),
                "o": Out(VALUE_BITS),
                "reducing": In(1),
                "a": In(VALUE_BITS),
                "b": In(VALUE_BITS),
                "total": Out(VALUE_BITS),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Multiply, add, or do neither; take what the operation asks for."""
        m = Module()
        is_op = {op: register(m, 1, f"is_{op}", 1, self.op == n) for n, op in enumerate(LANE_OPS)}
        m.submodules.multiplier = multiplier = FloatMultiplier(
            format=BINARY32, target=self.parameters.target
        )
        m.submodules.adder = adder = Adder()
        y = delay(m, 1, self.y, multiplier.latency, name="y")
        opposite = Cat(self.y[:-1], self.y[-1] ^ is_op["sub"])
        addend = Mux(is_op["axpy"], y, Mux(is_op["shift"], self.s, opposite))
        m.d.comb += [
            multiplier.en.eq(1),
            multiplier.a.eq(self.x),
            multiplier.b.eq(Mux(is_op["mul"], self.y, self.s)),
            adder.en.eq(1),
            adder.a.eq(Mux(self.reducing, self.a, Mux(is_op["axpy"], multiplier.o, self.x))),
            adder.b.eq(Mux(self.reducing, self.b, addend)),
            self.total.eq(adder.o),
        ]
        direct = register(m, 1, "direct", VALUE_BITS, self._direct(m, is_op))
        adds, multiplies = (
            register(m, 1, name, 1, Cat(self.op == LANE_OPS.index(op) for op in ops).any())
            for name, ops in (("adds", ADDING), ("multiplies", ("mul", "scale")))
        )
        result = wire(
            m, "result", VALUE_BITS, Mux(adds, adder.o, Mux(multiplies, multiplier.o, direct))
        )
        nan = Mux(classify(result).nan, _NAN, 0)
        above = Mux(_positive(result), result, nan)
        m.d.sync += self.o.eq(Mux(self.relu, above, result))
        return m

    def _direct(self, m: Module, is_op: dict[str, Signal]) -> Value:
        """Return the result of an operation without arithmetic, a cycle later."""
        x = register(m, 1, "clean_x", VALUE_BITS, cleaned(self.x))
        y = register(m, 1, "clean_y", VALUE_BITS, cleaned(self.y))
        given = register(m, 1, "given_x", VALUE_BITS, self.x)
        zeros = ~(x | y)[:-1].any()
        equal = ((x == y) | zeros) & ~_is_nan(x)
        value: Value = given
        for op, result in {
            "fill": self.s,
            "max": maximum(x, y),
            "mask": Mux(_positive(y), given, 0),
            "equal": Mux(equal, _ONE, 0),
        }.items():
            value = Mux(is_op[op], result, value)
        return value
