"""Fields of instructions."""

import dataclasses

__all__ = ["Field"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """Bits ``low`` to ``low + bits - 1`` of an instruction; ``least`` to ``most`` are legal."""

    name: str
    low: int
    bits: int
    meaning: str
    signed: bool = False
    least: int | None = None
    most: int | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the largest legal value."""
        low, high = (
            (-(1 << self.bits - 1), (1 << self.bits - 1) - 1)
            if self.signed
            else (0, (1 << self.bits) - 1)
        )
        return low if self.least is None else self.least, high if self.most is None else self.most
