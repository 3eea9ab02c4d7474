"""Cycles of an array with memories for its operands, by stepping what its circuit counts."""

import abc
import collections
import dataclasses

__all__ = ["MOVES_WITH", "ArrayMoves", "ShellJob", "ShellRun", "TileMoves", "Walk", "run"]

MOVES_WITH = 2
"""Rows in the array's output FIFO with which it still moves."""


@dataclasses.dataclass(frozen=True)
class ShellRun:
    """Cycles of a job from the first beat in to the last one out.

    ``operand_stalls`` are those of them in which the array waits for an operand, ``result_stalls``
    those in which it waits for results to leave.
    """

    cycles: int
    operand_stalls: int
    result_stalls: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShellJob:
    """What of a job and of the circuit around the array decides on the cycles.

    Parameters
    ----------
    panel_b : int
        Words of a panel of ``b``; one of ``a`` has as many, or a multiple.
    beats_a, beats_b, result_beats : int
        Beats of the port of a word of each operand, and of a row of results.
    words_a, words_b : int
        Words that the memories hold.
    inputs : int
        Streams in.
    """

    panel_b: int
    beats_a: int
    beats_b: int
    result_beats: int
    words_a: int
    words_b: int
    inputs: int


class Walk:
    """Where in a job words of ``a`` are read, or taken by the array.

    Parameters
    ----------
    tile_rows, tile_columns, panel : int
        Tiles of the job, and words of a panel.
    """

    def __init__(self, tile_rows: int, tile_columns: int, panel: int) -> None:
        self.tile_rows = tile_rows
        self.tile_columns = tile_columns
        self.panel = panel
        self.word = self.column = self.row = 0

    @property
    def tile_end(self) -> bool:
        """Whether the word ends its tile."""
        return self.word == self.panel - 1

    @property
    def last_column(self) -> bool:
        """Whether the tile is the last of its row of tiles."""
        return self.column == self.tile_columns - 1

    def step(self) -> None:
        """Go on by a word."""
        row_end = self.tile_end and self.last_column
        self.column = (0 if row_end else self.column + 1) if self.tile_end else self.column
        self.word = 0 if self.tile_end else self.word + 1
        self.row += row_end


class ArrayMoves(Walk, abc.ABC):
    """When an array takes words and moves.

    Parameters
    ----------
    tile_rows, tile_columns, panel : int
        As of `Walk`.
    results : int
        Rows of results of a tile.
    latency : int
        Of the array.
    ahead : int
        Words of a tile from the one that completes its first row of results on.
    """

    def __init__(
        self,
        tile_rows: int,
        tile_columns: int,
        panel: int,
        *,
        results: int,
        latency: int,
        ahead: int = 1,
    ) -> None:
        super().__init__(tile_rows, tile_columns, panel)
        self.results = results
        self.latency = latency
        self.ahead = ahead

    @abc.abstractmethod
    def offer(self, credit: bool, valid: bool) -> tuple[bool, bool, bool]:
        """Go on by a cycle, but for the place in the job.

        With ``credit`` it may move, with ``valid`` there is a word. Return whether it takes this,
        whether it moves, and whether it lacks one.
        """

    @property
    @abc.abstractmethod
    def state(self) -> tuple[int, ...]:
        """What decides on what follows at the end of a row of tiles."""


class TileMoves(ArrayMoves):
    """An array that moves with words inside a tile, and freely between tiles.

    Parameters
    ----------
    spaced : bool
        Whether a tile begins no earlier than ``results`` moves after another.
    """

    def __init__(self, *sizes: int, spaced: bool, **facts: int) -> None:
        super().__init__(*sizes, **facts)
        self.spaced = spaced
        self.age = self.results

    def offer(self, credit: bool, valid: bool) -> tuple[bool, bool, bool]:
        """Wait for the tile before, for credit, for a word."""
        begins, may_begin = self.word == 0, not self.spaced or self.age == self.results
        wants = self.row < self.tile_rows and credit and (not begins or may_begin)
        accept = wants and valid
        move = credit and (accept or begins)
        if accept and begins:
            self.age = 1
        elif move and self.age < self.results:
            self.age += 1
        return accept, move, wants and not valid

    @property
    def state(self) -> tuple[int, ...]:
        """Moves since a tile began."""
        return (self.age,)


