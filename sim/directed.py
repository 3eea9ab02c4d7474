"""Directed stimuli of a unit: what tests give it by hand, and what they then find."""

import dataclasses
from collections.abc import Mapping

__all__ = ["Directed"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Directed:
    """What a unit in the configuration ``small`` of its record makes of twelve beats an input.

    A bench's module has it as ``DIRECTED``; tests of flags, counters and commands take all units
    whose bench does.

    Parameters
    ----------
    outputs : int
        Beats that come out of ``m_axis``.
    writes : tuple of (str, int)
        Registers to be written first, and values, the last of them the command that starts.
    beats : mapping of str to int
        Beats of inputs that take others than `BEATS`.
    packets : mapping of str to int
        Beats of a packet, of inputs where ``tlast`` inside one is an error of framing.
    unset : tuple of str
        Flags that no beat sets whose bits are all 1 or those of an fp32 1 or 0.
    states : tuple of str
        Registers that are read alone, but are no counters.
    independent : bool
        Whether waiting for inputs and for outputs are counted independently of each other.
    one_enable : bool
        Whether one register moves all: a cycle that waits for the output does not for inputs.
    holds_all : bool
        Whether all beats find room while the output waits.
    """

    BEATS = 12

    outputs: int
    writes: tuple[tuple[str, int], ...] = ()
    beats: Mapping[str, int] = dataclasses.field(default_factory=dict)
    packets: Mapping[str, int] = dataclasses.field(default_factory=dict)
    unset: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    independent: bool = True
    one_enable: bool = False
    holds_all: bool = False

    def given(self, stream: str) -> int:
        """Return the beats that an input is given."""
        return self.beats.get(stream, self.BEATS)
