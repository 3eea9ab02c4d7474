"""The page's commands and code with the simulated board, as they stand there."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.book import ROOT, blocks, run

PAGE = "use/boards.md"


def test_the_simulated_board(tmp_path):
    # As in a new checkout: there is no such folder yet.
    link = tmp_path / "build" / "board"
    _, simulated, *_ = blocks(PAGE, "sh")
    _, simulate, wait, selftest = simulated.replace("build/board", str(link)).splitlines()
    assert simulate.endswith(" &") and wait.startswith(f"until test -e {link}; do sleep 1; done ")
    command = [sys.executable, *simulate.removesuffix(" &").split()[1:]]
    with contextlib.ExitStack() as stack:
        board = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
        stack.callback(board.kill)
        appears(link)
        table = run(*selftest.split()[1:])
        assert re.search(r"on the board │ +[\d,]+ │ +- │ +0 │", table)
        [code] = blocks(PAGE, "python")
        told = run("-c", code.replace("build/board", str(link)))
        assert told.startswith(f"ulx3s-85f at {link} 1195835394 Statistics(")
        board.send_signal(signal.SIGTERM)
        assert board.wait() == 0


def appears(path: Path) -> None:
    limit = time.monotonic() + 300
    while not os.path.lexists(path):
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_each_command_is_one():
    lines = [line.split("#")[0].split() for line in "".join(blocks(PAGE, "sh")).splitlines()]
    assert len(lines) == 16
    for line in filter(None, lines):
        if line[:3] == ["python", "-m", "boards"]:
            assert line[3] in run("-m", "boards", "--help")
            help_text = run("-m", "boards", line[3], "--help")
            for option in line[4:]:
                assert not option.startswith("-") or option in help_text