class _Memory:
    """What the memory of an operand counts: words ``held``, and of them those ``ahead``."""

    def __init__(self, beats: int, words: int, left: int) -> None:
        self.beats = beats
        self.words = words
        self.left = left
        self.part = self.held = self.ahead = 0

    def step(self, may_take: bool, read: bool, keep: bool, back: bool) -> None:
        """Go on by a cycle, in which a word is read for the last time unless it is to ``keep``."""
        takes = may_take and self.left > 0 and self.held < self.words
        ends = takes and self.part == self.beats - 1
        if takes:
            self.left -= 1
            self.part = 0 if ends else self.part + 1
        self.held += ends - (read and not keep)
        self.ahead = self.held if read and keep and back else self.ahead + ends - read


class _Stepper:
    """A job under way; ``left`` are rows of results that have not left."""

    def __init__(self, job: ShellJob, array: ArrayMoves) -> None:
        self.job, self.array = job, array
        down, across, panel = array.tile_rows, array.tile_columns, array.panel
        self.a = _Memory(job.beats_a, job.words_a, down * panel * job.beats_a)
        self.b = _Memory(job.beats_b, job.words_b, across * job.panel_b * job.beats_b)
        self.reader = Walk(down, across, panel)
        self.words_a = panel // job.panel_b
        self.cycles = self.waits = self.blocked = self.moves = self.level = self.part = 0
        self.left = down * across * array.results
        self.valid = self.moved = False
        # Moves of the array behind which rows of results go into its FIFO.
        self.pushes: collections.deque[int] = collections.deque()

    def step(self) -> bool:
        """Go on by a cycle; return whether the array has taken the last word of a row of tiles."""
        array, row = self.array, self.array.row
        credit = self.level <= MOVES_WITH
        accept, move, lacks = array.offer(credit, self.valid)
        self.cycles += 1
        self.blocked += not credit
        self.waits += lacks
        self._read(accept)
        self._give()
        self.moves, self.moved = self.moves + move, move
        if accept:
            if array.word == array.panel - array.ahead:
                first = self.moves + array.latency - 2
                self.pushes.extend(range(first, first + array.results))
            array.step()
        return array.row > row

    def _read(self, accept: bool) -> None:
        """Take beats into the memories, and read a word of both."""
        a, b, reader = self.a, self.b, self.reader
        with_b = reader.word % self.words_a == 0
        read = a.ahead > 0 and (b.ahead > 0 or not with_b) and (not self.valid or accept)
        last = reader.last_column
        may_take = self.job.inputs == 2 or b.left == 0
        a.step(may_take, read, not last, reader.tile_end)
        back = last and reader.word == reader.panel - self.words_a
        b.step(True, read and with_b, reader.row < reader.tile_rows - 1, back)
        if read:
            reader.step()
        self.valid = read or (self.valid and not accept)

    def _give(self) -> None:
        """Put a row of results into the FIFO, and give a beat of one."""
        push = self.moved and bool(self.pushes) and self.pushes[0] == self.moves
        if push:
            self.pushes.popleft()
        pop = self.level > 0 and self.part == self.job.result_beats - 1
        self.part = 0 if pop or not self.level else self.part + 1
        self.left -= pop
        self.level += push - pop

    @property
    def state(self) -> tuple[object, ...]:
        """All that decides on what follows, but for the beats of ``a`` and the rows to come."""
        memories = ((each.part, each.held, each.ahead) for each in (self.a, self.b))
        walks = self.reader.word, self.reader.column, self.reader.row - self.array.row
        rest = *self.array.state, self.valid, self.moved, self.level, self.part, self.b.left
        return (*memories, *walks, *rest, *(each - self.moves for each in self.pushes))

    @property
    def counts(self) -> tuple[int, ...]:
        """What goes on as it did where the state is as it was."""
        return (self.cycles, self.waits, self.blocked, self.left, self.a.left, self.array.row)

    def skip(self, before: tuple[int, ...]) -> None:
        """Go on by as many times what came since these counts as are sure to be equal."""
        steps = [now - then for now, then in zip(self.counts, before, strict=True)]
        *_, beats, rows = steps
        times = max(0, self.array.tile_rows - 2 - self.array.row) // rows
        times = min(times, self.a.left // -beats) if beats else times
        counts = [now + times * each for now, each in zip(self.counts, steps, strict=True)]
        self.cycles, self.waits, self.blocked, self.left, self.a.left, self.array.row = counts
        self.reader.row += times * rows


def run(job: ShellJob, array: ArrayMoves) -> ShellRun:
    """Return the cycles of a job, stepped one by one until rows of tiles repeat.

    ``array`` is at the job's beginning, and is changed.
    """
    stepper = _Stepper(job, array)
    seen: dict[tuple[object, ...], tuple[int, ...]] = {}
    while stepper.left:
        if stepper.step():
            state = stepper.state
            if state in seen:
                stepper.skip(seen[state])
            seen[state] = stepper.counts
    return ShellRun(stepper.cycles, stepper.waits, stepper.blocked)
