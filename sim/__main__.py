"""The command ``python -m sim``."""

import functools
from pathlib import Path
from typing import Any

import click
from rich.progress import (
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from hw.units import unit as find_unit
from sw.approx.amsim_multiplier import AmsimParameters
from sw.approx.table import read
from sw.bfp.array import ArrayParameters
from sw.cli import bars, command_line, configured, console, output_folder
from sw.errors import UserError
from sw.train.data import load
from sw.train.network import MODELS
from sw.train.settings import Settings

from .accelerator.command import accelerate_network
from .bench import ENGINES, Stalls, writable
from .build import SIMULATORS, have
from .compare import MismatchError
from .job import BenchError
from .paper.commands import paper
from .rows import Row, summary, write_junit
from .units import bench as find_bench

RUNS = {
    "without stalls": Stalls(),
    "with stalls": Stalls(idle=0.3, back_pressure=0.5),
}

SEEDS = click.IntRange(0, 2**32 - 1)
BLOCKS = click.IntRange(1, 10**7)


@command_line
def main() -> None:
    """Run generated hardware in a simulator, against its model."""


@main.command()
@click.argument("name", metavar="UNIT")
@configured
@click.option("--seed", type=SEEDS, default=1, show_default=True, help="Of data and stalls.")
@click.option("--blocks", type=BLOCKS, default=200, show_default=True, help="Of random data.")
@click.option("--engine", type=click.Choice(ENGINES), help="batch where Verilator is installed.")
@click.option("--sim", type=click.Choice(SIMULATORS), help="Simulator under cocotb.")
@click.option("--waves", is_flag=True, help="Write waves to build/waves/.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results to a file.")
def run(
    name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    seed: int,
    blocks: int,
    engine: str | None,
    sim: str | None,
    waves: bool,
    junit: Path | None,
) -> int:
    """Simulate UNIT on random data and compare with its model, without stalls and with them.

    \b
    Examples:
      python -m sim run bfp_array --preset hbfp4
      python -m sim run bfp_dot --set lanes=4 --blocks 10000 --seed 7
      python -m sim run bfp_converter --engine cocotb --sim icarus --waves
      python -m sim run my_package.my_file:UNIT
    """
    parameters = find_unit(name).parameters.make(preset=preset, config=config, overrides=overrides)
    junit = writable(junit)
    if engine is None:
        engine = "batch" if sim is None and have("verilator") else "cocotb"
    options: dict[str, Any] = {"seed": seed, "blocks": blocks, "engine": engine, "simulator": sim}
    return _compare(name, parameters, options, waves, junit)


def _compare(
    name: str, parameters: Any, options: dict[str, Any], waves: bool, junit: Path | None
) -> int:
    """Compare a unit with its model without stalls and with them; print the rows."""
    seed = options["seed"]
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    rows = []
    terminal = console(stderr=True)
    hidden = not terminal.is_terminal
    with Progress(*columns, console=terminal, transient=True, disable=hidden) as progress:
        for title, stalls in RUNS.items():
            task = progress.add_task(f"{name} {title}")
            path = Path("build/waves") / f"{find_unit(name).name}-{seed}-{title.replace(' ', '-')}"
            options["stalls"] = stalls
            row = _run(title, name, parameters, options, path if waves else None)
            if row.message and not waves:
                progress.update(task, description=f"{name} {title}, again for its waves")
                row = row.with_waves_of(_run(title, name, parameters, options, path))
            progress.stop_task(task)
            rows.append(row)
    console().print(summary(f"{name}, seed {seed}, {options['engine']}", rows))
    for row in rows:
        if row.message:
            click.echo(f"{row.name}: {row.message}")
    if junit:
        write_junit(junit, rows, name, seed)
    return int(any(row.message for row in rows))


@main.command("table")
@click.argument("path", metavar="FILE.bin", type=click.Path(path_type=Path))
@click.option("--format", "form", default="bfloat16", show_default=True, help="Of the operands.")
@click.option("--lanes", default=2, show_default=True, help="Products a cycle.")
@click.option("--seed", type=SEEDS, default=1, show_default=True, help="Of data and stalls.")
@click.option("--blocks", type=BLOCKS, default=10_000, show_default=True, help="Beats of pairs.")
def load_table(path: Path, form: str, lanes: int, seed: int, blocks: int) -> int:
    """Load a table of products into the memory of `amsim_multiplier`, multiply, compare.

    \b
    Examples:
      python -m sim table build/mbm_7.bin
      python -m sim table build/mbm_7.bin --format binary32 --lanes 4
    """
    table = read(path)
    parameters = AmsimParameters.make(bits=table.bits, format=form, lanes=lanes)
    engine = "batch" if have("verilator") else "cocotb"
    options = {"seed": seed, "blocks": blocks, "engine": engine, "simulator": None, "table": table}
    return _compare("amsim_multiplier", parameters, options, False, None)


def _run(
    title: str, name: str, parameters: Any, options: dict[str, Any], waves: Path | None
) -> Row:
    try:
        report = find_bench(name).regress(parameters, waves=waves, **options)
    except BenchError as error:
        return Row(title, None, str(error))
    return Row(title, report, report.message)


@main.command()
@functools.partial(configured, preset="hbfp8")
@click.option("--data", default="digits", show_default=True, help="digits or mnist.")
@click.option("--weights", type=click.Path(path_type=Path), help="A network of sw train.")
@click.option(
    "--samples", type=click.IntRange(1, 300), default=64, show_default=True, help="Images."
)
@click.option("--seed", type=click.IntRange(1, 2**32 - 9), default=1, help="Of random rounding.")
@click.option("--target", default="ecp5", show_default=True, help="What to synthesize for.")
@click.option("-o", "--output", type=click.Path(), default="build/demo")
def demo(
    preset: str,
    config: str | None,
    overrides: tuple[str, ...],
    data: str,
    weights: Path | None,
    samples: int,
    seed: int,
    target: str,
    output: str,
) -> int:
    """Generate the array, run real images through it, and show what it costs.

    \b
    Examples:
      python -m sim demo
      python -m sim demo --preset hbfp4 --set rows=8 --data mnist --target gates
    """
    from .demo import demo as run_demo

    try:
        run_demo(
            ArrayParameters.make(preset=preset, config=config, overrides=overrides),
            data=data,
            weights=weights,
            samples=samples,
            seed=seed,
            target=target,
            folder=output_folder(output),
        )
    except (BenchError, MismatchError) as error:
        click.echo(f"the circuit differs from its model: {error}", err=True)
        return 1
    return 0


@main.command("train")
@click.option("--arith", "arithmetic", default="flexblock", show_default=True, help="See sw train.")
@click.option("--model", default="mlp", show_default=True, help=f"{', '.join(MODELS)}.")
@click.option("--data", default="digits", show_default=True, help="digits or mnist.")
@click.option(
    "--steps", type=click.IntRange(1, 10**6), default=50, show_default=True, help="Of training."
)
@click.option("--batch", default=32, show_default=True, help="Images of a step.")
@click.option("--update", default="exact", show_default=True, help="See sw train.")
@click.option("--sparse", default="none", show_default=True, help="See sw train.")
@click.option("--seed", default=1, show_default=True, help="Of weights, order and rounding.")
@click.option("--set", "overrides", multiple=True, metavar="FIELD=VALUE", help="Of the array.")
def train_network(overrides: tuple[str, ...], data: str, steps: int, **fields: Any) -> int:
    """Train through the RTL, and compare with the model.

    Formats of FlexBlock and of the boosters go through bfp_multimode_array, other blocks through
    bfp_array, approximate multipliers through approx_array, updates by essop through outer_product,
    the choice of tracked weights through quantile_estimator. By a recipe operands are quantized by
    bfp_converter, under a scale a tensor after tensor_amax, and transformed by hadamard; the array
    takes those of one format. Beside a recipe, updates or tracking, products in binary32, bfloat16
    or binary16 stay with NumPy; else all go through an array.

    \b
    Examples:
      python -m sim train
      python -m sim train --arith nvfp4 --steps 100
      python -m sim train --arith mbm7 --model lenet --data mnist --batch 16
      python -m sim train --arith binary32 --update essop:length=16,parallel=4,lanes=4
      python -m sim train --arith binary32 --sparse procrustes:keep=0.05 --steps 100
    """
    from .training import check, compare, configure, show, spared

    settings = Settings(**fields)
    if overrides and spared(settings):
        found = settings.arithmetic
        raise UserError(f"--set is of an array, through which products in {found} do not go here")
    parameters, images = configure(settings.arithmetic, overrides), load(data)
    check(images, settings, parameters)
    try:
        with bars() as progress:
            task = progress.add_task("train through the circuit", total=None)

            def report(products: int, total: int) -> None:
                progress.update(task, completed=products, total=total)

            done = compare(images, settings, parameters, steps=steps, report=report)
    except BenchError as error:
        click.echo(f"the circuit differs from its model: {error}", err=True)
        return 1
    show(done, console())
    return 1 if done.mismatches else 0


@main.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/bench.json"))
def bench(output: Path) -> None:
    """Measure ratios of speed, size and time, and write them as JSON."""
    from hw.flow.progress import Progress as Stages

    from .ratios import measure

    output_folder(output.parent)
    table = Table("measure", "figure", "value")
    for name, figures in measure(output, Stages(console(stderr=True))).items():
        if isinstance(figures, dict):
            for figure, value in figures.items():
                table.add_row(name, figure, f"{value:,.2f}")
    out = console()
    out.print(table)
    out.print(f"wrote {output}", highlight=False, style="dim")


main.add_command(accelerate_network)
main.add_command(paper)


if __name__ == "__main__":
    main(prog_name="python -m sim")
