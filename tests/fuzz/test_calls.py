"""2,000 calls of public functions with one argument changed at random, and no silent difference.

A change that keeps a value gives the same result or a worded error; one that does not gives an
error, unless the function's documentation takes such a value. Nothing but `UserError`,
`ValueError` and `TypeError` comes out, in one line.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest

from sw.checks import shown
from sw.errors import UserError

from .calls import CALLS
from .mutate import changes

COUNT = 2000

GIVEN = ("self", "manifest", "stream")
"""What a user has from Gradgate and hands back."""


def same(a: Any, b: Any) -> bool:
    """Tell whether two results are equal on every bit."""
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        names = [f.name for f in dataclasses.fields(a)]
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, np.ndarray):
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def cases(seed: int) -> Any:
    """Return the calls of a seed: name, argument and number of the change, and a seed of values."""
    rng = np.random.default_rng(seed)
    names = sorted(CALLS)
    for _ in range(COUNT):
        name = names[rng.integers(len(names))]
        fields = [f for f in CALLS[name].arguments(np.random.default_rng(0)) if f not in GIVEN]
        yield name, fields[rng.integers(len(fields))], int(rng.integers(1 << 30))


def fault(name: str, field: str, seed: int) -> str | None:
    """Return what is wrong about a call, or None."""
    entry = CALLS[name]
    arguments = entry.arguments(np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    options = list(changes(arguments[field]))
    change = options[rng.integers(len(options))]
    value = change.make(arguments[field], rng)
    about = f"{name}({field}={shown(value)}), {change.kind}{', kept' if change.kept else ''}"
    right = entry.function(**entry.arguments(np.random.default_rng(seed)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = entry.function(**(arguments | {field: value}))
    except (UserError, ValueError, TypeError) as error:
        words = ("must", "broadcast", "inhomogeneous")
        if type(error).__module__ == "builtins" and not any(w in str(error) for w in words):
            return f"{about}: unworded {type(error).__name__}: {error}"
        return None if str(error) and len(str(error)) < 500 else f"{about}: {error!r}"
    except AssertionError as error:  # of `assert_equal`, which is what it is for
        return None if name.endswith("assert_equal") else f"{about}: {error!r}"
    except Exception as error:
        return f"{about}: {type(error).__name__}: {error}"
    if change.kind in entry.takes.get(field, ()) or (change.kept and same(result, right)):
        return None
    return f"{about}: {'another result' if change.kept else 'taken'}"


def test_calls_are_right_without_a_change():
    for name, entry in CALLS.items():
        twice = (entry.function(**entry.arguments(np.random.default_rng(1))) for _ in range(2))
        assert same(*twice), name


@pytest.mark.parametrize("seed", [1])
def test_no_silent_difference(seed):
    faults = [text for case in cases(seed) if (text := fault(*case))]
    assert not faults, f"{len(faults)} of {COUNT}, first:\n" + "\n".join(sorted(faults)[:40])
