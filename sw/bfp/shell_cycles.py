"""Cycles of an array with memories for its operands, by stepping what its circuit counts."""

import collections
import dataclasses

__all__ = ["ShellRun", "step_through"]

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


class _Memory:
    """What the memory of an operand counts: words ``held``, and of them those ``ahead``."""

    def __init__(self, beats: int, words: int, left: int) -> None:
        self.beats = beats
        self.words = words
        self.left = left
        self.part = self.held = self.ahead = 0

    @property
    def state(self) -> tuple[int, int, int]:
        return self.part, self.held, self.ahead

    def step(self, may_take: bool, read: bool, keep: bool, back: bool) -> None:
        """Go on by a cycle, in which a word is read for the last time unless it is to ``keep``."""
        takes = may_take and self.left > 0 and self.held < self.words
        ends = takes and self.part == self.beats - 1
        if takes:
            self.left -= 1
            self.part = 0 if ends else self.part + 1
        self.held += ends - (read and not keep)
        self.ahead = self.held if read and keep and back else self.ahead + ends - read


def step_through(
    *,
    tile_rows: int,
    tile_columns: int,
    words: int,
    rows: int,
    spaced: bool,
    latency: int,
    beats: tuple[int, int, int],
    held: tuple[int, int],
    inputs: int,
) -> ShellRun:
    """Return the cycles of a job, stepped one by one until rows of tiles repeat.

    Parameters
    ----------
    tile_rows, tile_columns, words : int
        Of the job: tiles, and words of a panel.
    rows : int
        Of a tile; a tile begins no earlier than so many moves after another if they are `spaced`.
    latency : int
        Of the array.
    beats : (int, int, int)
        Of the port, of a word of ``a``, of ``b`` and of a row of results.
    held : (int, int)
        Words that the memories hold.
    inputs : int
        Streams in.
    """
    a = _Memory(beats[0], held[0], tile_rows * words * beats[0])
    b = _Memory(beats[1], held[1], tile_columns * words * beats[1])
    cycles = waits = blocked = moves = level = part = 0
    read_word = read_column = read_row = word = column = row = 0
    age, valid, moved = rows, False, False
    pushes: collections.deque[int] = collections.deque()
    seen: dict[object, tuple[int, int, int, int, int]] = {}
    left = tile_rows * tile_columns * rows
    while left:
        credit = level <= MOVES_WITH
        begins = word == 0
        wants = row < tile_rows and credit and (not begins or not spaced or age == rows)
        accept = wants and valid
        move = credit and (accept or begins)
        push = moved and bool(pushes) and pushes[0] == moves
        pop = level > 0 and part == beats[2] - 1
        read = a.ahead > 0 and b.ahead > 0 and (not valid or accept)
        blocked += not credit
        waits += wants and not valid
        if accept and begins:
            age = 1
        elif move and age < rows:
            age += 1

        tile_end, column_end = read_word == words - 1, read_column == tile_columns - 1
        a_goes = inputs == 2 or b.left == 0
        a.step(a_goes, read, not column_end, tile_end)
        b.step(True, read, read_row < tile_rows - 1, tile_end and column_end)
        if read:
            read_row += tile_end and column_end
            read_column = (0 if column_end else read_column + 1) if tile_end else read_column
            read_word = 0 if tile_end else read_word + 1
        valid = read or (valid and not accept)
        part = 0 if pop or not level else part + 1
        left -= pop
        level += push - pop
        if push:
            pushes.popleft()
        moves += move
        moved = move
        cycles += 1
        row_end = False
        if accept:
            word += 1
            if word == words:
                pushes.extend(moves + latency - 2 + r for r in range(rows))
                word, column = 0, column + 1
                row_end = column == tile_columns
            if row_end:
                column, row = 0, row + 1
        if not row_end:
            continue
        under_way = tuple(each - moves for each in pushes)
        flags = (valid, moved, age, level, part, read_word, read_column, read_row - row)
        state = (a.state, b.state, b.left, flags, under_way)
        now = (row, cycles, waits, blocked, a.left)
        if state in seen and row < tile_rows - 2:
            step = [x - y for x, y in zip(now, seen[state], strict=True)]
            times = (tile_rows - 2 - row) // step[0]
            if step[4]:
                times = min(times, a.left // -step[4])
            row, cycles, waits, blocked, a.left = (
                x + times * y for x, y in zip(now, step, strict=True)
            )
            read_row += times * step[0]
            left -= times * step[0] * tile_columns * rows
        seen[state] = now
    return ShellRun(cycles, waits, blocked)
