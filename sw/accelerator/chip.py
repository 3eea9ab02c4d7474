"""The accelerator with its external memory on the chip: parameters, jobs, model."""

import dataclasses

import numpy as np

from ..checks import instance, one_of
from ..errors import UserError
from .instructions import BYTES
from .machine import Machine, Outcome
from .parameters import AcceleratorParameters

__all__ = ["Chip", "ChipJob", "ChipParameters", "ChipResult"]

LEAST_WORDS, LEAST_INSTRUCTIONS = 32, 16
"""Words of the scratchpad, and instructions beside them, that the smallest memory holds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChipParameters(AcceleratorParameters):
    """Parameters of ``accelerator_chip``.

    Parameters
    ----------
    memory_words : int
        Beats of the memory port that the memory holds, a power of two of 64..1048576.
    rows, columns, lanes, format, banks, bank_words, port_bits, instructions, burst, outstanding, \
vector_lanes, watchdog, stochastic, target
        As in `AcceleratorParameters`.
    """

    memory_words: int = 8192

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        one_of("memory_words", self.memory_words, (1 << n for n in range(6, 21)))
        least = LEAST_INSTRUCTIONS * BYTES + LEAST_WORDS * self.word_bits // 8
        if self.memory_bytes < least:
            raise UserError(
                f"memory_words must hold {least} bytes, of {LEAST_WORDS} words of the scratchpad "
                f"and {LEAST_INSTRUCTIONS} instructions, not {self.memory_bytes}, which "
                f"{self.memory_words} words of {self.port_bits} bits are"
            )

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat of the memory port, and of the streams."""
        return self.port_bits // 8

    @property
    def memory_bytes(self) -> int:
        """Bytes of the memory."""
        return self.memory_words * self.beat_bytes

    @property
    def beats_bits(self) -> int:
        """Bits of a number of beats, all of the memory's included."""
        return self.memory_words.bit_length()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChipJob:
    """What the machine is asked for: to take a packet, to run a program, to give a packet.

    Parameters
    ----------
    write_address, data : int, bytes
        Where in memory a packet goes, if there is one; whole beats.
    program_address, program_length : int
        Where a program is, and its instructions; none with a length of 0.
    read_address, read_bytes : int
        Where in memory the packet given is from, if one is; whole beats.
    """

    write_address: int = 0
    data: bytes = b""
    program_address: int = 0
    program_length: int = 0
    read_address: int = 0
    read_bytes: int = 0

    def registers(self, parameters: ChipParameters) -> dict[str, int]:
        """Return the values of the registers that tell the machine."""
        size = instance("parameters", parameters, ChipParameters).beat_bytes
        for name in ("write_address", "read_address", "read_bytes"):
            if getattr(self, name) % size:
                found = getattr(self, name)
                raise UserError(f"{name} must be a multiple of a beat's {size} bytes, not {found}")
        if len(self.data) % size:
            raise UserError(f"data must be beats of {size} bytes, not {len(self.data)} bytes")
        return {
            "write_address": self.write_address,
            "write_beats": len(self.data) // size,
            "program_low": self.program_address & 0xFFFFFFFF,
            "program_high": self.program_address >> 32,
            "program_length": self.program_length,
            "read_address": self.read_address,
            "read_beats": self.read_bytes // size,
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class ChipResult:
    """What came of a job.

    Parameters
    ----------
    packet : bytes
        That it gave.
    beyond : bool
        Whether a packet went beyond the end of memory.
    outcome : Outcome or None
        Of the program, if there was one.
    """

    packet: bytes
    beyond: bool
    outcome: Outcome | None


class Chip:
    """Model of ``accelerator_chip``: memory and scratchpad, which stay from job to job.

    Beats beyond the end of memory are dropped, and given as zeros, where the circuit gives any.

    Parameters
    ----------
    parameters : ChipParameters
        Of the machine.
    """

    def __init__(self, parameters: ChipParameters) -> None:
        self.parameters = instance("parameters", parameters, ChipParameters)
        self.memory = np.zeros(parameters.memory_bytes, np.uint8)
        self._machine = Machine(parameters, self.memory)

    def run(self, job: ChipJob) -> ChipResult:
        """Carry out a job."""
        instance("job", job, ChipJob).registers(self.parameters)
        size = len(self.memory)
        taken = self.memory[job.write_address :][: len(job.data)]
        taken[:] = np.frombuffer(job.data, np.uint8)[: len(taken)]
        outcome = None
        if job.program_length:
            code = self.memory[job.program_address :][: job.program_length * BYTES]
            outcome = self._machine.run(code.tobytes())
        given = self.memory[job.read_address :][: job.read_bytes].tobytes()
        ends = [(job.write_address, len(job.data)), (job.read_address, job.read_bytes)]
        return ChipResult(
            packet=given.ljust(job.read_bytes, b"\0"),
            beyond=any(count and first + count > size for first, count in ends),
            outcome=outcome,
        )
