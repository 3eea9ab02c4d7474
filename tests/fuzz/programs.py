"""Programs of the accelerator at random: the Verilog does what the interpreter does.

``python -m tests.fuzz.programs --count 300`` tries all small machines; of ten programs six end, one
is aborted and one reset in its midst and run again, and two fail. What was tried is kept in a file,
from which a stopped run goes on.
"""

import sys
import time
import traceback
from pathlib import Path

import click

from sw.errors import UserError

from ..accelerator.random_runs import CONFIGURATIONS, Runner, design
from .campaign import Campaign

__all__ = ["kind"]

_KINDS = (*["legal"] * 6, "abort", "reset", "illegal", "illegal")


def kind(seed: int) -> str:
    """Return what becomes of the program of a seed."""
    return _KINDS[seed % len(_KINDS)]


def _try(runner: Runner, seed: int) -> str:
    """Return what is wrong, or nothing."""
    try:
        runner.check(kind(seed), seed)
    except (AssertionError, UserError):
        return traceback.format_exc(limit=-2)
    return ""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--machines", default=",".join(CONFIGURATIONS), help="Which, with commas between.")
@click.option("--count", default=300, show_default=True, help="Programs of each.")
@click.option("--first", default=0, show_default=True, help="Seed of the first.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default="build/programs.jsonl")
def main(machines: str, count: int, first: int, output: Path) -> None:
    """Try programs of the accelerator at random; ends with 1 if one is wrong."""
    campaign = Campaign(output, "machine")
    for machine in machines.split(","):
        seeds = list(campaign.left(machine, first, count))
        while seeds:
            # After what is wrong a new machine goes on.
            with Runner(*design(machine)) as runner:
                said = ""
                while seeds and not said:
                    seed, begun = seeds.pop(0), time.perf_counter()
                    said = _try(runner, seed)
                    one = {"machine": machine, "seed": seed, "kind": kind(seed), "said": said}
                    campaign.add(one | {"seconds": round(time.perf_counter() - begun, 2)})
                    if said:
                        click.echo(f"{machine} {kind(seed)} {seed}: {said}")
        mine = campaign.of(machine)
        of = {name: sum(each["kind"] == name for each in mine) for name in dict.fromkeys(_KINDS)}
        wrong = sum(bool(each["said"]) for each in mine)
        counts = ", ".join(f"{number} {name}" for name, number in of.items())
        click.echo(f"{machine}: {len(mine)} tried, {counts}, {wrong} wrong")
    sys.exit(any(each["said"] for each in campaign.records))


if __name__ == "__main__":
    main()
