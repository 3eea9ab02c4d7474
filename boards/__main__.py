"""The command line of the boards: ``python -m boards``."""

from sw.cli import command_line

from .build_commands import build, list_boards, program
from .run_commands import selftest, simulate
from .train_commands import train

__all__ = ["main"]


@command_line
def main() -> None:
    """Units on boards: bitstreams, a link to a board, simulated boards.

    \b
    Examples:
      python -m boards list
      python -m boards build ulx3s-85f --unit bfp_array --preset hbfp8 -o build/ulx3s
      python -m boards simulate ulx3s-85f --unit bfp_array
      python -m boards selftest --port /dev/ttyUSB0
      python -m boards train --port /dev/ttyUSB0
    """


for command in (list_boards, build, program, simulate, selftest, train):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m boards")
