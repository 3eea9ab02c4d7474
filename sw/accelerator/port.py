"""When data come through the memory port, which never stalls."""

from collections.abc import Iterable, Iterator, Mapping

from .instructions import BITS
from .parameters import AcceleratorParameters

__all__ = ["Port"]

_PAGE = 4096
_BYTE = 8


class Port:
    """The master at an external memory: when the data of rows come.

    Parameters
    ----------
    parameters : AcceleratorParameters
    latency : int
        From an address, or the last beat written, to the answer.
    """

    def __init__(self, parameters: AcceleratorParameters, latency: int) -> None:
        self._parameters = p = parameters
        self._bytes = p.port_bits // _BYTE
        self._most = min(p.burst, _PAGE // self._bytes)
        self._latency = latency

    def _bursts(self, address: int, beats: int) -> Iterator[int]:
        """Give the beats of each burst of a row."""
        place = address // self._bytes
        while beats:
            taken = min(beats, self._most - place % self._most)
            yield taken
            place, beats = place + taken, beats - taken

    def _ends(self, rows: Iterable[Iterable[int]], *, stores: bool) -> int:
        """Return the cycles from the first request to the end of the last burst.

        Of each row there are the beats of its bursts.
        """
        p, ends = self._parameters, list[int]()
        begun, beat = 0, -1
        for row in rows:
            # The first beat of a row leaves the scratchpad's memory four cycles after its request.
            there = begun + 5
            for beats in row:
                begun += 1
                if len(ends) >= p.outstanding:
                    begun = max(begun, ends[-p.outstanding] + 1)
                if stores:
                    beat = max(beat, there, begun + 3) + beats
                    ends.append(max(beat + self._latency, ends[-1] + 1 if ends else 0))
                else:
                    beat = max(beat, begun + self._latency) + beats
                    ends.append(beat)
        return ends[-1]

    def move(self, name: str, address: int, fields: Mapping[str, int]) -> int:
        """Return the cycles of ``dma.load`` or ``dma.store``."""
        beats = fields["words"] * (self._parameters.word_bits // self._parameters.port_bits)
        rows = (address + row * fields["distance"] for row in range(fields["rows"]))
        bursts = (self._bursts(row, beats) for row in rows)
        return 1 + self._ends(bursts, stores=name == "dma.store") + 2

    def fetch(self, instructions: int) -> tuple[int, int]:
        """Return the cycle of the first instruction, and the last one in which the master is busy.

        The start is in cycle 0. Parts of instructions are gathered in two cycles.
        """
        bits = self._parameters.port_bits
        beats = -(-instructions * BITS // bits)
        bursts = self._bursts(0, beats)
        if bits > BITS:
            last, end = self._divided(bursts, instructions, bits // BITS)
        else:
            last = end = self._ends([bursts], stores=False) + (2 if bits < BITS else 0)
        return 2 + last + 4, end + 3

    def _divided(self, bursts: Iterable[int], instructions: int, parts: int) -> tuple[int, int]:
        """Return when the last instruction, and the last beat, is taken of beats of several.

        A beat stays until its last part is taken; one more may come meanwhile.
        """
        ends = list[int]()
        begun, come, part, taken = 0, -1, 0, -1
        for beats in bursts:
            begun += 1
            if len(ends) >= self._parameters.outstanding:
                begun = max(begun, ends[-self._parameters.outstanding] + 1)
            for _ in range(beats):
                room = come if taken <= come else taken
                come = max(room, begun + self._latency) + 1
                part = max(come, taken + 1)
                taken = part + parts - 1
            ends.append(come)
        return part + (instructions - 1) % parts, taken
