"""FuseSoC lints, simulates and synthesizes from the delivered folder alone."""

import re
import subprocess

import pytest

from .test_testbench import NAME, deliver
from .tools import environment

RESULTS = {"lint": "", "sim": "^PASS$", "synth": "TRELLIS_FF"}


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """Return a folder that was delivered, and where FuseSoC finds its programs."""
    folder = tmp_path_factory.mktemp("fusesoc")
    return deliver("load_balancer", folder), environment(folder / "bin")


def fusesoc(sent, target):
    folder, tools = sent
    core = re.findall(r"^name: (.*):", (folder / f"{NAME}.core").read_text(), re.M)[0]
    command = ["fusesoc", "--cores-root", ".", "run", "--target", target, core]
    # The command that the folder's README tells.
    assert f"    {' '.join(command)}\n" in (folder / "README.md").read_text()
    return subprocess.run(command, cwd=folder, env=tools, capture_output=True, text=True)


@pytest.mark.parametrize("target", RESULTS)
def test_a_target_runs(target, sent):
    done = fusesoc(sent, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(RESULTS[target], done.stdout, re.M)
    assert "WARNING" not in done.stdout + done.stderr


def test_a_failing_bench_fails_the_target(sent):
    path = sent[0] / "bench" / "m_axis.hex"
    right = path.read_text()
    path.write_text(right.replace("\n", "0\n", 1))
    done = fusesoc(sent, "sim")
    path.write_text(right)
    assert done.returncode != 0 and re.search("^FAIL$", done.stdout, re.M)
