"""The encoder feeds the sparse array through an `ArrayFeeder`: dense blocks in, sums out."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.base.circuit import Circuit
from hw.sparse.array import SparseArray
from hw.sparse.csb_encoder import CsbEncoder
from hw.sparse.feeder import ArrayFeeder
from hw.sparse.packer import ValuePacker
from sw.errors import UserError
from sw.sparse.array import apply
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.csb_parameters import CsbEncoderParameters
from tests.faults import Fault, planted

from .drive import drive

# Sub-tiles of two rows of six places, which take two mask words each.
SIZES: dict[str, Any] = {
    "mask_bits": 4,
    "depth": 8,
    "nonzeros": 32,
    "patch": 16,
    "sums": 16,
    "pixels": 8,
}
ARRAYS = {
    "one a cycle": SparseArrayParameters(pe_rows=2, columns=2, pointer_bits=8, **SIZES),
    "two a cycle": SparseArrayParameters(
        pe_rows=2, columns=1, issue_width=2, pointer_bits=8, **SIZES
    ),
    "one word": SparseArrayParameters(
        pe_rows=2, columns=1, subtiles=4, issue_width=2, pointer_bits=8, **{**SIZES, "mask_bits": 8}
    ),
}
BLOCK: dict[str, Any] = {"rows": 2, "columns": 6, "lanes": 3}
BLOCKS: dict[str, Any] = {"one word": {"rows": 1, "columns": 6, "lanes": 6}}
SIZES_OF_JOB = ("rows", "depth", "pixels", "patch", "passes")
# Register: the model's operand, the field that says which entry.
TABLES = {
    "offset": ("offsets", "place"),
    "base": ("bases", "pixel"),
    "shift": ("shifts", "row"),
}


class Encoded(Circuit):
    """A sparse array behind an encoder, with its tables written first and then a job's sizes."""

    def __init__(self, *, encoder, array, job, tables) -> None:
        self.encoder = CsbEncoder(parameters=encoder)
        self.feeder = ArrayFeeder(encoder=encoder, array=array)
        self.array = SparseArray(parameters=array)
        self.job = job
        self.tables = tables
        super().__init__(
            {
                "i": In(self.encoder.streams["i"].signature),
                "i_x": In(self.array.streams["i_x"].signature),
                "o": Out(self.array.streams["o"].signature),
                "flagged": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.encoder, m.submodules.feeder = encoder, feeder = self.encoder, self.feeder
        m.submodules.array = array = self.array
        connect(m, encoder.o_value, feeder.i_value)
        connect(m, encoder.o_block, feeder.i_block)
        for name in ("pointer", "mask", "value"):
            connect(m, getattr(feeder, f"o_{name}"), getattr(array, f"i_{name}"))
        connect(m, array.o, flipped(self.o))

        written = Signal()
        step = Signal(range(32))
        m.d.sync += step.eq(step + ~written)
        m.d.comb += written.eq(step == 31)
        for name, table in self.tables:
            register = getattr(array, name)
            rows = Array([Const(row, 4) for row in table] + [Const(0, 4)] * (32 - len(table)))
            m.d.comb += [
                register.write.eq(step < len(table)),
                getattr(register, TABLES[name][1]).eq(step),
                register.rows.eq(rows[step]),
            ]
        for source, sink in ((self.i, encoder.i), (self.i_x, array.i_x)):
            m.d.comb += [
                sink.payload.eq(source.payload),
                sink.valid.eq(source.valid & written),
                source.ready.eq(sink.ready & written),
            ]
        m.d.comb += [getattr(array, name).eq(value) for name, value in self.job]
        m.d.comb += array.mode.balanced.eq(1)
        m.d.comb += self.flagged.eq(Cat(array.flags.as_value(), encoder.flags.as_value()).any())
        return m


def words(values):
    """A payload's data: binary32 values side by side."""
    return sum(int(v) << 32 * n for n, v in enumerate(np.asarray(values).view(np.uint32).ravel()))


def run(name, *, idle=0.0, pressure=0.0, seed=1):
    """Run three tiles of two passes; return what the circuit gives, and the model."""
    p = ARRAYS[name]
    encoder = CsbEncoderParameters(pointer_bits=8, **BLOCKS.get(name, BLOCK))
    job = Job(rows=encoder.rows, depth=encoder.columns, pixels=3, patch=11, passes=2)
    job.check(p)
    rng = np.random.default_rng(seed)
    passes = 6
    dense = rng.standard_normal((passes, p.pass_subtiles, encoder.rows, encoder.columns))
    density = rng.choice([0.0, 0.2, 0.5, 1.0], (passes, p.pass_subtiles, 1, 1))
    density[1] = 0
    dense = np.where(rng.random(dense.shape) < density, dense, 0).astype(np.float32)
    x = rng.standard_normal((passes, job.patch, p.columns)).astype(np.float32)
    tables = {
        "offsets": rng.integers(0, 4, job.depth),
        "bases": rng.integers(0, 4, job.pixels),
        "shifts": rng.integers(0, 4, p.pass_subtiles * job.rows),
    }
    beats = dense.reshape(-1, encoder.lanes)
    each = len(beats) // passes
    flat = {
        "i": [
            words(beat) | (n % each == each - 1) << 32 * encoder.lanes
            for n, beat in enumerate(beats)
        ],
        "i_x": [
            words(row) | (n % job.patch == job.patch - 1) << 32 * p.columns
            for n, row in enumerate(x.reshape(-1, p.columns))
        ],
    }
    dut = Encoded(
        encoder=encoder,
        array=p,
        job=tuple((size, getattr(job, size)) for size in SIZES_OF_JOB),
        tables=tuple((name, tuple(tables[TABLES[name][0]].tolist())) for name in TABLES),
    )
    count = passes // job.passes * job.given(p)
    found, _, events = drive(
        dut, flat, {"o": count}, seed=seed, idle=idle, pressure=pressure, watch=["flagged"]
    )
    mask = dense != 0
    sums = apply(p, job, mask=mask, values=dense[mask], x=x, **tables)
    ends = np.arange(count) % job.given(p) == job.given(p) - 1
    wanted = [
        words(row) | int(end) << 32 * p.columns
        for row, end in zip(sums.reshape(-1, p.columns), ends, strict=True)
    ]
    return found["o"], wanted, events["flagged"]


@pytest.mark.parametrize(("idle", "pressure"), [(0.0, 0.0), (0.3, 0.5)])
@pytest.mark.parametrize("name", ARRAYS)
def test_dense_blocks_give_the_models_sums(name, idle, pressure):
    found, wanted, flagged = run(name, idle=idle, pressure=pressure)
    assert found == wanted
    assert flagged == 0


FAULTS = {
    "a held value is lost": Fault(
        ValuePacker, lambda s: s.o.payload.data.value[0].eq(s.i.payload.data.value)
    ),
    "a pass has no end pointer": Fault(
        ArrayFeeder,
        lambda s: s.o_pointer.payload.data.pointer.eq(s.i_block.payload.data.pointer),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    with planted(FAULTS[fault]):
        found, wanted, flagged = run("two a cycle")
    assert found != wanted or flagged


def test_what_does_not_fit_is_refused():
    encoder = CsbEncoderParameters(rows=2, columns=6, lanes=3, pointer_bits=8)
    with pytest.raises(UserError, match="pointer_bits of encoder and array must be the same"):
        ArrayFeeder(encoder=encoder.replace(pointer_bits=9), array=ARRAYS["one a cycle"])
    with pytest.raises(UserError, match="columns of a block must be no more than depth, 8"):
        ArrayFeeder(encoder=encoder.replace(columns=9), array=ARRAYS["one a cycle"])
