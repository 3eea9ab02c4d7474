"""What a table costs: block RAM of two ports, each entry once; bits of memory beside gates."""

from typing import Any

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.wiring import In

from hw.approx.table import ProductTable
from hw.base.circuit import Circuit
from hw.flow.emit import emit, generate
from hw.flow.report import as_dict
from hw.flow.synth import Cost, Liberty, synthesize
from sw.approx.amsim_multiplier import AmsimParameters
from tests.flow.test_synth import LIBERTY


class Tables(Circuit):
    """Tables of several sizes by themselves."""

    def __init__(self, *, sizes: tuple[int, ...]) -> None:
        self.tables = {bits: ProductTable(bits=bits) for bits in sizes}
        members: dict[str, Any] = {"aclk": In(1)}
        for bits, table in self.tables.items():
            members |= {f"{n}_{bits}": member for n, member in table.signature.members.items()}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.aclk)
        for bits, table in self.tables.items():
            m.submodules[f"table_{bits}"] = table
            for name, member in table.signature.members.items():
                ours, theirs = getattr(self, f"{name}_{bits}"), getattr(table, name)
                m.d.comb += theirs.eq(ours) if member.flow is In else ours.eq(theirs)
        return m


def _cells(cost: Cost, *kinds: str) -> dict[str, tuple[int, ...]]:
    return {
        part.module: tuple(part.cells.get(kind, 0) for kind in kinds)
        for part in cost.components
        if part.module.startswith("product_table")
    }


KINDS = {
    # Two ports of 1024 x 18 or 16384 x 1 bits; small tables in look-up tables.
    "ecp5": (("DP16KD", "TRELLIS_DPR16X4"), {3: (0, 8), 5: (1, 0), 7: (8, 0)}),
    # Two ports of 1024 x 18 and 16384 x 2 bits.
    "xilinx": (("RAMB18E1", "RAMB36E1", "RAM64X1D"), {3: (0, 0, 4), 5: (1, 0, 0), 7: (0, 4, 0)}),
    "gowin": (("DPB", "DPX9B"), {3: (0, 0), 5: (0, 1), 7: (8, 0)}),
}


@pytest.mark.parametrize("target", KINDS)
def test_a_table_is_held_once_for_two_lanes(target):
    kinds, counts = KINDS[target]
    cost = synthesize(emit(Tables(sizes=tuple(counts)), "tables"), target)
    found = _cells(cost, *kinds)
    assert found == {f"product_table_bits{bits}": count for bits, count in counts.items()}


def _unit(bits: int, lanes: int) -> Any:
    return generate("amsim_multiplier", AmsimParameters(bits=bits, lanes=lanes))


def test_a_large_table_stays_whole_beside_gates(tmp_path):
    cost = synthesize(_unit(7, 3), "gates")
    report = {entry["resource"]: entry["used"] for entry in as_dict(cost)["resources"]}
    assert report["memory bits"] == 2 * 8 * 4**7
    assert report["FF"] < 1000
    (tmp_path / "small.lib").write_text(LIBERTY)
    mapped = synthesize(_unit(5, 1), "gates", liberty=Liberty.read(tmp_path / "small.lib"))
    totals = {column.title: mapped.total(column) for column in mapped.columns}
    assert totals.pop("memory bits") == 6 * 4**5
    assert set(totals) == {"NAND2 equivalents", "area (small.lib)"}


def test_a_small_table_is_flip_flops():
    small, smaller = (synthesize(_unit(bits, 1), "gates") for bits in (3, 2))
    assert [column.title for column in small.columns] == ["NAND2 equivalents", "FF", "gates"]
    held = (cost.total(cost.columns[1]) for cost in (small, smaller))
    # Entries, and the registers that are wider by the bits of a fraction.
    assert next(held) - next(held) > 4 * 64 - 3 * 16
