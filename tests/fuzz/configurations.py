"""Configurations of units at random: each gives a right design, or one worded error.

A unit's fields and what they take are found by asking: a wrong value's error names the range or the
choices. ``python -m tests.fuzz.configurations --count 300`` tries all units; what was tried is kept
in a file, from which a stopped run goes on.
"""

import dataclasses
import random
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import click

from hw.flow.emit import Design, generate
from hw.flow.split import INSTANCE
from hw.units import UNITS
from sim.bench import Stalls
from sim.units import bench
from sw.errors import UserError
from sw.formats import (
    BLOCK_FORMATS,
    FLOAT_FORMATS,
    MX_FORMATS,
    ROUNDINGS,
    BlockFormat,
    FloatFormat,
)
from sw.formats.element import ELEMENTS
from sw.formats.scale import MX_RULES

from ..lint import lint
from .campaign import Campaign

__all__ = ["Tried", "configuration", "try_one"]

WRONG = (-1, 0, 2.0, 1.5, "two", None, True, [1], {}, 10**12, "", float("nan"))
LARGE = 1_000_000
"""Letters, with every instance written out, above which a design takes minutes to compile."""


@dataclasses.dataclass(frozen=True)
class Tried:
    """What came of a configuration: ``right``, ``refused`` or ``wrong``, and what was said."""

    unit: str
    seed: int
    fields: dict[str, Any]
    result: str
    said: str
    seconds: float


def _asked(kind: type, field: str) -> str:
    """Return what is said of a value that no field takes."""
    try:
        kind(**{field: object()})
    except UserError as error:
        return str(error)
    return ""


def _format(rng: random.Random) -> Any:
    """Return a block format: a preset, or one with fields changed."""
    if rng.random() < 0.5:
        return _small_format(rng)
    name = rng.choice(sorted(BLOCK_FORMATS))
    fields = {
        "mantissa_bits": rng.randint(2, 24) if rng.random() < 0.3 else rng.randint(2, 9),
        "sign_inside": rng.random() < 0.5,
        "exponent_bits": rng.randint(4, 10),
        "exponent_rule": rng.choice(("floor", "ceil")),
        "block": rng.choice((1, 2, 3, 4, 8, 16, 64, "2x2", "4x4", "8x8")),
        "rounding": rng.choice(("truncate", "nearest_even", "stochastic")),
        "random_bits": rng.randint(1, 24),
        "symmetric": rng.random() < 0.5,
    }
    chosen = rng.sample(sorted(fields), rng.randint(0, 4))
    return {"preset": name} | {field: fields[field] for field in chosen} if chosen else name


def _small_format(rng: random.Random) -> Any:
    """Return a format of MX or NVFP4: a preset, or one with fields changed."""
    name = rng.choice(sorted(MX_FORMATS))
    scaled = MX_FORMATS[name].has_tensor_scale
    own = {"exponent_bits": rng.randint(1, 5), "fraction_bits": rng.randint(1, 5)}
    fields = {
        "element": rng.choice((rng.choice(sorted(ELEMENTS)), own | {"specials": "nan"}, own)),
        "scale": {"headroom": rng.choice((1, 1.5))} if scaled else {"rule": rng.choice(MX_RULES)},
        "block": rng.choice((1, 2, 3, 4, 8, 16, 32, "2x2", "4x4", "8x8")),
        "rounding": rng.choice(ROUNDINGS),
        "random_bits": rng.randint(1, 24),
    }
    chosen = rng.sample(sorted(fields), rng.randint(0, 4))
    return {"preset": name} | {field: fields[field] for field in chosen} if chosen else name


def _value(kind: type, field: dataclasses.Field[Any], rng: random.Random) -> Any:
    """Return a value of a field, in one of ten a wrong one."""
    if rng.random() < 0.1:
        return rng.choice(WRONG)
    default = getattr(kind(), field.name)
    if isinstance(default, BlockFormat):
        return _format(rng)
    if isinstance(default, FloatFormat):
        own = {"exponent_bits": rng.randint(2, 8), "fraction_bits": rng.randint(2, 23)}
        return rng.choice((rng.choice(sorted(FLOAT_FORMATS)), own))
    said = _asked(kind, field.name)
    if isinstance(default, bool):
        return rng.random() < 0.5
    if found := re.search(r"one of ([\w, .-]+), not", said):
        names = found[1].split(", ")
        name = rng.choice(names)
        return int(name) if isinstance(default, int) else name
    if found := re.search(r"from (-?\d+) to (-?\d+)", said):
        low, high = int(found[1]), int(found[2])
        if isinstance(default, int):
            spread = min(high - low, rng.choice((1, 2, 4, 8, 8, 32, high - low)))
            power = 1 << rng.randint(0, max(high, 1).bit_length() - 1)
            small = low + rng.randint(0, max(spread, 0))
            return power if low <= power <= min(high, 16) and rng.random() < 0.4 else small
        return rng.uniform(low, min(high, 1e6))
    return default


