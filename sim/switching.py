"""Switching activity of a circuit's gates, weighted by area: a stand-in for switching energy.

The energy of a CMOS net is that of its capacitance, charged or discharged by every toggle; the area
of the cell that drives the net stands for the capacitance. Netlist, cells and areas are those of
the target ``gates``. The simulation has no delays, so that glitches are not counted.
"""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hw.base.circuit import Circuit
from hw.flow.emit import Design, emit
from hw.flow.families import FAMILIES
from hw.flow.progress import Progress
from sw.checks import unknown, whole
from sw.errors import UserError

from .gates import Cell, Gates, map_gates, simulate

__all__ = ["Part", "Switching", "measure"]

_RESET = "rst"
"""The reset of a circuit alone, off where it has no stimuli."""


@dataclasses.dataclass(frozen=True)
class Part:
    """So many cells of a circuit, their toggles in all, and those weighted by area, a cycle."""

    cells: int
    toggles: int
    weighted: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Switching:
    """What a circuit switches in so many counted cycles, by its gates and by its flip-flops.

    A toggle is weighted by the NAND2 equivalents of the cell that drives the net. Those of
    flip-flops are of their outputs. The clock is left out: at ``registers.cells`` flip-flops it
    rises and falls every cycle, whatever the data. Inputs are driven by no cell. ``outputs`` are
    integers, one a cycle, also of the warm-up, before the clock edge that ends the cycle.
    """

    cycles: int
    gates: Part
    registers: Part
    outputs: Mapping[str, npt.NDArray[Any]]

    @property
    def toggles(self) -> int:
        """Toggles of all cells."""
        return self.gates.toggles + self.registers.toggles

    @property
    def weighted(self) -> float:
        """Weighted toggles of all cells, a cycle."""
        return self.gates.weighted + self.registers.weighted


def measure(
    design: Design | Circuit,
    inputs: Mapping[str, npt.ArrayLike],
    *,
    warmup: int = 16,
    streams: int = 64,
    progress: Progress | None = None,
) -> Switching:
    """Return what a design, or a circuit alone, switches on stimuli.

    All cycles but the first ``warmup`` are counted. They are cut into ``streams`` pieces that run
    side by side, each from the initial state and through the ``warmup`` cycles before it. If the
    state remembers fewer cycles than these, as a pipeline does, the result is the same for any
    number of streams. A circuit that remembers all, such as a counter, needs one stream to run
    through; with more each starts anew.

    Parameters
    ----------
    design : Design or Circuit
        What is mapped to gates. It has one clock, and no primitives of a family.
    inputs : mapping
        For every input but the clock, unsigned integers, one a cycle, or one for all cycles.
    warmup : int
        Cycles that are not counted; more than the latency.
    streams : int
        From 1 to 64.
    progress : Progress, optional
        Told of each stage.
    """
    if isinstance(design, Circuit):
        design = emit(design, "circuit")
    whole("warmup", warmup, 1 + (design.manifest["latency"] or 0), 1 << 20)
    whole("streams", streams, 1, 64)
    gates = map_gates(design, progress=progress or Progress())
    bits = _stimuli(gates.inputs, inputs, warmup)
    cycles = len(bits) - warmup
    found, toggles = _in_streams(gates, bits, warmup, streams)
    outputs, low = {}, 0
    for name, nets in gates.outputs.items():
        outputs[name] = _integers(found[:, low : low + len(nets)])
        low += len(nets)
    count = len(gates.gates)
    return Switching(
        cycles=cycles,
        gates=_part(gates.gates, toggles[:count], cycles),
        registers=_part(gates.registers, toggles[count:], cycles),
        outputs=outputs,
    )


