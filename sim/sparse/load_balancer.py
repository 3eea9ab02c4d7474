"""Bench of the load balancer."""

from typing import Any

import numpy as np
import numpy.typing as npt

from hw.flow.emit import generate
from sw.sparse.load_balancer import BalancerParameters, counts
from sw.sparse.load_balancer import balance as model

from ..bench import Result, run
from ..directed import Directed
from ..registers import readable
from ..regression import Regression
from ..report import Report, insist
from ..streams import pack, unpack

__all__ = ["DIRECTED", "balance", "random_pointers", "regress", "simulate"]

DIRECTED = Directed(
    outputs=9, packets={"s_axis": 4}, unset=("saturated",), one_enable=True, holds_all=True
)

Integers = npt.NDArray[np.int64]


def balance(
    parameters: BalancerParameters, pointers: npt.ArrayLike, **options: Any
) -> tuple[Integers, Integers]:
    """Return each PE row's sub-tiles, (passes, pe_rows, subtiles), and totals, (passes, pe_rows).

    ``options`` are those of `sim.bench.run`.
    """
    return simulate(parameters, pointers, **options)[0]


def simulate(
    parameters: BalancerParameters, pointers: npt.ArrayLike, **options: Any
) -> tuple[tuple[Integers, Integers], Result]:
    """Return what `balance` returns, and the run."""
    p = parameters
    design = generate("load_balancer", p)
    streams = design.manifest["streams"]
    pointers = np.asarray(pointers)
    ends, last = (np.zeros((len(pointers), n), np.uint8) for n in (p.pointers, p.pe_rows))
    ends[:, -1] = last[:, -1] = 1
    result = run(
        design,
        inputs={"s_axis": pack(streams["s_axis"], {"pointer": pointers.reshape(-1, 1)})},
        last={"s_axis": ends.ravel()},
        outputs={"m_axis": last.size},
        reads=readable(design.manifest),
        **options,
    )
    insist(result.last["m_axis"] == last.ravel(), "tlast does not end a pass", result)
    fields = unpack(streams["m_axis"], result.outputs["m_axis"])
    subtiles = fields["subtile"].reshape(len(pointers), p.pe_rows, p.subtiles)
    return (subtiles, fields["total"].reshape(len(pointers), p.pe_rows)), result


def random_pointers(
    parameters: BalancerParameters, rng: np.random.Generator, passes: int
) -> Integers:
    """Return pointers of random passes: any counts, few different ones, equal ones, too large ones.

    A pass in eight has pointers of any kind, of which some decrease.
    """
    p = parameters
    most = min(1 << p.count_bits, ((1 << p.pointer_bits) - 1) // p.keys + 1)
    limit = rng.choice([1, 2, 4, most], (passes, 1))
    step = rng.integers(0, np.minimum(limit, most), (passes, p.keys))
    step[rng.random(passes) < 0.1] = most - 1
    first = rng.integers(0, (1 << p.pointer_bits) - step.sum(1))
    pointers = np.concatenate([first[:, None], first[:, None] + step.cumsum(1)], axis=1)
    strange = rng.integers(0, 1 << p.pointer_bits, pointers.shape)
    return np.where(rng.random((passes, 1)) < 0.125, strange, pointers)


def regress(parameters: BalancerParameters, **options: Any) -> Report:
    """Compare with the model on ``blocks`` random passes and, without stalls, count the cycles."""
    p, case = parameters, Regression.of(options, blocks=100)
    blocks = case.blocks
    pointers = random_pointers(p, case.rng, blocks)
    (subtiles, totals), result = simulate(p, pointers, **case.options)
    values, decreasing, saturated = counts(p, pointers)
    wanted = model(p, values)
    of_pieces = np.take_along_axis(values, wanted.reshape(blocks, -1), 1).reshape(wanted.shape)
    expected = {
        "subtiles": wanted,
        "totals": of_pieces.sum(2),
        "passes": blocks,
        "status.decreasing": int(decreasing.any()),
        "status.saturated": int(saturated.any()),
        "status.framing": 0,
        # It waits after the last pass, and takes a pointer in all other cycles but few.
        "input_stalls": range(1, result.countable - pointers.size + 1),
    }
    return case.compare(
        generate("load_balancer", p).manifest,
        result,
        {"subtiles": subtiles, "totals": totals},
        expected,
        waits_for_sink=("output_stalls",),
        cycles=p.cycles(blocks),
        inputs={"pointers": pointers},
    )
