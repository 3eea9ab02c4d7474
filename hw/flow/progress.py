"""A line per stage of long work, with the time that it took."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import Progress as Live
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["Progress", "Stage"]


@dataclasses.dataclass
class Stage:
    """A stage that runs or has run; ``note`` says, for instance, that its result was cached."""

    name: str
    seconds: float = 0.0
    note: str = ""


class Progress:
    """Progress of long work on standard error: a running clock, and a line for each stage done.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to print; None prints nothing.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console
        self.stages: list[Stage] = []

    def say(self, text: str) -> None:
        """Print a line."""
        if self.console is not None:
            self.console.print(text, style="dim", highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Show a stage as running until the block ends."""
        stage = Stage(name)
        start = time.monotonic()
        with contextlib.ExitStack() as stack:
            if self.console is not None and self.console.is_terminal:
                columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
                live = stack.enter_context(Live(*columns, console=self.console, transient=True))
                live.add_task(name, total=None)
            yield stage
            stage.seconds = time.monotonic() - start
        self.stages.append(stage)
        note = f"  ({stage.note})" if stage.note else ""
        self.say(f"{name:<48} {stage.seconds:7.1f} s{note}")
