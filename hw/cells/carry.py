"""Ripple addition in the carry cells of a target.

A carry cell adds two bits and a carry: it needs ``propagate``, their exclusive or, and
``generate``, which must equal either of them where they are equal and may be anything elsewhere.
"""

from itertools import permutations

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value

from .bit import Bit, pack
from .lut import lut, lut_pair

__all__ = ["add", "add_three"]

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


def add_three(m: Module, x: list[Bit], y: list[Bit], z: list[Bit]) -> list[Bit]:
    """Return the ``len(x)`` low bits of ``x + y + z``, wires, in carry cells of ``xilinx``.

    A table of two outputs adds three bits; its carry out goes to the next cell's generate.
    """
    cells: list[tuple[Value, Value]] = []
    kept = ZERO
    for p, q, r in zip(x, y, z, strict=True):
        through, carry = lut_pair(m, p ^ q ^ r ^ kept, p & q | p & r | q & r)
        cells.append((through, kept.value))
        kept = Bit(carry)
    return _carry4(m, cells, None)


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
    if generate is not None and (through := lut(m, x ^ y)) is not None:
        return through, generate
    if len(inputs) > 5:
        return _xilinx_cell(m, y, _own(m, x))
    return lut_pair(m, x ^ y, x)


def _xilinx(m: Module, x: list[Bit], y: list[Bit], carry: Bit | None) -> list[Bit]:
    return _carry4(m, [_xilinx_cell(m, p, q) for p, q in zip(x, y, strict=True)], carry)


def _carry4(m: Module, cells: list[tuple[Value, Value]], carry: Bit | None) -> list[Bit]:
    """Return the sum bits of cells, propagate and generate each.

    A top bit that only shows the carry takes no CARRY4 of its own.
    """
    top: list[Const] = []
    if len(cells) % 4 == 1 and len(cells) > 1 and isinstance(cells[-1][0], Const):
        top, cells = [cells[-1][0]], cells[:-1]
    count = len(cells)
    cells = cells + [(Const(0, 1), Const(0, 1))] * (-count % 4)
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
    return [Bit(sums[i]) for i in range(count)] + [Bit(chain) ^ Bit(bit.value) for bit in top]
