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

    def _ends(self, rows: Iterable[Iterable[int]], *, stores: bool, interval: int = 1) -> int:
        """Return the cycles from the first request to the end of the last burst.

        Of each row there are the beats of its bursts. A beat that is read is taken every
        ``interval`` cycles.
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
                    beat = max(beat, begun + self._latency) + beats * interval
                    ends.append(beat)
        return ends[-1]

    def move(self, name: str, address: int, fields: Mapping[str, int]) -> int:
        """Return the cycles of ``dma.load`` or ``dma.store``."""
        beats = fields["words"] * (self._parameters.word_bits // self._parameters.port_bits)
        rows = (address + row * fields["distance"] for row in range(fields["rows"]))
        bursts = (self._bursts(row, beats) for row in rows)
        return 1 + self._ends(bursts, stores=name == "dma.store") + 2

    def fetch(self, instructions: int) -> int:
        """Return the cycle of the first instruction, after a start in cycle 0.

        Parts of instructions are gathered in two cycles; of a beat that is wider than one,
        instructions are taken one a cycle, which may hold back bursts by a few cycles more.
        """
        bits = self._parameters.port_bits
        parts = max(1, bits // BITS)
        beats = -(-instructions * BITS // bits)
        last = self._ends([self._bursts(0, beats)], stores=False, interval=parts)
        # The last beat may have more instructions than there are.
        last += 2 if bits < BITS else instructions - beats * parts
        return 2 + last + 4
