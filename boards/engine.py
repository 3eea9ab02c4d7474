"""A board as an engine of the benches."""

import time

import numpy as np
import numpy.typing as npt

from sim.job import RESPONSE, SURPLUS, WATCHDOG, Job, Outcome, Transfer
from sw.errors import UserError

from .host import Board

__all__ = ["BoardEngine"]

SETTLE = 0.02


class BoardEngine:
    """Runs the jobs of `sim.bench.run` on a board; an `Engine`.

    The line is slower than the unit, so that all streams stall, whatever stalls a job asks for, and
    no cycles are counted.

    Parameters
    ----------
    board : Board
        The board, whose unit is that of the jobs.
    patience : float
        Seconds without a byte that end a run, in the place of a job's cycles.
    """

    def __init__(self, board: Board, *, patience: float = 5.0) -> None:
        self.board = board
        self.patience = patience

    def __call__(self, job: Job) -> Outcome:
        """Run a job.

        Raises `UserError` for what a board cannot do: another configuration than its own, writes
        while the streams move, a reset among them, waves; `LinkError` as a `Board`.
        """
        self._check(job)
        start = time.perf_counter()
        outcome = Outcome(
            transfers={name: Transfer(valid=None) for name in (*job.inputs, *job.outputs)},
            outputs={},
            last={},
            registers=[],
            place=self.board.name,
            patience=f"{self.patience:g} s",
            cycles=0,
            resets=1,
            seconds=0.0,
            waves=None,
        )
        self.board.reset()
        self._run(job, outcome)
        outcome.seconds = time.perf_counter() - start
        return outcome

    def _check(self, job: Job) -> None:
        where = f"on a board ({self.board.name})"
        held = self.board.manifest
        if (job.manifest["unit"], job.manifest["digest"]) != (held["unit"], held["digest"]):
            raise UserError(
                f"the job is for {job.manifest['unit']} {job.manifest['digest']}, but the "
                f"{self.board.name} holds {held['unit']} {held['digest']}"
            )
        asked = {"later": job.later, "reset_after": job.reset_after, "waves": job.waves}
        for name, value in asked.items():
            if value:
                raise UserError(f"{name} is not possible {where}: it must be left out")
        # A board runs what it holds; another text is a netlist or a planted fault.
        if not job.verilog.startswith(self.board.design.verilog):
            raise UserError(f"netlist is not possible {where}: it must be left out")

    def _run(self, job: Job, outcome: Outcome) -> None:
        """Fill in an outcome, up to the first thing that goes wrong."""
        writes = [(True, address, value) for address, value in job.writes]
        if self._access("writes", writes, outcome) is None:
            return
        if not self._stream(job, outcome):
            return
        outcome.phase = "settle"
        if self._surplus(job, outcome):
            return
        reads = [(False, address, 0) for address in job.reads]
        words = self._access("reads", reads, outcome)
        if words is not None:
            outcome.phase = "streams"
            outcome.registers = words

    def _access(
        self, phase: str, accesses: list[tuple[bool, int, int]], outcome: Outcome
    ) -> list[int] | None:
        outcome.phase = phase
        answers = self.board.access(accesses)
        for i, (response, _) in enumerate(answers):
            if response:
                outcome.status, outcome.culprit, outcome.response = RESPONSE, i, response
                return None
        if len(answers) < len(accesses):
            outcome.status, outcome.culprit = WATCHDOG, len(answers)
            return None
        return [word for _, word in answers]

    def _stream(self, job: Job, outcome: Outcome) -> bool:
        """Move the streams; return whether all of them moved."""
        outcome.phase = "streams"
        streams = job.manifest["streams"]
        inputs = {name: _with_last(job, name) for name in job.inputs}
        sizes = {name: streams[name]["bytes"] + 1 for name in outcome.transfers}
        outputs = {name: beats * sizes[name] for name, beats in job.outputs.items()}
        got = self.board.stream(inputs, outputs, patience=self.patience)
        for name in inputs:
            outcome.transfers[name].done = self.board.consumed(name) // sizes[name]
        for name, data in got.items():
            beats = len(data) // sizes[name]
            outcome.transfers[name].done = beats
            words = np.zeros((job.outputs[name], sizes[name]), np.uint8)
            whole = np.frombuffer(data, np.uint8)[: beats * sizes[name]]
            words[:beats] = whole.reshape(beats, sizes[name])
            outcome.outputs[name] = words[:, :-1].copy()
            if f"{name}_tlast" in job.ports:
                outcome.last[name] = words[:, -1] & 1
        expected = {n: len(beats) for n, beats in job.inputs.items()} | dict(job.outputs)
        if all(outcome.transfers[name].done == beats for name, beats in expected.items()):
            return True
        outcome.status = WATCHDOG
        return False

    def _surplus(self, job: Job, outcome: Outcome) -> bool:
        """Return whether an output has more than was expected of it."""
        time.sleep(SETTLE)
        ones = {name: 1 for name in job.outputs}
        for name, data in self.board.stream({}, ones, patience=0.0).items():
            if data:
                outcome.status, outcome.culprit = SURPLUS, name
                return True
        return False


def _with_last(job: Job, name: str) -> bytes:
    beats: npt.NDArray[np.uint8] = job.inputs[name]
    last = np.asarray(job.last.get(name, np.zeros(len(beats))), np.uint8)
    return np.hstack([beats, last[:, None]]).tobytes()
