"""Bench of the multipliers by a loaded table."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.amsim_multiplier import look_up as model
from sw.approx.table import Table, make

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack
from .multiplier import Products, pair_beats, random_pairs

__all__ = [
    "DIRECTED",
    "entries",
    "look_up",
    "operands",
    "products",
    "random_table",
    "regress",
    "simulate",
]

DIRECTED = Directed(outputs=12, writes=(("load", 1),), beats={"s_axis_table": 4}, states=("table",))

Patterns = npt.NDArray[np.uint32]
LOADED = 0b10


def look_up(
    parameters: AmsimParameters,
    table: Table,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    **options: Any,
) -> Patterns:
    """Return what the circuit makes of patterns; ``options`` as of `sim.bench.run`."""
    return simulate(parameters, table, a, b, **options)[0]


def simulate(
    parameters: AmsimParameters,
    table: Table,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    **options: Any,
) -> tuple[Patterns, Result]:
    """Return the products as `look_up` does, and the run.

    Every third beat ends a packet.
    """
    p = parameters
    design = generate("amsim_multiplier", p)
    a = np.asarray(a)
    pairs = operands(p, a, b)
    last = np.arange(len(pairs)) % 3 == 2
    result = run(
        design,
        inputs={"s_axis": pairs, "s_axis_table": entries(p, table.entries)},
        last={"s_axis": last},
        outputs={"m_axis": len(pairs)},
        writes=[("load", 1)],
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == last, "tlast does not follow its operands", result)
    return products(p, result)[: a.size].reshape(a.shape), result


def operands(p: AmsimParameters, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return beats of pairs of patterns, the last filled up with zeros."""
    stream = generate("amsim_multiplier", p).manifest["streams"]["s_axis"]
    return pair_beats(stream, np.ravel(a), np.ravel(b), p.lanes)


def entries(p: AmsimParameters, values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return beats of entries of a table."""
    stream = generate("amsim_multiplier", p).manifest["streams"]["s_axis_table"]
    return pack(stream, {"entry": np.asarray(values)})


def products(p: AmsimParameters, result: Result) -> Patterns:
    """Return the products that came out, those of the pairs that filled up included."""
    stream = generate("amsim_multiplier", p).manifest["streams"]["m_axis"]
    return unpack(stream, result.outputs["m_axis"])["product"].ravel().astype(np.uint32)


def random_table(bits: int, rng: np.random.Generator) -> Table:
    """Return a table of random entries; what is wrong in an address is then wrong in a product."""
    values = rng.integers(0, 2 << bits, 4**bits)
    return Table(name="random", bits=bits, entries=values.astype(np.uint16))


def regress(parameters: AmsimParameters, *, table: Table | None = None, **options: Any) -> Report:
    """Compare with the model on ``blocks`` beats of random pairs.

    Without a table it is a random one or MBM's.
    """
    p, case = parameters, Regression.of(options)
    assert p.bits is not None
    if table is None:
        table = random_table(p.bits, case.rng) if case.rng.random() < 0.5 else make("mbm", p.bits)
    a, b = random_pairs(case.rng, case.blocks * p.lanes, p.format)
    found, result = simulate(p, table, a, b, **case.options)
    modelled = model(p, table, a, b)
    products = Products(p.format, a, b, found, modelled)
    manifest = generate("amsim_multiplier", p).manifest
    known = {"table": LOADED, "status.refused": 0}
    return products.compare(case, manifest, result, counters=("table_stalls",), **known)
