"""Panels of codes, and what quantizes tensors into them."""

from ..errors import UserError
from ..train.operand import USES
from ..words import stream_key
from .operations import Matrix, Operation, Tensor, Window
from .parameters import AcceleratorParameters
from .part import Part, halves, pieces

__all__ = ["ROWS", "COLUMNS", "KEPT", "TERMS", "Panels"]

ROWS, COLUMNS, KEPT, TERMS = range(4)
"""The sides of the array that a panel is for, columns kept while others come and go, and results
that are added to others."""

SHORTEST = 2048
"""Cycles, about, of a part."""

EARLY = 8
"""Parts of columns, at most, of which the first one is soon there."""

SOON = 1024
"""Cycles, about, in which one of them is quantized."""

MOST_COLUMNS = 65_535
"""Of a product."""

FIXED_BITS = 40
"""Low bits of a key that the number of the step is added to."""


class Panels:
    """Makes panels: of two of a side one is made while the other is multiplied.

    Of rooms for terms one is filled while the other is added.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    seed : int
        Of the random words of stochastic rounding.
    register : int
        The address register with the number of the step, which is added to keys.
    parts : int
        Of a long operation, at most, so that others need not wait for its end.
    copies : int
        Panels of a side, which are taken in turn.
    groups : int
        Of rows of a product, at most, of which what follows begins one after the other.

    Members
    -------
    separable : bool
        Whether parts of a tensor are quantized as the whole is: without a scale a tensor.
    spare : bool
        Whether there is more than one panel of a side.
    grouped : bool
        Whether there may be more than one group of rows.
    """

    def __init__(
        self,
        parameters: AcceleratorParameters,
        seed: int,
        register: int,
        parts: int,
        copies: int,
        groups: int = 1,
    ) -> None:
        self._parameters = parameters
        self.separable = not parameters.tensor_scale
        self._seed = seed
        self._register = register
        self._parts = parts
        self.spare = copies > 1
        self._groups = groups
        self.grouped = groups > 1
        self._pools = [
            [Tensor(f"{name}{n}", 0) for n in range(copies)]
            for name in ("rows", "columns", "kept", "terms")
        ]
        self._keys: dict[int, str] = {}

    def blocks(self, reduction: int) -> int:
        """Return the blocks of a reduction."""
        return self._parameters.array.blocks(reduction)

    def columns(self, count: int) -> int:
        """Return the columns of whole tiles."""
        step = self._parameters.columns
        return -(-count // step) * step

    def rows(self, m: int, n: int, reduction: int) -> list[range]:
        """Return parts of the rows of a product that are worth an operation each."""
        p = self._parameters
        tiles = -(-m // p.rows) * -(-n // p.columns)
        cycles = tiles * self.blocks(reduction) * p.beats
        return pieces(m, min(self._parts, cycles // SHORTEST) if self.separable else 1, p.rows)

    def columns_of(self, x: Matrix, reduction: int) -> list[tuple[range, Matrix]]:
        """Return parts of the columns of a product's operand, and which words of a row they are.

        As many as are worth an operation each, or as it needs for panels of half a bank.
        """
        p = self._parameters
        groups = x.words * p.values // p.columns
        words = groups * self.blocks(reduction) * p.beats
        most = min(self._parts, words // SHORTEST)
        needed = max(-(-2 * words // p.bank_words), -(-x.words * p.values // MOST_COLUMNS))
        parts = x.split(max(most, needed) if self.separable else 1)
        longest = max(part.words for _, part in parts) * p.values
        if longest > MOST_COLUMNS:
            raise UserError(
                f"batch must be smaller: a product on the accelerator has {MOST_COLUMNS:,} columns "
                f"or less, not {longest:,}"
            )
        return parts

    def groups(self, m: int, x: Matrix, reduction: int) -> list[range]:
        """Return groups of the rows of a product whose other operand is ``x``.

        Each but the last is as long as those behind it, for which it leaves the time. There is one
        group if the operand's panel has no room in half a bank.
        """
        p = self._parameters
        columns = x.words * p.values
        words = columns // p.columns * self.blocks(reduction) * p.beats
        if 2 * words > p.bank_words or columns > MOST_COLUMNS:
            return [range(m)]
        tiles = -(-m // p.rows) * columns // p.columns
        cycles = tiles * self.blocks(reduction) * p.beats
        # So many rows of tiles take as long as the other operand's columns to be quantized.
        least = -(-p.columns * p.converter.beats // p.beats)
        return halves(m, max(1, min(self._groups, cycles // SHORTEST)), p.rows, least)

    def early(self, x: Matrix, reduction: int) -> list[tuple[range, Matrix]]:
        """Return parts of the columns of a product's operand, and which words of a row they are.

        The first one is soon there, others in time. All are of one panel.
        """
        p = self._parameters
        cycles = x.words * p.values * self.blocks(reduction) * p.converter.beats
        return x.split(max(1, min(EARLY, cycles // SOON)) if self.separable else 1)

    def samples(self, count: int, values: int, unit: int) -> list[range]:
        """Return parts of samples, of each of which a function is made of so many ``values``.

        As many as are worth an operation each; they begin at multiples of ``unit``.
        """
        most = min(self._parts, count * values // SHORTEST)
        return pieces(count, most if self.separable else 1, unit)

    def lines_of(self, lines: range, words: int, reduction: int) -> list[range]:
        """Return parts of lines whose results, so many words a line, are added to others.

        As many as are worth an operation each, or as it needs for results of a quarter of a bank.
        """
        p = self._parameters
        cycles = len(lines) * words * p.values * self.blocks(reduction) * p.beats
        most = min(self._parts, cycles // (p.rows * p.columns * SHORTEST))
        few = max(1, p.bank_words // (4 * words))
        return [
            range(lines.start + part.start, lines.start + part.stop)
            for part in pieces(len(lines), max(most, -(-len(lines) // few)))
        ]

    def part(self, panel: Tensor, side: int, reduction: int, rows: range) -> Window:
        """Return a window on the panel of some rows, which begin where a tile does."""
        p = self._parameters
        pitch = self.blocks(reduction) * p.beats
        slices = self.slices(side)
        groups = range(rows.start // slices, -(-rows.stop // slices))
        return Window(
            tensor=panel,
            offset=groups.start * pitch * p.values,
            part=Part(pitch, groups, range(pitch)),
        )

    def slices(self, side: int) -> int:
        """Return the rows, or columns, of a group of a panel."""
        return self._parameters.columns if side == COLUMNS else self._parameters.rows

    def distance(self, side: int, rows: int, reduction: int) -> int:
        """Return the elements from the first of so many rows, or columns, to behind the last."""
        p = self._parameters
        return -(-rows // self.slices(side)) * self.blocks(reduction) * p.beats * p.values

    def take(self, side: int) -> Tensor:
        """Return the panel of a side, or room for terms, whose last use is the older one."""
        pool = self._pools[side]
        pool.append(pool.pop(0))
        return pool[0]

    def quantize(
        self,
        panel: Tensor,
        x: Matrix,
        side: int,
        *,
        reduction: int,
        transposed: bool = False,
        key: int | None = None,
        before: int = 0,
        whole: bool = True,
    ) -> Operation:
        """Return what quantizes ``x``, or its transpose, along what are then the rows.

        The panel grows to hold it. ``reduction`` is the rows' length without what fills up words;
        ``key`` is that of `key`. Of a part of an operand ``before`` are the rows before it, for
        which the panel has room if it is one of the ``whole``.
        """
        p = self._parameters
        count, blocks = x.words * p.values if transposed else x.rows, self.blocks(reduction)
        rows = range(before, before + count) if whole else range(count)
        groups = -(-rows.stop // self.slices(side))
        panel.words = max(panel.words, groups * blocks * p.beats)
        x = x.top(reduction) if transposed else x
        return Operation(
            name="quant.quantize",
            comment=f"{panel.name} = {x.tensor.name}{'^T' * transposed}",
            windows={
                0: self.part(panel, side, reduction, rows),
                1: x.across if transposed else x.along,
            },
            fields={
                "transposed": int(transposed),
                "side": side,
                "inner": x.rows if transposed else x.words,
                "outer": x.words if transposed else x.rows,
                "blocks": self.blocks(reduction),
            },
            key=key,
            key_register=None if key is None else self._register,
            skip=before * blocks * p.converter.beats,
        )

    def key(self, layer: int, which: str, side: int, *, gradient: bool | None = None) -> int | None:
        """Return the key of an operand's random words in the first step; None without any.

        Steps change low bits of keys alone, so the others must tell all operands apart.
        ``gradient`` is as of `AcceleratorParameters.draws`.
        """
        if not self._parameters.draws(which, side, gradient):
            return None
        key = stream_key(self._seed, layer=layer, use=USES[which, side])
        owner = f"operand {side} of the pass {which} of layer {layer}"
        other = self._keys.setdefault(key >> FIXED_BITS, owner)
        if other != owner:
            raise UserError(
                f"seed must give operands keys that differ above bit {FIXED_BITS - 1}, and "
                f"{self._seed} does not to {other} and {owner}: take another seed"
            )
        return key
