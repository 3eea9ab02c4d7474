"""A network trained on a board that holds the accelerator with its memory."""

import time

import numpy as np

from sim.ports import decode_read
from sw.accelerator.chip import ChipJob, ChipParameters
from sw.errors import UserError

from .host import Board
from .line import LinkError

__all__ = ["PATIENCE", "BoardChip"]

UNIT = "accelerator_chip"

PATIENCE = 60.0
"""Seconds in which a program may keep the line silent."""


class BoardChip:
    """Has a board carry out jobs of ``accelerator_chip``.

    `UserError` for a board that holds another unit.

    Parameters
    ----------
    board : Board
        The board.
    patience : float
        Seconds without a byte that end a job.
    """

    def __init__(self, board: Board, *, patience: float = PATIENCE) -> None:
        if not isinstance(board.parameters, ChipParameters):
            raise UserError(f"the {board.name} holds {board.unit}: a training needs {UNIT}")
        self.board = board
        self.parameters = board.parameters
        self.patience = patience
        [status] = (r for r in board.manifest["registers"] if r["name"] == "status")
        self._status = [field["name"] for field in status["fields"]]

    def run(self, job: ChipJob) -> bytes:
        """Carry out a job, and return the packet that it gives.

        `LinkError` where it does not end, or ends in an error.
        """
        size = self.parameters.beat_bytes
        self.board.write_registers({**job.registers(self.parameters), "control.start": 1})
        beats = np.frombuffer(job.data, np.uint8).reshape(-1, size)
        last = np.arange(len(beats)) == len(beats) - 1
        data = np.hstack([beats, last[:, None].astype(np.uint8)]).tobytes()
        expected = job.read_bytes // size * (size + 1)
        inputs = {"s_axis": data} if data else {}
        outputs = {"m_axis": expected} if expected else {}
        got = self.board.stream(inputs, outputs, patience=self.patience).get("m_axis", b"")
        self._wait()
        if len(got) < expected:
            raise LinkError(f"the {self.board.name} gave {len(got)} of {expected} bytes of a job")
        return np.frombuffer(got, np.uint8).reshape(-1, size + 1)[:, :size].tobytes()

    def _wait(self) -> None:
        """Wait for the end of a job; it must be one without an error."""
        end, manifest = time.monotonic() + self.patience, self.board.manifest
        while True:
            word = self.board.read_register("status")
            told = {n for n in self._status if decode_read(manifest, f"status.{n}", word)}
            if errors := told - {"done", "busy", "event"}:
                number = self.board.read_register("error.pc")
                raise LinkError(
                    f"a job on the {self.board.name} ended in {', '.join(sorted(errors))}, at "
                    f"instruction {number} of its program"
                )
            if "done" in told:
                return
            if time.monotonic() > end:
                raise LinkError(
                    f"a job on the {self.board.name} did not end in {self.patience:g} s"
                )
