"""Simulation models of designs, for both engines."""

import ctypes
import functools
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import build

__all__ = ["batch_model", "cocotb_model", "has_batch_model", "library_model", "load"]

LIBRARY = ("--x-initial", "unique", "--timescale", "1ns/1ns")

Recipe = tuple[Callable[[Path], None], list[str]]

ICARUS_WAVES = """module gradgate_waves;
  reg [8191:0] path;
  initial begin
    if ($value$plusargs("dumpfile_path=%s", path)) $dumpfile(path);
    $dumpvars(0, {top});
  end
endmodule
"""

COCOTB_GLUE = """#define VM_TRACE {waves}
#define VM_TRACE_FST 0
#define VM_TRACE_SAIF 0
#define VM_COVERAGE 0
#include "{source}"
"""


def batch_model(top: str, verilog: str, ports: Mapping[str, int], *, waves: bool = False) -> Path:
    """Return the shared library of a design, which makes, runs and frees models (sim/glue.cpp).

    ``ports`` maps the names of the ports of module ``top`` to their widths.
    """
    glue, more = _batch(ports, waves)
    return library_model(top, verilog, glue, *more)


def has_batch_model(top: str, verilog: str, ports: Mapping[str, int], *, waves: bool) -> bool:
    """Tell whether the model that `batch_model` returns is there already."""
    glue, more = _batch(ports, waves)
    return build.place(top, _key(verilog, glue, more)).exists()


def _batch(ports: Mapping[str, int], waves: bool) -> tuple[str, list[str]]:
    """Return the C++ text around a design, and options of Verilator."""
    table = " ".join(f"PORT({name}, {width})" for name, width in ports.items())
    source = (build.HERE / "glue.cpp").read_text()
    glue = f"#define WAVES {int(waves)}\n#define PORTS(PORT) {table}\n{source}"
    return glue, ["--trace-vcd"] if waves else []


def _key(verilog: str, glue: str, more: Sequence[str]) -> list[str]:
    return [*build.tools(), "batch", *LIBRARY, *more, glue, verilog]


@functools.cache
def load(path: Path, name: str) -> ctypes.CDLL:
    """Return a model's library, of functions ``NAME_open``, ``NAME_run`` and ``NAME_close``."""
    library = ctypes.CDLL(str(path))
    address = ctypes.c_void_p
    getattr(library, f"{name}_open").restype = address
    getattr(library, f"{name}_run").argtypes = (address, address)
    getattr(library, f"{name}_close").argtypes = (address,)
    return library


def library_model(top: str, verilog: str, glue: str, *more: str) -> Path:
    """Return the shared library of a design and of the C++ text ``glue`` that drives it.

    ``more`` are options of Verilator.
    """

    def make(folder: Path) -> None:
        runtime = build.runtime()
        build.verilate(folder, top, verilog, [*LIBRARY, *more])
        objects = build.compile_model(folder, runtime, glue)
        build.link(folder, "model.so", ["-shared", *objects, runtime / "runtime.a"])

    return build.stored(top, _key(verilog, glue, more), make) / "model.so"


def cocotb_model(
    simulator: str, top: str, verilog: str, ports: Mapping[str, int], *, waves: bool = False
) -> Path:
    """Return the build folder of a design for cocotb's runner of ``simulator``."""
    recipe = _icarus if simulator == "icarus" else _verilator
    make, key = recipe(top, verilog, ports, waves)
    return build.stored(top, [*key, verilog], make)


def _icarus(top: str, verilog: str, ports: Mapping[str, int], waves: bool) -> Recipe:
    command = ["iverilog", "-g2012", "-o", "sim.vvp", "-s", top, "-f", "options"]
    command += ["-s", "gradgate_waves", "waves.v"] if waves else []

    def make(folder: Path) -> None:
        (folder / "options").write_text("+timescale+1ns/1ps\n")
        (folder / f"{top}.v").write_text(verilog)
        (folder / "waves.v").write_text(ICARUS_WAVES.format(top=top))
        build.run([*command, f"{top}.v"], folder)
        build.keep(folder, "sim.vvp")

    version = build.version(shutil.which("iverilog") or "", "-V")
    return make, [version, *command, ICARUS_WAVES]


def _verilator(top: str, verilog: str, ports: Mapping[str, int], waves: bool) -> Recipe:
    import cocotb_tools.config as cocotb

    source = cocotb.share_dir / "lib" / "verilator" / "verilator.cpp"
    glue = COCOTB_GLUE.format(waves=int(waves), source=source)
    # Public ports alone: making all signals public keeps Verilator from optimizing.
    lines = [f'public_flat_rw -module "{top}" -var "{name}"' for name in ports]
    control = "\n".join(["`verilator_config", *lines, ""])
    options = ["--vpi", "--timescale", "1ns/1ps", *(["--trace-vcd"] if waves else []), "ports.vlt"]
    libraries = [f"-L{cocotb.libs_dir}", f"-Wl,-rpath,{cocotb.libs_dir}", "-lcocotbvpi_verilator"]

    def make(folder: Path) -> None:
        runtime, vpi = build.runtime(), build.vpi()
        (folder / "ports.vlt").write_text(control)
        build.verilate(folder, top, verilog, options)
        objects = build.compile_model(folder, runtime, glue)
        archives = [vpi / "verilated_vpi.o", runtime / "runtime.a"]
        build.link(folder, top, [*objects, *archives, *libraries])

    return make, [*build.tools(), source.read_text(), glue, control, *options, *libraries]
