"""Tools that take long on a delivered folder: routing, and a model in C++ by FuseSoC."""

import subprocess

import pytest

from .test_fusesoc import fusesoc, sent

__all__ = ["sent"]


@pytest.mark.parametrize("target", ["ecp5", "sim_verilator"])
def test_a_target_runs(target, sent):
    done = fusesoc(sent, target)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_routes(sent):
    folder, tools = sent
    done = subprocess.run(
        ["sh", "synth/ecp5.sh"], cwd=folder, env=tools, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "TRELLIS_FF" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Info: Max frequency for clock")
