"""Products of matrices by the SoC, in simulation: what its master does, and what it reads."""

import importlib.util
import subprocess
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from delivery.delivered import Delivered
from delivery.litex import litex_files
from sim import build
from sim.bfp.array_shell import beats
from sw.bfp.array_shell import ArrayShellParameters
from sw.errors import UserError
from sw.formats.blocks import Blocks

from .master import COUNT, END, READ, WAIT, WRITE, word
from .soc import PROGRAM_WORDS, RAM, RAM_BYTES, REGISTERS, verilog

__all__ = ["Done", "products"]

HERE = Path(__file__).parent
START = 1 << 2
"""Of register ``control``."""

DONE = 1 << 2
"""Of registers ``interrupt_enable`` and ``status``."""


class Done(NamedTuple):
    """A job that was done.

    Parameters
    ----------
    product : numpy.ndarray
        float32.
    events : int
        Of the module, behind the interrupt: the unit's, and of each DMA that it has ended.
    status : int
        The unit's.
    cycles : int
        From the first write of a register to the interrupt that the product is in the RAM.
    """

    product: npt.NDArray[np.float32]
    events: int
    status: int
    cycles: int


class _Job:
    """A product, and the words of the RAM that it needs."""

    def __init__(self, p: ArrayShellParameters, a: Blocks, b: Blocks) -> None:
        self.p = p
        self.shape = a.shape[0], b.shape[1]
        if not p.fits(*self.shape, a.shape[1]):
            m, n = self.shape
            raise UserError(f"a product of {m} x {n} x {a.shape[1]} must fit the array's memories")
        self.down, self.across = -(-a.shape[0] // p.rows), -(-b.shape[1] // p.columns)
        self.blocks = p.blocks(a.shape[1])
        # The array keeps all of b, and waits for it: its DMA is the first.
        sent = dict(reversed(beats(p, a, b).items()))
        self.sent = {name: each.reshape(-1).view("<u4") for name, each in sent.items()}
        self.words = self.down * self.across * p.rows * p.result_beats * p.port_bits // 32

    def steps(self, module: Any, csrs: dict[str, int]) -> list[int]:
        """Return what the master does: fill the RAM, start all, wait, read."""
        written = 2 << list(module.STREAMS).index("m_axis")
        events = (2 << len(module.STREAMS)) - 1
        fill, start, at = [], [], RAM + 4 * self.words

        def register(name: str) -> int:
            return REGISTERS + module.REGISTERS[name]

        def csr(name: str, *values: int) -> list[int]:
            first = csrs[f"array_{name}"]
            return [word(WRITE, first + 4 * i, value) for i, value in enumerate(values)]

        def transfer(stream: str, base: int, length: int) -> list[int]:
            there = csr(f"{stream}_dma_base", 0, base) + csr(f"{stream}_dma_length", length)
            return csr(f"{stream}_dma_enable", 0) + there + csr(f"{stream}_dma_enable", 1)

        sizes = {"tile_rows": self.down, "tile_columns": self.across, "blocks": self.blocks}
        for name, value in {**sizes, "interrupt_enable": DONE, "control": START}.items():
            start.append(word(WRITE, register(name), value))
        for stream, words in self.sent.items():
            fill += [word(WRITE, at + 4 * i, int(each)) for i, each in enumerate(words)]
            start += transfer(stream, at, words.nbytes)
            at += words.nbytes
        if at > RAM + RAM_BYTES:
            raise UserError(f"a product must fit a RAM of {RAM_BYTES} bytes, not need {at - RAM}")
        start += transfer("m_axis", RAM, 4 * self.words)
        taken = [word(WAIT), word(READ, csrs["array_ev_pending"]), *csr("ev_pending", events)]
        read = [word(READ, RAM + 4 * i) for i in range(self.words)]
        read.insert(0, word(READ, register("status")))
        return [*fill, word(COUNT), *csr("ev_enable", written), *start, *taken, *read]

    def done(self, lines: list[str]) -> Done:
        """Return what was done, by what the simulation says of it, which is taken off ``lines``."""
        mine, lines[:] = lines[: self.words + 3], lines[self.words + 3 :]
        cycles, events, status, *words = mine
        p, rows = self.p, np.array([int(each, 16) for each in words], "<u4").view(np.float32)
        tiles = rows.reshape(self.down, self.across, p.rows, -1)[..., : p.columns]
        whole = tiles.swapaxes(1, 2).reshape(self.down * p.rows, self.across * p.columns)
        product = np.ascontiguousarray(whole[: self.shape[0], : self.shape[1]])
        return Done(product, int(events, 16), int(status, 16), int(cycles.removeprefix("cycles ")))


def products(parameters: ArrayShellParameters, *operands: tuple[Blocks, Blocks]) -> list[Done]:
    """Return what the SoC does with pairs of matrices, one after the other."""
    jobs = [_Job(parameters, a, b) for a, b in operands]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        module = deliver(parameters, folder)
        texts, csrs = verilog(module.ArrayShell, bits=parameters.port_bits)
        steps = [step for job in jobs for step in job.steps(module, csrs)]
        if len(steps) >= PROGRAM_WORDS:
            raise UserError(
                f"products must take fewer than {PROGRAM_WORDS} accesses in all, not {len(steps)}"
            )
        texts["soc_steps.init"] = "".join(f"{step:017x}\n" for step in [*steps, word(END)])
        lines = simulate(texts, folder)
    return [job.done(lines) for job in jobs]


def deliver(parameters: ArrayShellParameters, folder: Path) -> Any:
    """Write the Verilog of an ``array_shell`` and its module of LiteX; return the module."""
    delivered = Delivered(unit_name="array_shell", parameters=parameters)
    (folder / "litex").mkdir()
    for file, text in {**delivered.design.files, **litex_files(delivered)}.items():
        (folder / file).write_text(text)
    path = folder / "litex" / "array_shell.py"
    spec = importlib.util.spec_from_file_location("array_shell", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def simulate(texts: dict[str, str], folder: Path) -> list[str]:
    """Return the lines that the simulation of a SoC says; ``texts`` are its files."""
    sources = "\n".join(text for file, text in texts.items() if file.endswith(".v"))
    clock = (HERE / "main.cpp").read_text("utf-8")

    def make(made: Path) -> None:
        build.verilate(made, "soc", sources, ())
        runtime = build.runtime()
        objects = build.compile_model(made, runtime, clock)
        build.link(made, "soc", [*objects, runtime / "runtime.a"])

    model = build.stored("litex", [build.tools(), sources, clock], make)
    for file, text in texts.items():
        if not file.endswith(".v"):
            (folder / file).write_text(text)
    done = subprocess.run([model / "soc"], cwd=folder, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        why = {1: "it did not end", 2: "an access was answered by an error"}
        raise RuntimeError(f"the SoC stopped: {why.get(done.returncode, done.returncode)}")
    return done.stdout.split("\n")[:-1]
