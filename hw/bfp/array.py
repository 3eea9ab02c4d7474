"""The BFP matrix-multiply array: columns, the skew of the rows, and the sequence of tiles."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib.data import View

from sw.bfp.array import ArrayParameters
from sw.formats import BINARY32
from sw.formats.binary32 import ADDER_LATENCY

from ..base.field import Field
from ..base.pipeline import delay
from ..engine.order import Operand, Part, Term, matrices, row_by_row
from ..engine.registers import word
from ..engine.sequencer import Sequencer
from ..engine.tiles import TileArray, tile_job
from ..float.multiplier import FloatMultiplier
from ..formats.operand import operand_packet
from .column import DotColumn

__all__ = ["MacArray"]

ALPHA = "binary32 by which results are multiplied, of the scales of both tensors"
ONE = 0x3F800000


def _operand(p: ArrayParameters, name: str, side: str) -> Operand:
    """Return the order of an operand: a beat has ``lanes`` elements of each line, line by line."""
    line = (Term(of="value", divide=p.lanes),)
    places = (Term(of="beat", times=p.lanes), Term(of="value", modulo=p.lanes))
    block = p.format.reduction
    codes = Part(line=(Term(of="value"),), place=(Term(of="beat", divide=p.beats),), every=block)
    return Operand(
        stream=f"s_axis_{name}",
        side=side,
        lines=getattr(p, side),
        places=block,
        beats=p.beats,
        parts={"mantissa": Part(line=line, place=places), "exponent": codes},
    )


class MacArray(TileArray):
    """Output-stationary array: a tile of ``rows`` x ``columns`` fp32 results at a time.

    A beat holds ``lanes`` elements of each of the tile's rows (``i_a``) and columns (``i_b``);
    both streams are accepted together, a beat of each a cycle. A tile is ``blocks`` x `beats`
    beats. Between blocks the order of the fp32 additions is that of `sw.bfp.array.gemm`. Members
    are those of `TileArray`; latency, interval and drain are `ArrayParameters.timing`.

    Where tensors have a scale of their own, all results are multiplied by the register ``alpha``, a
    binary32 (`sw.formats.tensor_scale.product_scale`).

    Parameters
    ----------
    parameters : ArrayParameters
    products : bool
        Whether a job is of ``products`` of equal sizes, whose tiles come one behind the other.
    """

    def __init__(self, *, parameters: ArrayParameters, products: bool = False) -> None:
        self.parameters = p = parameters
        self._columns = [DotColumn(parameters=p) for _ in range(p.columns)]
        a, b = _operand(p, "a", "rows"), _operand(p, "b", "columns")
        order = matrices({"a": a, "b": b}, {"product": row_by_row(a, "blocks")})
        self.facts = {"matrices": order}
        alpha = word("alpha", "rw", 32, ALPHA, reset=ONE, locked="busy")
        job = tile_job("blocks", 16, "blocks along the reduction")
        if products:
            job = Field(name="products", bits=16, description="products in a job"), *job
        super().__init__(
            sequencer=Sequencer(
                job=job,
                rows=p.rows,
                block_beats=p.beats,
                accumulators=p.accumulators,
            ),
            streams={
                "i_a": operand_packet(p.format, p.lanes, p.rows, "row"),
                "i_b": operand_packet(p.format, p.lanes, p.columns, "column"),
            },
            rows=p.rows,
            columns=p.columns,
            registers=(alpha,) if p.stages.tensor_scale else (),
        )

    def elaborate(self, platform: Any) -> Module:
        """Build columns between operands and results."""
        m = Module()
        p, form = self.parameters, self.parameters.format
        a, b = self._accept(m)
        mantissas, exponents = self._skew_rows(m, a)
        control, tile_last, job_last = self._control(m, exponents)
        mantissas_b = b.mantissa.as_value()
        for i, column in enumerate(self._columns):
            m.submodules[f"column_{i}"] = column
            m.d.comb += [
                column.en.eq(self._sequencer.en),
                column.a.eq(mantissas),
                column.b.eq(mantissas_b.word_select(i, p.lanes * form.element_bits)),
                column.exponent_b.eq(b.exponent[i]),
            ]
            m.d.comb += [getattr(column, name).eq(value) for name, value in control.items()]
        results = [self._scaled(m, i, column.result) for i, column in enumerate(self._columns)]
        self._give(m, results, tile_last, job_last)
        return m

    def _scaled(self, m: Module, number: int, result: Value) -> Value:
        """Return a column's result times ``alpha``, where there is one."""
        if not self.parameters.stages.tensor_scale:
            return result
        multiplier = FloatMultiplier(format=BINARY32, target=self.parameters.target)
        m.submodules[f"scale_{number}"] = multiplier
        m.d.comb += [
            multiplier.en.eq(self._sequencer.en),
            multiplier.a.eq(result),
            multiplier.b.eq(self.alpha),
        ]
        return multiplier.o

    def _skew_rows(self, m: Module, a: View) -> tuple[Value, list[Value]]:
        """Delay each row's elements and exponent by its number; return them row by row."""
        p = self.parameters
        operand = p.lanes * p.format.element_bits
        mantissas = a.mantissa.as_value()
        late = [
            self._skewed(m, Cat(mantissas.word_select(r, operand), a.exponent[r]), r)
            for r in range(p.rows)
        ]
        return Cat(row[:operand] for row in late), [row[operand:] for row in late]

    def _control(self, m: Module, exponents: list[Value]) -> tuple[dict[str, Value], Value, Value]:
        """Return the inputs that all columns share, and the tags of a row of results."""
        p, sequencer, stages = self.parameters, self._sequencer, self.parameters.stages
        rotates = self._columns[0].groups[0].rotates
        back = stages.value + ADDER_LATENCY
        last = self._line(m, "last", sequencer.block_last, back if rotates else stages.block)
        first = self._line(m, "sum_first", sequencer.sum_first, stages.value)
        given = stages.result + 1 + stages.tensor_scale
        tile_last = self._line(m, "tile_last", sequencer.tile_last, given)
        job_last = self._line(m, "job_last", sequencer.job_last, given)

        def each(line: Value, latency: int) -> Value:
            """Return per group whether a row of it has the tag now."""
            return self._per_group(
                lambda rows: line[latency + rows.start : latency + rows.stop].any()
            )

        control: dict[str, Value] = {
            "last": last[stages.block : stages.block + p.rows],
            "load": self._per_group(lambda rows: last[stages.block - 1 + rows.start]),
            "exponent_a": self._per_group(lambda rows: self._exponent(m, exponents, last, rows)),
            "first": each(first, stages.value),
            "shift": each(last, stages.value) | each(last, back)
            if rotates
            else Cat(1 for _ in p.groups),
            "select": each(tile_last, stages.result),
        }
        if p.beats > 1:
            line = self._line(m, "block_first", sequencer.block_first, stages.products)
            control["block_first"] = line[stages.products :]
        if stages.levels:
            merges = []
            for level in range(stages.levels):
                at = stages.sum(level)
                line = self._line(m, f"merge_{level}", sequencer.merge[level], at)
                merges.append(each(line, at))
            control["merge"] = Cat(merge[g] for g in range(len(p.groups)) for merge in merges)
        return control, tile_last[given:].any(), job_last[-1]

    def _per_group(self, value: Callable[[range], Value]) -> Value:
        """Return a value of each group's rows, group 0 lowest."""
        return Cat(value(rows) for rows in self.parameters.groups)

    def _exponent(self, m: Module, exponents: list[Value], last: Value, rows: range) -> Value:
        """Choose the exponent of the group's row that ends a block, when its sum is there."""
        bits = self.parameters.format.exponent_bits
        chosen = Cat(exponents[r] & last[r].replicate(bits) for r in rows)
        value = Value.cast(0)
        for i in range(len(rows)):
            value = value | chosen.word_select(i, bits)
        name = f"exponent_a_{rows.start}"
        return delay(m, self._sequencer.en, value, self.parameters.stages.block, name=name)
