"""Ripple addition in the carry cells of a target.

A carry cell adds two bits and a carry: it needs ``propagate``, their exclusive or, and
``generate``, which must equal either of them where they are equal and may be anything elsewhere.
"""

from itertools import permutations

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

from .bit import Bit, pack

__all__ = ["add"]

ZERO = Bit(0)


def add(m: Module, target: str, x: list[Bit], y: list[Bit], carry: Bit | None = None) -> list[Bit]:
    """Return the ``len(x)`` low bits of ``x + y + carry``; combinational.

    A carry cell holds most functions of 4 wires (``ecp5``) or 6 (``xilinx``); where it cannot hold
    ``x[i]`` and ``y[i]``, one of them gets a look-up table of its own.
    """
    if target == "ecp5":
        return _ecp5(m, x, y, carry)
    if target == "xilinx":
        return _xilinx(m, x, y, carry)
    # The lowest bit brings the carry in; it also keeps synthesis from fusing chains of additions.
    total = Signal(len(x) + 1)
    m.d.comb += total.eq(Cat((carry or ZERO).value, pack(x)) + Cat(1, pack(y)))
    return [Bit(total[i + 1]) for i in range(len(x))]


def _tables(x: Bit, y: Bit) -> tuple[tuple[Value, ...], int, int]:
    """Return the inputs of a cell and the tables of propagate and of ``x``."""
    inputs = x.union(y)
    first = x.over(inputs)
    return inputs, first ^ y.over(inputs), first


def _own(m: Module, bit: Bit) -> Bit:
    """Return a wire of its own for a function."""
    wire = Signal()
    m.d.comb += wire.eq(bit.value)
    return Bit(wire)


def _ecp5_cell(m: Module, x: Bit, y: Bit) -> tuple[int, list[Value]]:
    """Return INIT and A, B, C, D of half a CCU2C; its generate is INIT at C = D = 0."""
    inputs, propagate, first = _tables(x, y)
    for order in permutations(range(len(inputs))) if len(inputs) <= 4 else ():
        init: list[int | None] = [None] * 16
        if all(_fits(init, order, i, propagate, first) for i in range(1 << len(inputs))):
            wires = [inputs[k] for k in order] + [Const(1, 1)] * (4 - len(inputs))
            return sum((bit or 0) << i for i, bit in enumerate(init)), wires
    return _ecp5_cell(m, y, _own(m, x))


def _fits(
    init: list[int | None], order: tuple[int, ...], i: int, propagate: int, first: int
) -> bool:
    """Enter line ``i`` of the tables into INIT; False if an entry has the other value already."""
    index = sum((i >> k & 1) << place for place, k in enumerate(order))
    index |= 0b1111 & -(1 << len(order))
    wanted = [(index, propagate >> i & 1)]
    if not propagate >> i & 1:
        wanted.append((index & 0b11, first >> i & 1))
    for place, bit in wanted:
        if init[place] not in (None, bit):
            return False
        init[place] = bit
    return True


def _ecp5(m: Module, x: list[Bit], y: list[Bit], carry: Bit | None) -> list[Bit]:
    lead = [] if carry is None else [(carry, carry)]
    cells = [_ecp5_cell(m, p, q) for p, q in lead + list(zip(x, y, strict=True))]
    cells += [_ecp5_cell(m, ZERO, ZERO)] * (len(cells) % 2)
    sums = Signal(len(cells))
    chain: Value = Const(0, 1)
    for i in range(0, len(cells), 2):
        out = Signal()
        halves = {
            f"i_{pin}{k}": wire
            for k in range(2)
            for pin, wire in zip("ABCD", cells[i + k][1], strict=True)
        }
        m.submodules += Instance(
            "CCU2C",
            p_INIT0=Const(cells[i][0], 16),
            p_INIT1=Const(cells[i + 1][0], 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            i_CIN=chain,
            o_S0=sums[i],
            o_S1=sums[i + 1],
            o_COUT=out,
            **halves,
        )
        chain = out
    return [Bit(sums[len(lead) + i]) for i in range(len(x))]


def _xilinx_cell(m: Module, x: Bit, y: Bit) -> tuple[Value, Value]:
    """Return propagate and generate, from at most one look-up table."""
    inputs, propagate, first = _tables(x, y)
    lines = [i for i in range(1 << len(inputs)) if not propagate >> i & 1]
    generate: Value | None = None
    for k, wire in enumerate(inputs):
        if all((i >> k ^ first >> i) & 1 == 0 for i in lines):
            generate = wire
    for level in (0, 1):
        if all(first >> i & 1 == level for i in lines):
            generate = Const(level, 1)
    if not inputs:
        return Const(propagate, 1), Const(first, 1)
    if len(inputs) == 1 and propagate == 0b10:
        assert generate is not None
        return inputs[0], generate
    through = Signal()
    if generate is not None:
        size = len(inputs)
        wires = {f"i_I{k}": wire for k, wire in enumerate(inputs)}
        m.submodules += Instance(
            f"LUT{size}", p_INIT=Const(propagate, 1 << size), o_O=through, **wires
        )
        return through, generate
    if len(inputs) > 5:
        return _xilinx_cell(m, y, _own(m, x))
    generate = Signal()
    wires = [*inputs, *[Const(1, 1)] * (6 - len(inputs))]
    lines = [i & (1 << len(inputs)) - 1 for i in range(32)]
    low = sum((first >> i & 1) << k for k, i in enumerate(lines))
    high = sum((propagate >> i & 1) << k for k, i in enumerate(lines))
    m.submodules += Instance(
        "LUT6_2",
        p_INIT=Const(low | high << 32, 64),
        o_O6=through,
        o_O5=generate,
        **{f"i_I{k}": wire for k, wire in enumerate(wires)},
    )
    return through, generate


def _xilinx(m: Module, x: list[Bit], y: list[Bit], carry: Bit | None) -> list[Bit]:
    cells = [_xilinx_cell(m, p, q) for p, q in zip(x, y, strict=True)]
    cells += [(Const(0, 1), Const(0, 1))] * (-len(cells) % 4)
    sums = Signal(len(cells))
    chain: Value = Const(0, 1)
    for i in range(0, len(cells), 4):
        out = Signal(4)
        m.submodules += Instance(
            "CARRY4",
            i_CI=chain,
            i_CYINIT=(carry or ZERO).value if i == 0 else Const(0, 1),
            i_S=Cat(p for p, _ in cells[i : i + 4]),
            i_DI=Cat(g for _, g in cells[i : i + 4]),
            o_O=sums[i : i + 4],
            o_CO=out,
        )
        chain = out[3]
    return [Bit(sums[i]) for i in range(len(x))]
