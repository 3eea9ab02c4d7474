"""Training wholly in the RTL of the accelerator, and by its model."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hw.accelerator.ports import CAUSES
from hw.flow.emit import Design
from sw.accelerator.compile import compile_training
from sw.accelerator.cycles import Prediction, check_latency, predict
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.program import Program
from sw.accelerator.start import start
from sw.accelerator.training import Training, train
from sw.arrays import Floats
from sw.errors import UserError
from sw.train.data import Data
from sw.train.loop import accuracy
from sw.train.precision import Fixed
from sw.train.settings import Settings

from ..bench import Memory, Result, Session, Stalls
from ..job import BenchError
from .machine import simulate

__all__ = ["Comparison", "Progress", "accelerate", "accuracy_of", "prepare"]

Progress = Callable[[int, float, int], None]
"""Called with the number of an epoch that has ended, its mean loss, and the cycles up to then."""

PAGE = 4096
POLL = 0.1
"""Seconds between looks at the losses in memory."""

UNWRITTEN = 0xFFFFFFFF
"""Bits that the machine never writes: its one NaN has others."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A training in the RTL, one by the model, and one in binary32.

    ``accuracies`` are shares of the test images that are classified rightly: by the circuit's
    weights with products in the machine's format, and by those of the training in binary32, in the
    same order of images. ``multiply_adds`` are those that the training needs, without what fills up
    blocks.
    """

    program: Program
    prediction: Prediction
    circuit: Training
    model: Training
    result: Result
    accuracies: tuple[float, float]
    multiply_adds: int

    @property
    def cycles(self) -> int:
        """Of the job, as the machine counts them."""
        return self.result.registers["cycles"]

    @property
    def arrays(self) -> dict[str, tuple[Floats, Floats]]:
        """All that is compared, by name: of the circuit and of the model."""
        pairs = {"losses": (self.circuit.losses, self.model.losses)}
        for kind in ("weights", "momenta"):
            mine, theirs = getattr(self.circuit, kind), getattr(self.model, kind)
            prefix = "" if kind == "weights" else "momentum of "
            pairs |= {f"{prefix}{name}": (mine[name], theirs[name]) for name in theirs}
        return pairs

    @property
    def mismatches(self) -> dict[str, int]:
        """Of each array, how many values differ in any bit."""
        return {name: int(_differ(*pair).sum()) for name, pair in self.arrays.items()}

    @property
    def first(self) -> str:
        """The first value that differs, the losses, in order of the steps, before all else."""
        for name, (mine, theirs) in self.arrays.items():
            if (wrong := _differ(mine, theirs)).any():
                place = tuple(int(n[0]) for n in np.nonzero(wrong))
                shown = (
                    f"{each[place]:g} (0x{each.view('u4')[place]:08x})" for each in (mine, theirs)
                )
                return f"{name}{list(place)}: {' in the circuit, '.join(shown)} in the model"
        return ""


def _differ(mine: Floats, theirs: Floats) -> np.ndarray:
    return mine.view("u4") != theirs.view("u4")


def prepare(
    parameters: AcceleratorParameters, data: Data, settings: Settings, *, latency: int
) -> tuple[Program, Prediction]:
    """Return the program of a training and what it should take; `UserError` if there is none."""
    check_latency(parameters, latency)
    program = compile_training(parameters, data, settings)
    return program, predict(parameters, program.instructions, latency=latency)


def accelerate(
    program: Program,
    prediction: Prediction,
    data: Data,
    design: Design,
    *,
    latency: int,
    stalls: float = 0.0,
    waves: Path | None = None,
    report: Progress = lambda epoch, loss, cycles: None,
) -> Comparison:
    """Run a program in the RTL, and compare all that it trained with the model.

    Parameters
    ----------
    program, prediction
        As of `prepare`.
    data : Data
        That the program was made for.
    design : Design
        The machine, as Verilog.
    latency : int
        Cycles of the external memory from an address to the answer.
    stalls : float
        Share of the cycles in which a channel of the memory does nothing.
    waves : path, optional
        Where to write waves.
    report : callable
        Called as the losses of epochs come to the external memory.
    """
    parameters, settings = program.parameters, program.settings
    network = start(parameters, data, settings).network
    image = np.frombuffer(program.image(network, data), np.uint8)
    address = -(-len(image) // PAGE) * PAGE
    memory = np.zeros(address + -(-len(program.code) // PAGE) * PAGE, np.uint8)
    memory[: len(image)] = image
    region = program.regions["losses"]
    region.write(memory, np.full(region.shape, UNWRITTEN, np.uint32).view(np.float32))
    with Session() as session, _watching(program, memory, session, report):
        after, result = simulate(
            parameters,
            program.instructions,
            Memory(image=memory, latency=latency),
            program_address=address,
            cycles=1_000_000 + int(10 * prediction.cycles / (1 - stalls)),
            stalls=Stalls(idle=stalls, back_pressure=stalls),
            seed=settings.seed,
            design=design,
            session=session,
            waves=waves,
        )
    if error := result.registers["error"]:
        [cause] = (name for name, code in CAUSES.items() if code == error & 0xF)
        if cause == "watchdog" and stalls:
            raise UserError(
                f"watchdog must be more than {parameters.watchdog} with stalls of {stalls:g}: "
                f"nothing moved for {1 << parameters.watchdog:,} cycles"
            )
        raise BenchError(f"the machine stopped at instruction {error >> 8}, cause {cause}")
    circuit = Training(
        weights=program.weights(after),
        momenta=program.momenta(after),
        losses=program.losses(after),
    )
    exact = train(parameters, data, settings, products="binary32")
    return Comparison(
        program=program,
        prediction=prediction,
        circuit=circuit,
        model=train(parameters, data, settings),
        result=result,
        accuracies=(
            accuracy_of(program, data, circuit, parameters.forward),
            accuracy_of(program, data, exact, "binary32"),
        ),
        multiply_adds=sum(program.lines[span.pc].work for span in prediction.spans),
    )


@contextlib.contextmanager
def _watching(
    program: Program, memory: np.ndarray, session: Session, report: Progress
) -> Iterator[None]:
    """Report epochs as their losses come to memory, which the simulator changes in place."""
    ended = threading.Event()

    def watch() -> None:
        told = 0
        while True:
            last = ended.wait(POLL)
            losses, cycle = program.losses(memory), session.cycle
            while told < len(losses) and (losses[told].view("u4") != UNWRITTEN).all():
                told += 1
                report(told, float(losses[told - 1].mean()), cycle)
            if last:
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def accuracy_of(program: Program, data: Data, trained: Training, arithmetic: object) -> float:
    """Return the share of test images that trained weights classify rightly."""
    network = start(program.parameters, data, program.settings).network
    for name, array in network.arrays.items():
        array[...] = trained.weights[name]
    name = getattr(arithmetic, "name", "binary32")
    precision = Fixed(name, {"": arithmetic})
    return accuracy(network, precision, data.test_x, data.test_y, seed=program.settings.seed)
