"""Stochastic and sparse training."""

from typing import Any

import numpy as np

from sw.sparse import array as sparse_array
from sw.sparse import csb, sorting, tracking
from sw.sparse import fast as sparse_fast
from sw.sparse import load_balancer as balance
from sw.sparse import quantile_estimator as quantile
from sw.sparse import weight_regenerator as regenerate
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.csb_parameters import CsbDecoderParameters
from sw.stochastic import converter as stochastic_converter
from sw.stochastic import fast as stochastic_fast
from sw.stochastic import outer_product as outer
from sw.stochastic import pulsed
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.parameters import StochasticParameters
from sw.stochastic.pulsed import PulsedParameters

from .call import EACH, VALUES, call, floats, words

OUTER = OuterProductParameters(rows=4, columns=3, lanes=1, length=16)
for product in (outer.outer_product, stochastic_fast.outer_product):
    call(product, x=f"{VALUES} ", d=VALUES, last="none", rate="negative inf nan", first="range")(
        lambda rng: {
            "parameters": OUTER,
            "x": floats(rng, 4, 3),
            "d": floats(rng, 4, 4),
            "last": np.array([False, True, False, True]),
            "first": 2,
            "shift": 3,
        }
    )
call(stochastic_converter.convert, x=f"{VALUES} rows empty", first="range")(
    lambda rng: {
        "parameters": stochastic_converter.StochasticConverterParameters(elements=4, length=16),
        "x": floats(rng, 5, 4),
        "first": 2,
    }
)
call(StochasticParameters.__subclasses__()[0], "StochasticParameters")(
    lambda rng: {"length": 16, "width": 32, "bits": 8, "seed": 3}
)
call(pulsed.pulsed_gradient, d=f"{VALUES} rows", x=f"{VALUES} rows", first="range")(
    lambda rng: {
        "p": PulsedParameters(),
        "d": floats(rng, 3, 5),
        "x": floats(rng, 4, 5),
        "rate": 0.1,
        "first": 2,
    }
)

LINES = balance.BalancerParameters(pe_rows=3, subtiles=2)
call(balance.balance, counts="rows empty")(
    lambda rng: {"parameters": LINES, "counts": words(rng, 5, 4, LINES.keys).astype("i8")}
)
call(balance.counts, pointers="rows empty")(
    lambda rng: {"parameters": LINES, "pointers": np.sort(words(rng, 9, 4, LINES.pointers))}
)
call(balance.pass_time, counts="range")(
    lambda rng: {
        "counts": words(rng, 5, 4, LINES.keys),
        "assignment": np.tile(np.arange(LINES.keys).reshape(1, 3, 2), (4, 1, 1)),
    }
)
call(balance.imbalance, spread="")(
    lambda rng: {"tile": 16, "density": 0.3, "spread": 0.5, "pe_rows": 4, "passes": 50, "seed": 1}
)
CSB = CsbDecoderParameters(rows=2, columns=3, lanes=3, pointer_bits=8, blocks=8, values=20)
call(csb.encode, dense=f"{VALUES} empty", keep="none")(
    lambda rng: {
        "parameters": CSB,
        "dense": floats(rng, 3, 2, 3),
        "keep": rng.random((3, 2, 3)) < 0.6,
    }
)
call(csb.Compressed, "Compressed", masks="shape", values=f"{VALUES} rows shape empty")(
    lambda rng: {
        "masks": np.ones((2, 6), bool),
        "pointers": np.array([0, 6]),
        "values": floats(rng, 12),
    }
)
for read in (csb.read, csb.walk):
    call(read, numbers="negative", rotate="shape")(
        lambda rng: {
            "parameters": CSB,
            "compressed": csb.encode(CSB, floats(rng, 3, 2, 3)),
            "numbers": np.array([0, 2, 1, 1]),
            "rotate": np.array([True, False, True, False]),
        }
    )
call(sorting.descending, keys="negative shape rows empty range")(
    lambda rng: {"keys": words(rng, 5, 3, 8)}
)
ESTIMATOR = quantile.QuantileParameters(lanes=2)
for estimate in (quantile.estimate, sparse_fast.estimate):
    call(estimate, x=f"{VALUES} shape", present="none", last="none")(
        lambda rng: {
            "parameters": ESTIMATOR,
            "x": np.abs(floats(rng, 6, 2)),
            "present": rng.random((6, 2)) < 0.8,
            "last": rng.random(6) < 0.2,
        }
    )
INDEX = "shape rows empty negative range"
call(regenerate.regenerate, index=INDEX, shift="shape type", decay="nan inf range")(
    lambda rng: {
        "parameters": regenerate.RegeneratorParameters(),
        "index": words(rng, 20, 7),
        "seed": 5,
        "shift": 3,
        "decay": 0.5,
    }
)
call(tracking.importance, weights=EACH, fallback=EACH)(
    lambda rng: {"weights": floats(rng, 3, 4), "fallback": floats(rng, 3, 4)}
)
call(tracking.largest, values=EACH)(lambda rng: {"keep": 0.25, "values": floats(rng, 3, 4)})
SPARSE = SparseArrayParameters.make(
    overrides=["pe_rows=2", "columns=2", "issue_width=2", "mask_bits=8", "depth=32", "nonzeros=64"]
    + ["patch=32", "pixels=16", "sums=32"]
)


@call(sparse_array.apply, values=VALUES, x=VALUES)
def _(rng: np.random.Generator) -> dict[str, Any]:
    job = Job(rows=1, depth=4, pixels=2, patch=8)
    mask = rng.random((2, SPARSE.pass_subtiles, 1, 4)) < 0.5
    return {
        "parameters": SPARSE,
        "job": job,
        "mask": mask,
        "values": floats(rng, int(mask.sum())),
        "x": floats(rng, 2, 8, 2),
        "offsets": np.arange(4),
        "bases": np.arange(2),
        "shifts": np.zeros(SPARSE.pass_subtiles, int),
    }
