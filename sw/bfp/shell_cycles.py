"""Cycles of an array with memories for its operands, by stepping what its circuit counts."""

import collections
import dataclasses

__all__ = ["ShellJob", "ShellRun", "run"]

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
    """A job, and what of the circuit decides on its cycles.

    Parameters
    ----------
    tile_rows, tile_columns, panel : int
        Tiles, and words of a panel.
    rows : int
        Of a tile; with ``spaced`` one begins no earlier than so many moves after another.
    latency : int
        Of the array.
    beats_a, beats_b, result_beats : int
        Beats of the port of a word of each operand, and of a row of results.
    words_a, words_b : int
        Words that the memories hold.
    inputs : int
        Streams in.
    """

    tile_rows: int
    tile_columns: int
    panel: int
    rows: int
    spaced: bool
    latency: int
    beats_a: int
    beats_b: int
    result_beats: int
    words_a: int
    words_b: int
    inputs: int


class _Walk:
    """Where in a job words are read, or taken by the array."""

    def __init__(self, job: ShellJob) -> None:
        self.job = job
        self.word = self.column = self.row = 0

    @property
    def tile_end(self) -> bool:
        return self.word == self.job.panel - 1

    @property
    def last_column(self) -> bool:
        return self.column == self.job.tile_columns - 1

    def step(self) -> None:
        row_end = self.tile_end and self.last_column
        self.column = (0 if row_end else self.column + 1) if self.tile_end else self.column
        self.word = 0 if self.tile_end else self.word + 1
        self.row += row_end


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

    def __init__(self, job: ShellJob) -> None:
        self.job = job
        self.a = _Memory(job.beats_a, job.words_a, job.tile_rows * job.panel * job.beats_a)
        self.b = _Memory(job.beats_b, job.words_b, job.tile_columns * job.panel * job.beats_b)
        self.reader, self.array = _Walk(job), _Walk(job)
        self.cycles = self.waits = self.blocked = self.moves = self.level = self.part = 0
        self.left = job.tile_rows * job.tile_columns * job.rows
        self.age, self.valid, self.moved = job.rows, False, False
        # Moves of the array behind which rows of results go into its FIFO.
        self.pushes: collections.deque[int] = collections.deque()

    def step(self) -> bool:
        """Go on by a cycle; return whether the array has taken the last word of a row of tiles."""
        array, row = self.array, self.array.row
        credit, begins = self.level <= MOVES_WITH, array.word == 0
        may_begin = not self.job.spaced or self.age == self.job.rows
        wants = row < self.job.tile_rows and credit and (not begins or may_begin)
        accept = wants and self.valid
        move = credit and (accept or begins)
        if accept and begins:
            self.age = 1
        elif move and self.age < self.job.rows:
            self.age += 1
        self.cycles += 1
        self.blocked += not credit
        self.waits += wants and not self.valid
        self._read(accept)
        self._give()
        self.moves, self.moved = self.moves + move, move
        if accept:
            if array.tile_end:
                first = self.moves + self.job.latency - 2
                self.pushes.extend(range(first, first + self.job.rows))
            array.step()
        return array.row > row

    def _read(self, accept: bool) -> None:
        """Take beats into the memories, and read a word of both."""
        a, b, reader = self.a, self.b, self.reader
        read = a.ahead > 0 and b.ahead > 0 and (not self.valid or accept)
        end, last = reader.tile_end, reader.last_column
        may_take = self.job.inputs == 2 or b.left == 0
        a.step(may_take, read, not last, end)
        b.step(True, read, reader.row < self.job.tile_rows - 1, end and last)
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
        rest = self.age, self.valid, self.moved, self.level, self.part, self.b.left
        return (*memories, *walks, *rest, *(each - self.moves for each in self.pushes))

    @property
    def counts(self) -> tuple[int, ...]:
        """What goes on as it did where the state is as it was."""
        return (self.cycles, self.waits, self.blocked, self.left, self.a.left, self.array.row)

    def skip(self, before: tuple[int, ...]) -> None:
        """Go on by as many times what came since these counts as are sure to be equal."""
        steps = [now - then for now, then in zip(self.counts, before, strict=True)]
        *_, beats, rows = steps
        times = max(0, self.job.tile_rows - 2 - self.array.row) // rows
        times = min(times, self.a.left // -beats) if beats else times
        counts = [now + times * each for now, each in zip(self.counts, steps, strict=True)]
        self.cycles, self.waits, self.blocked, self.left, self.a.left, self.array.row = counts
        self.reader.row += times * rows


def run(job: ShellJob) -> ShellRun:
    """Return the cycles of a job, stepped one by one until rows of tiles repeat."""
    stepper = _Stepper(job)
    seen: dict[tuple[object, ...], tuple[int, ...]] = {}
    while stepper.left:
        if stepper.step():
            state = stepper.state
            if state in seen:
                stepper.skip(seen[state])
            seen[state] = stepper.counts
    return ShellRun(stepper.cycles, stepper.waits, stepper.blocked)
