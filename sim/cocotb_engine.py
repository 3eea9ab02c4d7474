"""The cocotb engine: the same run with cocotb's buses, on Icarus or Verilator."""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from cocotb_tools.runner import get_runner

from sw.checks import choice
from sw.errors import UserError

from .build import MISSING, SIMULATORS, have
from .job import Job, Outcome, Transfer
from .models import cocotb_model
from .streams import stream_seed

__all__ = ["simulate"]

ICARUS_BEATS = 10_000  # beyond, Verilator's build takes less time than Icarus' run


def choose(simulator: str | None, beats: int) -> str:
    """Return ``simulator``, or without one the faster of those installed."""
    if simulator is not None:
        if not have(choice("simulator", simulator, SIMULATORS)):
            raise UserError(MISSING[simulator])
        return simulator
    order = SIMULATORS if beats <= ICARUS_BEATS else SIMULATORS[::-1]
    for name in order:
        if have(name):
            return name
    raise UserError("no simulator found: " + " and ".join(MISSING.values()))


def simulate(job: Job, simulator: str | None = None) -> Outcome:
    """Run ``job`` on ``simulator``, or on the one that suits its length."""
    beats = sum(map(len, job.inputs.values())) + sum(job.outputs.values())
    simulator = choose(simulator, beats)
    waves = job.waves
    if waves:
        waves = waves.with_suffix(".fst" if simulator == "icarus" else ".vcd")
    model = cocotb_model(simulator, job.name, job.verilog, job.ports, waves=waves is not None)
    with tempfile.TemporaryDirectory(prefix="gradgate-") as name:
        folder = Path(name)
        _prepare(job, folder)
        start = time.perf_counter()
        _run(job, simulator, model, folder, waves)
        return _outcome(job, folder, time.perf_counter() - start, waves)


def _prepare(job: Job, folder: Path) -> None:
    streams = {}
    for name in (*job.inputs, *job.outputs):
        source = name in job.inputs
        streams[name] = {
            "input": source,
            "beats": len(job.inputs[name]) if source else job.outputs[name],
            "bytes": job.manifest["streams"][name]["bytes"],
            "stall": job.stalls.idle if source else job.stalls.back_pressure,
            "seed": stream_seed(job.seed, name),
        }
    same = ("name", "writes", "later", "reads", "seed", "reset_after", "watchdog", "settle")
    request = {field: getattr(job, field) for field in same} | {"streams": streams}
    (folder / "job.json").write_text(json.dumps(request))
    arrays: dict[str, Any] = dict(job.inputs)
    arrays |= {f"{name}_tlast": last for name, last in job.last.items()}
    np.savez(folder / "inputs.npz", **arrays)


def _run(job: Job, simulator: str, model: Path, folder: Path, waves: Path | None) -> None:
    runner = get_runner(simulator)
    runner.log.disabled = True
    options = {}
    if waves and simulator == "icarus":
        options["plusargs"] = [f"+dumpfile_path={waves}"]
    elif waves:
        options["test_args"] = ["--trace-file", str(waves)]
    results = folder / "results.xml"
    here = str(Path(__file__).parent.parent)
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        # The exit status is only set apart under pytest; the outcome's file tells it always.
        runner.test(
            test_module=f"{__package__}.cocotb_entry",
            hdl_toplevel=job.name,
            hdl_toplevel_lang="verilog",
            build_dir=model,
            test_dir=folder,
            results_xml=str(results),
            log_file=folder / "log.txt",
            seed=job.seed,
            waves=waves is not None,
            # Else pytest rewrites each module that is imported, NumPy included, each time.
            extra_env={"COCOTB_REWRITE_ASSERTION_FILES": ""},
            **options,
        )
    except (RuntimeError, SystemExit):
        pass
    finally:
        if added:
            sys.path.remove(here)
    if job.junit and results.exists():
        shutil.copyfile(results, job.junit)


def _outcome(job: Job, folder: Path, seconds: float, waves: Path | None) -> Outcome:
    try:
        report = json.loads((folder / "outcome.json").read_text())
    except FileNotFoundError:
        log = (folder / "log.txt").read_text(errors="replace")
        raise RuntimeError(f"the simulator ended early:\n{log[-4000:]}") from None
    arrays = np.load(folder / "outputs.npz")
    report["transfers"] = {name: Transfer(*t) for name, t in report["transfers"].items()}
    outputs = {name: arrays[name] for name in job.outputs}
    last = {n: arrays[f"{n}_tlast"] for n in outputs if f"{n}_tlast" in arrays}
    return Outcome(outputs=outputs, last=last, seconds=seconds, waves=waves, **report)
