"""The commands that run units: simulated boards, and the regression on a board."""

import os
import select
import signal
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hw.flow.progress import Progress
from sim.bench import Stalls, writable
from sim.job import BenchError
from sim.rows import Row, summary, write_junit
from sim.units import bench
from sw.cli import console

from .configured import BAUD, Chosen, configured
from .engine import BoardEngine
from .host import Board
from .simulator import SimulatedBoard
from .top import board_design

__all__ = ["selftest", "simulate"]

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A line stalls all streams; a bench then compares no cycles.
STALLS = Stalls(idle=0.5, back_pressure=0.5)


@click.command()
@configured
@click.option("--link", type=click.Path(path_type=Path), help="A symbolic link to the port.")
def simulate(chosen: Chosen, link: Path | None) -> int:
    """Simulate the whole BOARD, its serial line included, behind a pseudo-terminal.

    Its name is printed. The board answers there as a real one does, but for its speed, until Ctrl-C
    unplugs it. The unit's field "target" is generic unless it is set: the cells of a device, which
    a build instantiates, take a hundred times as long to simulate.

    \b
    Examples:
      python -m boards simulate ulx3s-85f
      python -m boards simulate ulx3s-85f --unit bfp_dot --preset hbfp4 --link build/board
    """
    board_name = chosen.board_name
    name, parameters = chosen.configure(cells=False)
    progress = Progress(console(stderr=True))
    with progress.stage(f"generate {name} for {board_name}"):
        design = board_design(board_name, name, parameters, **chosen.link)
    with progress.stage("build the simulation"):
        board = SimulatedBoard(design, link=link)
    # Any thread may get a signal, and a second one may arrive while the board is unplugged.
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in ENDS:
        signal.signal(number, lambda *_: None)
    with board:
        click.echo(f"{board_name} with {name} at {board.port}, {design.manifest['baud']:,} baud")
        while board.alive and not select.select([ended], [], [], 0.5)[0]:
            pass
        alive = board.alive
    click.echo(f"unplugged after {board.cycles:,} cycles")
    return int(not alive)


@click.command()
@click.option("--port", required=True, help="Serial port of the board, for instance /dev/ttyUSB0.")
@click.option("--baud", type=BAUD, help="Bits a second, as of the board's build; else 3,000,000.")
@click.option("--blocks", type=click.IntRange(1, 10**6), default=200, show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
@click.option("--junit", type=click.Path(path_type=Path), help="Write the results to a file.")
def selftest(port: str, baud: int | None, blocks: int, seed: int, junit: Path | None) -> int:
    """Run the regression of the unit on a board, and compare with its model.

    The board tells which unit it holds.

    \b
    Examples:
      python -m boards selftest --port /dev/ttyUSB0
      python -m boards selftest --port /dev/pts/3 --blocks 1000 --seed 7
    """
    junit = writable(junit)
    out = console()
    progress = Progress(console(stderr=True))
    with Board.open(port, baud) as board:
        out.print(_identity(board))
        with progress.stage(f"{board.unit} on {board.name}"):
            row = _regress(board, blocks, seed)
        out.print(summary(f"{board.unit}, seed {seed}, {board.name}", [row]))
        seconds = progress.stages[-1].seconds
        out.print(_link(board, seconds))
        if junit:
            write_junit(junit, [row], board.unit, seed)
    if row.message:
        click.echo(f"{row.name}: {row.message}")
    return int(bool(row.message))


def _regress(board: Board, blocks: int, seed: int) -> Row:
    options: dict[str, Any] = {"seed": seed, "blocks": blocks, "stalls": STALLS}
    title = "on the board"
    try:
        report = bench(board.unit).regress(board.parameters, engine=BoardEngine(board), **options)
    except BenchError as error:
        return Row(title, None, str(error))
    return Row(title, report, report.message)


def _identity(board: Board) -> Table:
    facts = board.connection.identity
    table = Table("the board tells", "")
    for name in ("board", "unit", "digest", "version"):
        table.add_row(name, facts[name])
    table.add_row("clock", f"{facts['clock'] / 1e6:g} MHz")
    table.add_row("baud", f"{facts['baud']:,}")
    table.add_row("buffers", f"{facts['buffer']:,} bytes")
    return table


def _link(board: Board, seconds: float) -> Table:
    counts, line = board.statistics, board.line
    table = Table(title="link")
    for heading in ("", "frames", "damaged", "repeated", "bytes", "bytes/s"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, frames, damaged, repeated, count in (
        ("to the board", counts.requests, counts.reported, f"{counts.repeated:,}", line.sent),
        ("from the board", counts.answers, counts.damaged, "", line.received),
    ):
        speed = f"{count / seconds:,.0f}"
        table.add_row(name, f"{frames:,}", f"{damaged:,}", repeated, f"{count:,}", speed)
    return table
