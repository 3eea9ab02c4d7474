"""Tables as the reports print them."""

from rich import box
from rich.console import Console
from rich.table import Table

__all__ = ["plain_table", "print_titled"]


def plain_table() -> Table:
    """Return an empty table with a line below its head alone."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))


def print_titled(console: Console, title: str, table: Table) -> None:
    """Print a table below its title, which is one line however narrow the table."""
    console.print(title, highlight=False, soft_wrap=True, markup=False, style="italic")
    console.print(table)
