"""Look-up tables of Xilinx 7."""

from amaranth.hdl import Const, Instance, Module, Signal, Value

from .bit import Bit

__all__ = ["lut", "lut_pair"]


def lut(m: Module, function: Bit) -> Value | None:
    """Return a function from one table, or a wire that it is; None if its inputs are too many."""
    function = function.reduced()
    size = len(function.inputs)
    if size > 6:
        return None
    if size == 0:
        return Const(function.table, 1)
    if function.table == 0b10:
        return function.inputs[0]
    out = Signal()
    wires = {f"i_I{k}": wire for k, wire in enumerate(function.inputs)}
    init = Const(function.table, 1 << size)
    m.submodules += Instance(f"LUT{size}", p_INIT=init, o_O=out, **wires)
    return out


def lut_pair(m: Module, first: Bit, second: Bit) -> tuple[Value, Value]:
    """Return two functions, of five inputs together, from one table with two outputs."""
    inputs = first.union(second)
    wires = [*inputs, *[Const(1, 1)] * (6 - len(inputs))]
    high, low = (
        sum((f.over(inputs) >> (i & (1 << len(inputs)) - 1) & 1) << i for i in range(32))
        for f in (first, second)
    )
    out, beside = Signal(), Signal()
    m.submodules += Instance(
        "LUT6_2",
        p_INIT=Const(low | high << 32, 64),
        o_O6=out,
        o_O5=beside,
        **{f"i_I{k}": wire for k, wire in enumerate(wires)},
    )
    return out, beside