def _in_streams(
    gates: Gates, bits: npt.NDArray[np.uint8], warmup: int, streams: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the bits of all outputs, side by side, a row a cycle, and the toggles of all cells."""
    # Step s of stream k is cycle s + k * piece; the last streams may have less than a piece.
    piece = -(-(len(bits) - warmup) // streams)
    steps = np.arange(warmup + piece)
    given = np.zeros((len(steps), bits.shape[1]), np.uint64)
    mask = np.zeros(len(steps), np.uint64)
    for k in range(streams):
        cycle = steps + k * piece
        counted = (steps >= warmup) & (cycle < len(bits))
        given |= bits[np.minimum(cycle, len(bits) - 1)].astype(np.uint64) << np.uint64(k)
        mask |= counted.astype(np.uint64) << np.uint64(k)
    found, toggles = simulate(gates, given, mask)
    # Backwards, so that a cycle is left with the stream that counted it.
    result = np.zeros((len(bits), found.shape[1]), np.uint8)
    for k in reversed(range(streams)):
        part = result[k * piece :][: len(steps)]
        part[:] = found[: len(part)] >> np.uint64(k) & np.uint64(1)
    return result, toggles


def _part(cells: Sequence[Cell], toggles: npt.NDArray[np.int64], cycles: int) -> Part:
    of_kind: Counter[str] = Counter()
    for cell, number in zip(cells, toggles.tolist(), strict=True):
        of_kind[cell.kind] += number
    area = FAMILIES["gates"].columns[0]
    return Part(len(cells), of_kind.total(), area.count(of_kind) / cycles)


def _stimuli(
    ports: Mapping[str, Sequence[int]], inputs: Mapping[str, npt.ArrayLike], warmup: int
) -> npt.NDArray[np.uint8]:
    """Return the bits of all inputs, side by side, a row a cycle."""
    for name in inputs:
        if name not in ports:
            raise unknown("input", name, ports)
    if missing := [name for name in ports if name not in inputs and name != _RESET]:
        raise UserError(f"input {missing[0]} has no stimuli")
    values = {name: np.asarray(inputs.get(name, 0)) for name in ports}
    lengths = {name: array.size for name, array in values.items() if array.ndim}
    cycles = max(lengths.values(), default=1)
    for name, length in lengths.items():
        if length != cycles or values[name].ndim > 1:
            shape = values[name].shape
            raise UserError(f"input {name} must be {cycles} values, one a cycle, not shape {shape}")
    if cycles <= warmup:
        raise UserError(f"inputs must have more cycles than the warm-up's {warmup}, not {cycles}")
    bits = {name: _bits(name, np.atleast_1d(v), len(ports[name])) for name, v in values.items()}
    columns = [np.broadcast_to(each, (cycles, each.shape[1])) for each in bits.values()]
    return np.concatenate(columns, axis=1)


def _bits(name: str, values: npt.NDArray[Any], width: int) -> npt.NDArray[np.uint8]:
    """Return the bits of integers, a row each, the lowest first."""
    if values.dtype.kind not in "bui" and not all(isinstance(v, int) for v in values):
        raise UserError(f"input {name} must be integers, not {values.dtype}")
    for value in (int(values.min()), int(values.max())):
        if value < 0 or value >> width:
            raise UserError(f"input {name} must be from 0 to 2**{width} - 1, not {value}")
    if width > 64:
        size = -(-width // 8)
        data = np.frombuffer(b"".join(int(v).to_bytes(size, "little") for v in values), np.uint8)
    else:
        data = values.astype("<u8").view(np.uint8)
    return np.unpackbits(data.reshape(len(values), -1), axis=1, count=width, bitorder="little")


def _integers(bits: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    """Return the integers of rows of bits: of 64 bits, or Python's if they are wider."""
    data = np.packbits(bits, axis=1, bitorder="little")
    if bits.shape[1] > 64:
        return np.array([int.from_bytes(row.tobytes(), "little") for row in data], object)
    words = np.zeros((len(data), 8), np.uint8)
    words[:, : data.shape[1]] = data
    return words.view("<u8").ravel()
