"""The command that hands a unit over: ``python -m hw deliver``."""

import click
from rich.table import Column, Table

from hw.flow.names import module_name
from hw.flow.progress import Progress
from hw.units import unit
from sw.cli import configured, console, output_folder

from .delivered import Delivered
from .folder import listed, write
from .parts import PARTS

__all__ = ["deliver"]


@click.command()
@click.argument("unit_name", metavar="UNIT")
@configured
@click.option("--name", metavar="NAME", help="Of the top module and the files.  [default: UNIT]")
@click.option("-o", "--output", metavar="DIR", help="Folder.  [default: build/NAME]")
def deliver(
    unit_name: str,
    preset: str | None,
    config: str | None,
    overrides: tuple[str, ...],
    name: str | None,
    output: str | None,
) -> None:
    """Write a folder with all that UNIT needs in a system: Verilog and what comes with it.

    It has a test bench in plain Verilog with data whose results are known, a FuseSoC core file that
    lints, simulates and synthesizes, and scripts and constraints for tools; its README.md says how
    to use them. The data are of a run of the unit beside its model: if they differ, nothing is
    written.

    In a folder that has an earlier delivery of the name, what this one has no more is removed.

    \b
    Examples:
      python -m hw deliver bfp_array -o build/array
      python -m hw deliver bfp_dot --preset hbfp4 --set lanes=4 --name narrow_dot
    """
    if name is not None:
        module_name("--name", name)
    parameters = unit(unit_name).configure(preset=preset, config=config, overrides=overrides)
    folder = output_folder(output or f"build/{name or unit_name.rpartition(':')[2].lower()}")
    delivered = Delivered(unit_name=unit_name, parameters=parameters, name=name)
    progress = Progress(console(stderr=True))
    files: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for what, part in PARTS:
        with progress.stage(what):
            made = part(delivered)
        files |= made
        kinds |= dict.fromkeys(made, what)
    for warning in delivered.design.manifest["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    paths = write(listed(delivered.design, files), folder, delivered.design.name)
    table = Table(Column("file", overflow="fold"), "bytes", "what it is")
    for file, path in zip(files, paths, strict=True):
        table.add_row(str(path), f"{path.stat().st_size:,}", kinds[file])
    console().print(table)