def configuration(unit: str, seed: int) -> tuple[str | None, dict[str, Any]]:
    """Return a preset, or None, and fields of a unit."""
    rng = random.Random(f"{unit} {seed}")
    kind = UNITS[unit].parameters
    fields = dataclasses.fields(kind)
    preset = rng.choice(sorted(kind.PRESETS)) if kind.PRESETS and rng.random() < 0.3 else None
    chosen = rng.sample(fields, rng.randint(1, min(5, len(fields))))
    values = {field.name: _value(kind, field, rng) for field in chosen}
    for name, most in SMALL.items():
        if any(f.name == name for f in fields) and (name not in values or rng.random() < 0.8):
            values[name] = rng.randint(1, most)
    return preset, values


SMALL = {"rows": 3, "columns": 3, "pe_rows": 3}
"""Sides of arrays: four of five that are chosen, and all others, are at most as large."""


def _written_out(verilog: str) -> int:
    """Return the letters of a design, its first module the top, with every instance written out."""
    texts = dict(re.findall(r"^module (\w+)(.*?)^endmodule$", verilog, re.M | re.S))
    letters: dict[str, int] = {}
    for name in reversed(texts):
        parts = [match[1] for match in INSTANCE.finditer(texts[name])]
        letters[name] = len(texts[name]) + sum(letters.get(part, 0) for part in parts)
    return letters[next(iter(texts))]


def _lint(design: Design) -> str:
    """Return what Verilator complains of."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{design.name}.v"), Path(folder, "cells.v")]
        paths[0].write_text(design.verilog)
        paths[1].write_text(design.cells)
        used = paths if design.cells else paths[:1]
        return lint(*used, "-Wno-MULTITOP", "--top-module", design.name)


def try_one(unit: str, seed: int, *, simulate: bool = True) -> Tried:
    """Return what comes of it: emitted, linted, simulated against its model with stalls."""
    begun = time.perf_counter()
    preset, fields = configuration(unit, seed)

    def tried(result: str, said: str) -> Tried:
        shown = {"preset": preset} | fields
        return Tried(unit, seed, shown, result, said, round(time.perf_counter() - begun, 2))

    try:
        parameters = UNITS[unit].parameters.make(preset=preset, **fields)
        design = generate(unit, parameters) if simulate else None
    except UserError as error:
        text = str(error)
        good = "\n" not in text and 0 < len(text) < 600
        return tried("refused" if good else "wrong", text)
    except Exception:
        return tried("wrong", traceback.format_exc(limit=-4))
    if design is None:
        return tried("right", "not emitted")
    if (letters := _written_out(design.verilog)) > LARGE:
        return tried("right", f"{letters} letters with every instance written out, not simulated")
    if said := _lint(design):
        return tried("wrong", said)
    try:
        report = bench(unit).regress(
            parameters,
            seed=seed,
            blocks=6,
            stalls=Stalls(idle=0.3, back_pressure=0.4),
        )
    except Exception:
        return tried("wrong", traceback.format_exc(limit=-4))
    return tried("wrong" if report.message or not report.values else "right", report.message)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--units", default=",".join(UNITS), help="Which, with commas between.")
@click.option("--count", default=300, show_default=True, help="Configurations of each.")
@click.option("--first", default=0, show_default=True, help="Number of the first.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="build/fuzz.jsonl")
def main(units: str, count: int, first: int, output: Path) -> None:
    """Try configurations of units at random; ends with 1 if one is wrong."""
    campaign = Campaign(output, "unit")
    left = {unit: set(campaign.left(unit, first, count)) for unit in units.split(",")}
    for seed in range(first, first + count):
        for unit in (unit for unit, seeds in left.items() if seed in seeds):
            one = dataclasses.asdict(try_one(unit, seed))
            campaign.add(one)
            if one["result"] == "wrong":
                click.echo(f"{unit} {seed} {one['fields']}: {one['said']}")
    for unit in left:
        mine = [each["result"] for each in campaign.of(unit)]
        click.echo(
            f"{unit}: {len(mine)} tried, {mine.count('right')} right, "
            f"{mine.count('refused')} refused, {mine.count('wrong')} wrong"
        )
    sys.exit(any(each["result"] == "wrong" for each in campaign.records))


if __name__ == "__main__":
    main()
