"""Programs at random in the Verilog of small machines: as in the interpreter, or as they must fail.

``python -m tests.fuzz.programs`` tries more of them.
"""

import contextlib
from unittest import mock

import pytest

from sw.accelerator import engines, machine, vector

from ..fuzz.programs import kind
from .random_runs import Runner, design

COUNT = 45
FIRST = 10_000


@pytest.mark.parametrize("name", ("narrow", "stochastic", "scaled"))
def test_random_programs(name):
    with Runner(*design(name)) as runner:
        for seed in range(FIRST, FIRST + COUNT):
            runner.check("illegal" if seed % 4 == 0 else kind(seed), seed)


def _wrong_distance(dma, op, fields):
    return _run_dma(dma, op, fields | {"distance": abs(fields["distance"])})


def _fewer_words(quantizer, op, fields):
    return _run_quantizer(quantizer, op, fields | {"inner": max(fields["inner"] - 1, 1)})


def _first_product(multiplier, op, fields):
    return _run_multiplier(multiplier, op, fields | ({"more": 0} if op == "multiply" else {}))


_run_dma, _run_quantizer = engines.Dma.run, engines.Quantizer.run
_run_multiplier = engines.Multiplier.run

FAULTS = {
    "": (machine, "MOST_TOKENS", 255),
    "sums of four partials": (vector, "PARTIALS", 4),
    "lanes are not folded": (vector, "fold", lambda reduction, bits: bits),
    "rows are always one behind the other": (engines.Dma, "run", _wrong_distance),
    "the last word is not quantized": (engines.Quantizer, "run", _fewer_words),
    "but one product is made": (engines.Multiplier, "run", _first_product),
    "a counter holds fewer tokens": (machine, "MOST_TOKENS", 254),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_interpreter_that_errs_is_found(fault):
    of = "illegal" if "tokens" in fault else "legal"
    with Runner(*design("narrow")) as runner, mock.patch.object(*FAULTS[fault]):
        caught = pytest.raises(AssertionError) if fault else contextlib.nullcontext()
        with caught:
            for seed in range(FIRST, FIRST + (40 if fault else 8)):
                runner.check(of, seed)
