"""An operation of an engine, and what of the scratchpad it touches."""

import dataclasses

from sw.accelerator.coding import encode

from .random_windows import Words

__all__ = ["Operation"]


@dataclasses.dataclass(eq=False)
class Operation:
    """What an engine does: instructions that set windows, then one that runs."""

    name: str
    sets: list[int]
    fields: dict[str, int]
    reads: Words
    writes: Words
    wait: int = 0
    signal: int = 0

    @property
    def engine(self) -> str:
        """Which engine."""
        return self.name.split(".")[0]

    @property
    def code(self) -> list[int]:
        """Its instructions."""
        return [*self.sets, encode(self.name, wait=self.wait, signal=self.signal, **self.fields)]

    def follows(self, first: "Operation") -> bool:
        """Tell whether it must not begin before ``first`` has ended."""
        readers = {b for b, _ in first.reads} & {b for b, _ in self.reads}
        writers = {b for b, _ in first.writes} & {b for b, _ in self.writes}
        return bool(readers or writers or first.writes & self.reads or first.reads & self.writes)
