"""An engine that has every run follow one that was broken off by ``control.abort``."""

import dataclasses

import numpy as np

from sim import batch
from sim.bench import Session, Stalls
from sim.job import LATE, RESPONSE, WATCHDOG, Job, Outcome
from sim.ports import decode_read, encode_write

__all__ = ["Aborted"]

QUIET = 400
BLOCKED = 100
NEVER = 1 - 2.0**-40


@dataclasses.dataclass
class Aborted:
    """Runs jobs on Verilator, each after another that stops in its midst; an `Engine`.

    Parameters
    ----------
    share : dict or float
        The part of each input, or of all alike, that comes before the abort; of a job on a memory,
        the part of its cycles.
    blocked : bool
        Whether no output, and nothing that a memory is asked for, is taken before the abort.

    Attributes
    ----------
    waited : int
        Aborts that waited: for a beat that had been offered to be taken, or for a memory.
    """

    share: dict[str, float] | float
    blocked: bool = True
    waited: int = 0

    def __call__(self, job: Job) -> Outcome:
        """Run a job after its beginning."""
        with Session() as session:
            self._stop(job, session)
            self._abort(job, session)
            return batch.simulate(job, session)

    def _stop(self, job: Job, session: Session) -> None:
        """Begin a job, and leave it as it waits for beats or a sink, or works on a memory."""
        shares = self.share
        if not isinstance(shares, dict):
            shares = dict.fromkeys(job.inputs, shares)
        inputs = {n: beats[: round(len(beats) * shares[n])] for n, beats in job.inputs.items()}
        outcome = batch.simulate(
            dataclasses.replace(
                job,
                inputs=inputs,
                last={name: last[: len(inputs[name])] for name, last in job.last.items()},
                outputs=dict.fromkeys(job.outputs, 1 << 20),
                stalls=self._stalls,
                later=[],
                reads=[],
                watchdog=QUIET,
                irq_within=self._within(job) if job.memory else None,
                settle=0,
            ),
            session,
        )
        assert outcome.status in ("", WATCHDOG, LATE)

    @property
    def _stalls(self) -> Stalls:
        """Before the abort."""
        return Stalls(back_pressure=NEVER if self.blocked else 0.0)

    def _within(self, job: Job) -> int:
        """Return the cycles of a job on a memory before the abort; few if nothing will move."""
        if self.blocked:
            return BLOCKED
        assert job.memory and isinstance(self.share, float)
        memory = dataclasses.replace(job.memory, image=job.memory.image.copy())
        outcome = batch.simulate(dataclasses.replace(job, memory=memory, stalls=Stalls()))
        return max(1, round(self.share * outcome.worked))

    def _abort(self, job: Job, session: Session) -> None:
        """Abort, take the beats that are offered, of each output one at most, and clear."""
        status = self._status(job, session, [("control.abort", 1)])
        if status["aborting"]:
            self.waited += 1
            # Nothing else comes to an end, and a job does not start.
            assert not status["aborted"]
            # A memory goes on to answer what it has taken.
            if "done" in status and (self.blocked or not job.memory):
                held = self._status(job, session, [("control.start", 1)])
                assert held["refused"] and held["aborting"]
                self._refuse(job, session)
            self._drain(job, session)
            status = self._status(job, session, [])
        assert status["aborted"] and not status["aborting"] and not status.get("busy", 0)
        assert not status["access"] or "done" in status
        assert not any(self._status(job, session, [("status", 0xFFFFFFFF)]).values())
        # What waits for beats counts from here on.
        clear = encode_write(job.manifest, "control.clear", 1)
        assert self._silent(job, session, writes=[clear], settle=0).status == ""

    def _refuse(self, job: Job, session: Session) -> None:
        """Write a register that is locked; SLVERR."""
        name = next(r["name"] for r in job.manifest["registers"] if r["locked"] == "busy")
        outcome = self._silent(job, session, writes=[encode_write(job.manifest, name, 0)])
        assert (outcome.status, outcome.response) == (RESPONSE, 2)

    def _drain(self, job: Job, session: Session) -> None:
        for name in job.outputs:
            outcome = self._silent(job, session, outputs={name: 1}, watchdog=QUIET)
            assert outcome.status in ("", WATCHDOG)
        if job.memory:
            assert self._silent(job, session, stalls=job.stalls, settle=QUIET).status == ""

    def _status(self, job: Job, session: Session, writes: list[tuple[str, int]]) -> dict[str, int]:
        """Return the fields of status after some writes."""
        [register] = (r for r in job.manifest["registers"] if r["name"] == "status")
        outcome = self._silent(
            job,
            session,
            writes=[encode_write(job.manifest, name, value) for name, value in writes],
            reads=[register["offset"]],
        )
        assert outcome.status == ""
        [word] = outcome.registers
        names = [field["name"] for field in register["fields"]]
        return {name: decode_read(job.manifest, f"status.{name}", word) for name in names}

    def _silent(self, job: Job, session: Session, **changes: object) -> Outcome:
        """Run without a beat given, and none taken but as ``changes`` of the job say."""
        nothing = {name: beats[:0] for name, beats in job.inputs.items()}
        same = {"inputs": nothing, "last": {n: np.zeros(0, np.uint8) for n in job.last}}
        same |= {"outputs": {}, "writes": [], "later": [], "reads": [], "settle": 4}
        same |= {"irq_within": None} | ({"stalls": self._stalls} if job.memory else {})
        return batch.simulate(dataclasses.replace(job, **{**same, **changes}), session)  # pyright: ignore[reportArgumentType]
