"""Layers on the arrays, and what stochastic and approximate products are made of."""

from typing import Any

import numpy as np

from sw import words as random_words
from sw.approx import array as approx_array
from sw.approx import errors, multipliers, names, realm, table
from sw.bfp import schedule
from sw.bfp.multimode_array import MultimodeParameters
from sw.core.convolution import Convolution
from sw.core.products import Dense
from sw.networks import NETWORKS
from sw.sparse import correlation, cycles, density, mapping, speed
from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.tiling import Tiling
from sw.stochastic import bits, converter, gradient, pulsed, weights
from sw.stochastic import fast as stochastic_fast
from sw.stochastic import outer_product as outer
from sw.stochastic.lfsr import Lfsr
from sw.stochastic.outer_parameters import OuterProductParameters

from .call import VALUES, call, floats, words

call(random_words.splitmix64, state="range", number="range")(lambda rng: {"state": 5, "number": 3})
call(random_words.Words.draw, "Words.draw")(
    lambda rng: {"self": random_words.Words(key=7), "shape": (3, 2), "bits": 8}
)
call(random_words.Words.blocks, "Words.blocks", count="range")(
    lambda rng: {"self": random_words.Words(key=7), "count": 5, "bits": 8}
)
call(NETWORKS["transformer"], "transformer")(lambda rng: {"length": 4})

MULTIMODE = MultimodeParameters(rows=2, columns=2)
DENSE = Dense(name="fc", inputs=6, outputs=3)
CONVOLUTION = Convolution(name="conv", channels=3, filters=4, size=6, kernel=3, padding=1)
call(schedule.map_pass, batch="")(
    lambda rng: {
        "parameters": MULTIMODE,
        "layer": DENSE,
        "which": "input",
        "batch": 4,
        "modes": (0, 1),
    }
)
call(schedule.utilization)(
    lambda rng: {
        "parameters": MULTIMODE,
        "layers": [DENSE, CONVOLUTION],
        "batch": 4,
        "modes": (0, 1),
    }
)
call(schedule.Mapping.utilization, "Mapping.utilization")(
    lambda rng: {
        "self": schedule.map_pass(MULTIMODE, DENSE, "input", 4, (0, 1)),
        "parameters": MULTIMODE,
    }
)

SPARSE = SparseArrayParameters(pe_rows=2, columns=2)
[CORRELATION] = correlation.correlations(CONVOLUTION, "forward", 2)
call(correlation.correlations)(
    lambda rng: {"layer": CONVOLUTION, "which": "weight", "batch": 4, "parts": 2}
)
call(mapping.best_tiling)(
    lambda rng: {
        "p": SPARSE,
        "c": CORRELATION,
        "density": 0.3,
        "mode": "sparse",
        "margin": 1.5,
    }
)
TILING = mapping.best_tiling(SPARSE, CORRELATION, 0.3)[1]
call(Tiling, "Tiling")(
    lambda rng: {
        "parameters": SPARSE,
        "correlation": CORRELATION,
        "rows": 1,
        "chunk": (1, 3, 3),
        "tile": (1, 2, 2),
    }
)
call(Tiling.job, "Tiling.job")(lambda rng: {"self": TILING, "mode": "dense", "balanced": True})
call(Tiling.bits, "Tiling.bits")(lambda rng: {"self": TILING, "mask": rng.random((4, 3, 3, 3)) < 1})
call(Tiling.count, "Tiling.count")(
    lambda rng: {
        "self": TILING,
        "bits": TILING.bits(rng.random((4, 3, 3, 3)) < 0.5),
        "balanced": True,
    }
)
call(Tiling.patches, "Tiling.patches", x=VALUES)(
    lambda rng: {"self": TILING, "x": CORRELATION.dense(floats(rng, 2, 3, 6, 6))}
)


@call(Tiling.collect, "Tiling.collect", sums=VALUES)
def _(rng: np.random.Generator) -> dict[str, Any]:
    tiles = TILING.row_groups * int(np.prod(TILING.tiles))
    pixels = int(np.prod(TILING.tile))
    return {
        "self": TILING,
        "sums": floats(rng, tiles, SPARSE.pass_subtiles, TILING.rows, pixels, 2),
    }


