"""A training in programs of a few steps each, between which a host sends the next batches."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ..arrays import Floats, Integers
from ..checks import instance
from ..errors import UserError
from ..train.data import Data
from ..train.settings import Settings
from .chip import ChipJob, ChipParameters
from .coding import encode
from .compile import STEPS, compile_training
from .instructions import BYTES
from .program import MOMENTUM, Program, one_hot
from .start import Start, start
from .training import Training

__all__ = ["Report", "Segments", "compile_segments", "train_in_segments"]

Report = Callable[[int, int, float], None]
"""Called with the number of an epoch, the steps of it that are done, and their mean loss."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Segments:
    """The program of a segment, all of which are equally long and lie within an epoch.

    Weights and momenta stay in memory from segment to segment.

    Parameters
    ----------
    program : Program
        A training of as many steps, for one epoch.
    first : Start
        Of the whole training.
    data : Data
        Of the whole training.
    """

    program: Program
    first: Start
    data: Data

    @property
    def parameters(self) -> ChipParameters:
        """The machine's."""
        return instance("parameters", self.program.parameters, ChipParameters)

    @property
    def steps(self) -> int:
        """Steps of a segment."""
        return self.program.regions["losses"].shape[1]

    @property
    def length(self) -> int:
        """Instructions of the program with the number of its first step."""
        return 1 + len(self.program.lines)

    @property
    def address(self) -> int:
        """Where the program is."""
        return -(-self.program.regions.size // self._aligned) * self._aligned

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return self.address + -(-self.length * BYTES // self._aligned) * self._aligned

    @property
    def _aligned(self) -> int:
        return max(BYTES, self.parameters.beat_bytes)

    def code(self, step: int) -> bytes:
        """Return the program from a step of the training on, in whole beats."""
        first = encode("seta", address=STEPS, value=step).to_bytes(BYTES, "little")
        return (first + self.program.code).ljust(self.size - self.address, b"\0")

    def start(self, step: int) -> ChipJob:
        """Return the job of a segment, whose packet are its losses."""
        losses = self.program.regions["losses"]
        return ChipJob(
            write_address=self.address,
            data=self.code(step)[: self._aligned],
            program_address=self.address,
            program_length=self.length,
            read_address=losses.address,
            read_bytes=losses.size,
        )


def compile_segments(parameters: ChipParameters, data: Data, settings: Settings) -> Segments:
    """Return the longest segments of a training that fit the memory of the machine.

    `UserError` for a training that the accelerator does not have, or of which no step fits.
    """
    p = instance("parameters", parameters, ChipParameters)
    first = start(p, data, settings)
    total = len(first.order)
    size = 0
    for steps in range(total, 0, -1):
        if total % steps:
            continue
        shape = _shaped(data, steps * settings.batch)
        program = compile_training(p, shape, dataclasses.replace(settings, epochs=1))
        found = Segments(program=program, first=first, data=data)
        if found.length > p.instructions:
            raise UserError(
                f"instructions must be {found.length} or more for this training, not "
                f"{p.instructions}"
            )
        size = found.size
        if size <= p.memory_bytes:
            return found
    raise UserError(
        f"memory_words must hold {size} bytes for a step of this training, not {p.memory_bytes}: "
        "set a larger memory or a smaller batch"
    )


def _shaped(data: Data, images: int) -> Data:
    """Return data of the same shape and classes, with other images."""
    return Data(
        name=data.name,
        train_x=np.zeros((images, *data.sample), np.float32),
        train_y=np.full(images, data.classes - 1),
        test_x=np.zeros((1, *data.sample), np.float32),
        test_y=np.zeros(1, np.int64),
    )


def train_in_segments(
    segments: Segments,
    run: Callable[[ChipJob], bytes],
    *,
    report: Report = lambda epoch, steps, loss: None,
) -> Training:
    """Train on a machine, which ``run`` asks for jobs and whose packets it returns.

    The program is sent, first weights, and momenta of zero; then the rate of each epoch, and the
    batches of each segment. Losses are read after a segment, and the arrays in the end.
    """
    host, first = _Host(segments, run), segments.first
    code = segments.code(0)
    run(ChipJob(write_address=segments.address, data=code))
    arrays = first.network.arrays
    momenta = [MOMENTUM + name for name in arrays if MOMENTUM + name in host.regions]
    for name, array in arrays.items():
        host.send(name, array)
    for name in momenta:
        host.send(name, np.zeros(host.regions[name].shape, np.float32))
    steps, losses = len(first.order), np.zeros((len(first.rates), len(first.order)), np.float32)
    for epoch, rate in enumerate(first.rates):
        host.send("rates", np.array([-rate]))
        for done in range(0, steps, segments.steps):
            end = done + segments.steps
            host.batches(first.order[done:end])
            host.receive("losses", segments.start(epoch * steps + done))
            losses[epoch, done:end] = segments.program.losses(host.memory)
            report(epoch + 1, end, float(losses[epoch, :end].mean()))
    for name in (*arrays, *momenta):
        host.receive(name)
    return Training(
        weights=segments.program.weights(host.memory),
        momenta=segments.program.momenta(host.memory),
        losses=losses,
    )


class _Host:
    """What a host knows of memory, and how it moves parts of it."""

    def __init__(self, segments: Segments, run: Callable[[ChipJob], bytes]) -> None:
        self.regions, self.data = segments.program.regions, segments.data
        self.run = run
        self.memory = np.zeros(segments.size, np.uint8)

    def send(self, name: str, values: Floats, rows: int | None = None) -> None:
        """Put an array into its region of memory, of which ``rows`` of the first axis are sent."""
        region = self.regions[name]
        region.write(self.memory, values)
        size = region.size if rows is None else rows * region.first
        data = self.memory[region.address : region.address + size]
        self.run(ChipJob(write_address=region.address, data=data.tobytes()))

    def batches(self, order: Integers) -> None:
        """Send the images and classes of steps."""
        # Behind its last batch a segment loads another one, which it does not use.
        images = np.concatenate([order, order[:1]])
        x = np.ascontiguousarray(self.data.train_x[images].swapaxes(1, 2))
        self.send("pixels", x, len(order))
        self.send("labels", one_hot(self.data.train_y[images], self.data.classes), len(order))

    def receive(self, name: str, job: ChipJob | None = None) -> None:
        """Have a region of memory sent, by a job of its own unless one is given."""
        region = self.regions[name]
        own = ChipJob(read_address=region.address, read_bytes=region.size)
        packet = np.frombuffer(self.run(job or own), np.uint8)
        self.memory[region.address : region.address + region.size] = packet
