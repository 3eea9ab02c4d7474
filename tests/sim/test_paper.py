"""The tables beside the papers: small runs, kept results, wording."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

import sim.paper.accuracy as module
import sim.paper.bfp as bfp
import sim.paper.workers as workers
from sim.__main__ import main
from sim.paper.accuracy import Case, accuracies
from sim.paper.kept import Kept

from .papers import Pool

SMALL = Case(model="mlp", data="digits", fields=(("epochs", 1), ("hidden", (8,))))


def test_results_are_kept_and_taken_up_again(tmp_path):
    seen = []

    def report(done: int, total: int, last: str) -> None:
        seen.append((done, total))

    kept = Kept(tmp_path)
    first = accuracies([SMALL], ["binary32", "fb16"], 2, kept=kept, report=report)
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(list(tmp_path.iterdir())) == 4
    # As if it had been interrupted before the last one.
    newest = max(tmp_path.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()
    seen.clear()
    again = accuracies([SMALL], ["binary32", "fb16"], 2, kept=Kept(tmp_path), report=report)
    assert seen == [(3, 4), (4, 4)]
    assert again == first
    assert all(0 < row.values[0] < 1 and row.error >= 0 for row in first)


def test_a_result_of_other_sources_is_not_taken(tmp_path, monkeypatch):
    kept = Kept(tmp_path)
    assert kept.get("thing", lambda: 1, size=3) == 1
    assert kept.get("thing", lambda: 2, size=3) == 1
    assert kept.get("thing", lambda: 2, size=4) == 2
    monkeypatch.setattr(kept, "sources", "others")
    assert kept.get("thing", lambda: 5, size=3) == 5
    path = kept.path("thing", size=3)
    path.write_text(path.read_text()[:-9])
    assert kept.get("thing", lambda: 6, size=3) == 6
    assert json.loads(path.read_text())["value"] == 6


def test_utilization_and_accuracy_are_printed_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(bfp, "CASES", (SMALL,))
    monkeypatch.setattr(bfp, "ARITHMETICS", ("binary32", "fb24"))
    command = ["paper", "bfp", "--only", "utilization", "--only", "accuracy", "--seeds", "1"]
    result = CliRunner().invoke(main, [*command, "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    for words in ("resnet50", "MobileNetV2 by layer and pass", "block5.depthwise", "digits mlp"):
        assert words in result.stdout
    names = {"utilization.csv", "utilization.png", "accuracy.csv", "accuracy.png", "kept"}
    assert {path.name for path in tmp_path.iterdir()} == names
    rows = (tmp_path / "utilization.csv").read_text().splitlines()
    assert rows[0] == "network,format,layer,pass,multiply_adds,cycles,utilization"
    # 21, 54, 16, 53 and 102 layers with three passes in three formats.
    assert len(rows) == 1 + 9 * (21 + 54 + 16 + 53 + 132)


def test_a_missed_figure_is_exit_status_1(tmp_path, monkeypatch):
    monkeypatch.setattr(bfp, "CASES", (SMALL,))
    monkeypatch.setattr(bfp, "ARITHMETICS", ("binary32", "fb16"))
    monkeypatch.setattr(
        module,
        "_train",
        lambda case, fields, seed: [0.9 if fields["arithmetic"] == "binary32" else 0.88],
    )
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)
    command = ["paper", "bfp", "--only", "accuracy", "--seeds", "2", "-o", str(tmp_path)]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1
    assert "-2.00" in result.stdout


def test_mistakes(tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "sim", "paper", "bfp", "-o", str(tmp_path / "file")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write to ")
    assert done.stderr.count("\n") == 1


def test_an_interrupted_run_ends_and_goes_on(tmp_path):
    """An interrupt ends the processes that train at once; what was done is there."""
    program = """
import sim.paper.bfp as bfp
import sim.paper.workers as workers
from sim.__main__ import main
from sim.paper.accuracy import Case

if __name__ == "__main__":
    bfp.CASES = (Case(model="mlp", data="digits", fields=(("epochs", 3000),)),)
    main()
"""
    script = tmp_path / "run.py"
    script.write_text(program)
    command = [sys.executable, str(script), "paper", "bfp", "--only", "accuracy"]
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    running = subprocess.Popen(
        [*command, "-o", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
    )
    time.sleep(15)
    assert running.poll() is None
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 130 and b"Traceback" not in errors
    for _ in range(100):
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("processes still train after the interrupt")
