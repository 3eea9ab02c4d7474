"""A unit as it is handed over: its design, a run of its bench, and files made of these."""

import dataclasses
import functools
from collections.abc import Callable, Mapping

from hw.flow.emit import Design, generate
from hw.units import Unit
from hw.units import unit as find_unit
from sim.engines import engine_of
from sim.job import Job, Outcome
from sim.streams import Stalls
from sim.testbench import Recorded
from sim.units import bench
from sw.checks import instance
from sw.errors import UserError
from sw.parameters import Parameters

__all__ = ["Delivered", "Part", "Recorded"]

STALLS = Stalls(idle=0.2, back_pressure=0.2)
"""Of the streams in recorded runs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Delivered:
    """What the parts of a delivery are made from.

    Parameters
    ----------
    unit_name : str
        As on a command line.
    parameters : Parameters
        Of the unit.
    name : str, optional
        Of the top module, of the files and of what they define; the unit's unless told.
    seed : int
        Of the data and the stalls of `recorded`.
    stalls : Stalls
        Of its streams.
    """

    unit_name: str
    parameters: Parameters
    name: str | None = None
    seed: int = 1
    stalls: Stalls = STALLS

    def __post_init__(self) -> None:
        """Check that the parameters are of the unit."""
        instance("parameters", self.parameters, self.unit.parameters)

    @functools.cached_property
    def unit(self) -> Unit:
        """The record of the unit."""
        return find_unit(self.unit_name)

    @functools.cached_property
    def design(self) -> Design:
        """Verilog, cells and manifest."""
        return generate(self.unit_name, self.parameters, name=self.name)

    @functools.cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """Runs of the unit's bench on a few random data with gaps, each equal to the model.

        Their jobs have the design under the unit's own name. Raises `UserError` if a run differs.
        """
        runs: list[Recorded] = []

        def engine(job: Job) -> Outcome:
            memory = job.memory
            before = dataclasses.replace(memory, image=memory.image.copy()) if memory else None
            outcome = engine_of(job, None, None, None)(job)
            after = memory.image.copy() if memory else None
            runs.append(Recorded(dataclasses.replace(job, memory=before), outcome, after))
            return outcome

        report = bench(self.unit_name).regress(
            self.parameters, engine=engine, seed=self.seed, blocks=6, stalls=self.stalls
        )
        if report.message:
            raise UserError(f"{self.unit_name} differs from its model: {report.message}")
        return tuple(runs)


Part = Callable[[Delivered], Mapping[str, str]]
"""Makes files of a delivery: texts by their paths in its folder."""
