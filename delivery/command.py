"""The command that hands a unit over: ``python -m hw deliver``."""

from typing import Any

import click
from rich.table import Column, Table

from hw.flow.names import module_name
from hw.flow.progress import Progress
from hw.units import unit
from sw.cli import configured, console, output_folder, whole_files

from .delivered import Delivered
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
    for what, part in PARTS:
        with progress.stage(what):
            files |= part(delivered)
    paths = [folder / file for file in files]
    for parent in {path.parent for path in paths}:
        parent.mkdir(parents=True, exist_ok=True)
    with whole_files(*paths) as beside:
        for path, text in zip(beside, files.values(), strict=True):
            path.write_text(text)
    table: Any = Table(Column("file", overflow="fold"), "bytes")
    for path in paths:
        table.add_row(str(path), f"{path.stat().st_size:,}")
    console().print(table)