call(speed.pass_cost, weights="none", activations="none", results="none")(
    lambda rng: {
        "p": SPARSE,
        "layer": CONVOLUTION,
        "which": "forward",
        "batch": 2,
        "weights": density.Density(mean=0.3, spread=0.2),
        "activations": density.Density(mean=0.5),
        "results": None,
        "balanced": True,
        "seed": 1,
    }
)
call(speed.network_cost)(
    lambda rng: {
        "p": SPARSE,
        "layers": [CONVOLUTION],
        "batch": 2,
        "weights": [density.Density(mean=0.3)],
        "activations": [None],
    }
)
call(density.Density, "Density")(lambda rng: {"mean": 0.5, "spread": 0.25})
call(density.Measured, "Measured", mask="rows shape")(
    lambda rng: {"mask": rng.random((3, 4)) < 0.5}
)
call(density.layer_densities)(
    lambda rng: {
        "layers": [DENSE, CONVOLUTION],
        "keep": 0.25,
        "spread": 0.5,
        "row_spread": 0.25,
        "seed": 3,
    }
)
JOB = Job(rows=1, depth=4, pixels=2, patch=8)
PASSES = (3, SPARSE.pass_subtiles, 1, 4)
call(cycles.passes_of, mask="rows")(
    lambda rng: {"p": SPARSE, "job": JOB, "mask": rng.random(PASSES) < 0.5}
)
call(cycles.count_passes, bits="rows")(
    lambda rng: {"p": SPARSE, "job": JOB, "bits": words(rng, 3, 3, SPARSE.pass_subtiles, 1, 1)}
)
call(cycles.array_cycles)(
    lambda rng: {
        "p": SPARSE,
        "job": JOB,
        "passes": cycles.passes_of(SPARSE, JOB, rng.random(PASSES) < 0.5),
    }
)

OUTER = OuterProductParameters(rows=4, columns=3, lanes=1, length=16)
LFSR = Lfsr(width=16)
call(Lfsr.jump, "Lfsr.jump", steps="negative range")(
    lambda rng: {"self": LFSR, "state": 5, "steps": 7}
)
call(bits.sources)(
    lambda rng: {"lfsr": LFSR, "bits": 8, "share": "independent", "seed": 3, "elements": [2, 3]}
)
[SOURCE] = bits.sources(LFSR, bits=8, share="rotated", seed=3, elements=[4])
call(bits.BitSource.words, "BitSource.words", first="range")(
    lambda rng: {"self": SOURCE, "first": 2, "count": 3}
)
INTEGERS = "negative range shape rows empty"
call(bits.BitSource.compare, "BitSource.compare", words=INTEGERS, magnitude=INTEGERS)(
    lambda rng: {"self": SOURCE, "words": words(rng, 8, 3, 4), "magnitude": words(rng, 8, 3, 4)}
)
call(converter.magnitudes, x=f"{VALUES} rows empty")(
    lambda rng: {"converter": OUTER.x_converter, "x": floats(rng, 5, 3)}
)
call(outer.ends, last="rows shape empty")(lambda rng: {"p": OUTER, "last": rng.random(9) < 0.3})
call(outer.counts, first="range")(
    lambda rng: {"p": OUTER, "x": words(rng, 8, 5, 3), "d": words(rng, 8, 5, 4), "first": 2}
)


def sums(rng: np.random.Generator) -> outer.Sums:
    return outer.sums(OUTER, floats(rng, 5, 3), floats(rng, 5, 4))


call(outer.results)(lambda rng: {"p": OUTER, "sums": sums(rng), "shift": 3})
call(outer.Sums, "Sums", value="negative range rows shape", exponent="negative range")(
    lambda rng: {
        "value": words(rng, 9, 2, 4, 3),
        "exponent": words(rng, 5, 2),
        "nan": rng.random(2) < 0.5,
    }
)
WEIGHTS = OuterProductParameters(rows=4, columns=3, lanes=1, weights="binary32")
call(weights.subtract, weights=VALUES, results=VALUES)(
    lambda rng: {"p": WEIGHTS, "weights": floats(rng, 2, 4, 3), "results": floats(rng, 2, 4, 3)}
)
call(gradient.weight_gradient, d=f"{VALUES} rows empty", x=f"{VALUES} rows empty")(
    lambda rng: {
        "parameters": OUTER,
        "d": floats(rng, 5, 6),
        "x": floats(rng, 4, 6),
        "engine": gradient.Block(OUTER),
    }
)
PULSED = pulsed.PulsedParameters()
call(pulsed.pulses, x="huge subnormal shape", d="huge subnormal shape")(
    lambda rng: {"p": PULSED, "x": floats(rng, 5, 3), "d": floats(rng, 5, 4), "rate": 0.5}
)
for count in (pulsed.sums, stochastic_fast.pulsed_sums):
    call(count, first="range")(
        lambda rng: {
            "p": PULSED,
            "pulses": pulsed.pulses(PULSED, floats(rng, 5, 3), floats(rng, 5, 4), rate=0.5),
            "first": 2,
        }
    )

APPROX = approx_array.ApproxArrayParameters(rows=2, columns=2)
call(approx_array.ApproxArrayParameters.cycles, "ApproxArrayParameters.cycles")(
    lambda rng: {"self": APPROX, "m": 3, "n": 4, "k": 5}
)
call(realm.factors)(lambda rng: {"segments": 8})
call(realm.exact_factors)(lambda rng: {"segments": 8})
call(errors.untruncated)(lambda rng: {"multiplier": multipliers.multiplier("mbm"), "bits": 4})
call(names.fractions, text="text")(lambda rng: {"text": "mbm:5"})
call(table.check_name, path="text")(lambda rng: {"path": "mbm_5.bin", "bits": 5, "layout": "byte"})
