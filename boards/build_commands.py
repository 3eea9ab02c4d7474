"""Commands from a configuration to a programmed board: list, build, program."""

import shutil
import subprocess
from pathlib import Path

import click
from rich.table import Column, Table

from hw.flow.progress import Progress
from hw.flow.tools import TOOLS
from sw.cli import console, output_folder
from sw.errors import UserError

from .configured import Chosen, configured
from .pack import PACKERS, bitstream
from .table import BOARDS, Board
from .table import board as find_board

__all__ = ["build", "list_boards", "program"]


@click.command("list")
def list_boards() -> None:
    """Show the boards: device, clock, what carries the serial line, and what a build gives."""
    columns = (Column("board", no_wrap=True), "device", "clock", "serial line", "a build gives")
    table = Table(*columns, show_lines=True)
    for board in BOARDS.values():
        packer = PACKERS.get(board.family)
        given = "project for Vivado" if packer is None else f"bitstream (.{packer.made[0]})"
        fields = (f"{name}={value}" for name, value in board.fields.items())
        unit = " ".join((board.unit, *fields))
        table.add_row(
            board.name,
            board.device,
            f"{board.clock:g} MHz",
            f"{board.serial}, {board.baud:,} baud",
            f"{given}; {unit} unless told",
        )
    console().print(table)


@click.command()
@configured
@click.option("--seeds", default=4, show_default=True, help="Placements to try for the clock.")
@click.option("--estimate", is_flag=True, help="Synthesize and report, do not place and route.")
@click.option("--allow-slow", is_flag=True, help="Take a placement that misses the clock.")
@click.option("-o", "--output", metavar="DIR", help="Folder.  [default: build/BOARD]")
def build(chosen: Chosen, seeds: int, estimate: bool, allow_slow: bool, output: str | None) -> None:
    """Build UNIT for BOARD: Verilog, constraints, bitstream and a report of what it costs.

    What stores more than the device can is refused at once, by arithmetic on its parameters; what
    does not fit otherwise before it is placed, with the nearest configuration that fits.
    Unchanged work is not done twice: results are kept in ~/.cache/gradgate ($GRADGATE_CACHE
    moves it).

    \b
    Examples:
      python -m boards build ulx3s-85f
      python -m boards build ulx3s-85f --unit bfp_array --preset hbfp4 --set rows=8
      python -m boards build icebreaker --unit bfp_converter --set lanes=1 -o build/converter
      python -m boards build arty-a7-35 --clock 80 --estimate
    """
    from hw.flow.emit import write_files
    from hw.flow.report import show

    from .build import build as make

    name, parameters = chosen.configure()
    folder = output_folder(output or Path("build") / chosen.board_name)
    made = make(
        chosen.board_name,
        name,
        parameters,
        **chosen.link,
        seeds=seeds,
        route=not estimate,
        slow=allow_slow,
        progress=Progress(console(stderr=True)),
    )
    show(made.cost, console())
    for path in write_files(made.files, folder):
        console().print(f"wrote {path}", highlight=False, style="dim")


@click.command()
@click.argument("board_name", metavar="BOARD")
@click.option("-o", "--output", metavar="DIR", help="Folder of the build. [default: build/BOARD]")
def program(board_name: str, output: str | None) -> None:
    """Load what was built for BOARD into it, with openFPGALoader.

    iCEBreaker and OrangeCrab keep it in their flash memory; the others forget it when they lose
    power.

    \b
    Examples:
      python -m boards program ulx3s-85f
      python -m boards program icebreaker -o build/converter
    """
    board = find_board(board_name)
    folder = Path(output) if output else Path("build") / board.name
    path = folder / bitstream(board)
    if not path.is_file():
        raise UserError(
            f"{path} is not there: python -m boards build {board.name} -o {folder}{_vivado(board)}"
        )
    TOOLS["openFPGALoader"].require()
    loader = shutil.which("openFPGALoader")
    assert loader is not None
    done = subprocess.run([loader, *board.loader, str(path)], check=False)
    if done.returncode:
        raise UserError(
            f"openFPGALoader could not program {board.name} (status {done.returncode}): see above; "
            f"is the board plugged in, and may you open its USB device?"
        )


def _vivado(board: Board) -> str:
    """Return what more it takes to get a bitstream where no open tool makes it."""
    return "" if board.family in PACKERS else ", then vivado -mode batch -source build.tcl there"
