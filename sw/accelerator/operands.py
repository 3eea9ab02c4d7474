"""Panels of codes, and what quantizes tensors into them."""

from collections.abc import Iterator

from ..checks import whole
from ..errors import UserError
from ..train.operand import USES
from ..words import stream_key
from .operations import Matrix, Operation, Tensor, Window, multiply
from .parameters import AcceleratorParameters

__all__ = ["COLUMNS", "Panels", "ROWS", "part_key", "parts"]

ROWS, COLUMNS = 0, 1
"""The sides of the array that a panel is for."""

FIXED_BITS = 40
"""Low bits of a key that the number of the step is added to."""

PART_BITS = 8
"""Of these the upper ones, that the number of a part is added to."""


def parts(
    parameters: AcceleratorParameters, reduction: int, lines: int, words: int
) -> list[tuple[int, int]]:
    """Return the parts in which the columns of a product are quantized: first line, and lines.

    Of ``lines`` of so many ``words``, which hold the columns. Parts are as few as let their panels
    fit a bank, and equal but for the last one. There is one where a line does not fit, or where a
    tensor has a scale.
    """
    p = parameters
    line = words * p.values // p.columns * p.array.blocks(reduction) * p.beats
    most = p.bank_words // line
    if not most or p.tensor_scale:
        return [(0, lines)]
    each = -(-lines // -(-lines // most))
    return [(first, min(each, lines - first)) for first in range(0, lines, each)]


def part_key(key: int, part: int) -> int:
    """Return the key of the random words of a part of an operand; ``key`` is that of the first."""
    whole("part", part, 0, (1 << PART_BITS) - 1)
    low = (1 << FIXED_BITS) - 1
    return key & ~low | key + (part << FIXED_BITS - PART_BITS) & low


class Panels:
    """Makes panels: of two of a side one is made while the other is multiplied.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    seed : int
        Of the random words of stochastic rounding.
    register : int
        The address register with the number of the step, which is added to keys.
    copies : int
        Panels of a side, which are taken in turn.
    """

    def __init__(
        self, parameters: AcceleratorParameters, seed: int, register: int, copies: int
    ) -> None:
        self._parameters = parameters
        self._seed = seed
        self._register = register
        self._pools = [
            [Tensor(f"{name}{n}", 0) for n in range(copies)] for name in ("rows", "columns")
        ]
        self._keys: dict[int, str] = {}

    def blocks(self, reduction: int) -> int:
        """Return the blocks of a reduction."""
        return self._parameters.array.blocks(reduction)

    def columns(self, count: int) -> int:
        """Return the columns of whole tiles."""
        step = self._parameters.columns
        return -(-count // step) * step

    def take(self, side: int) -> Tensor:
        """Return the panel of a side whose last use is the older one."""
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
        part: tuple[int, int] | None = None,
    ) -> Operation:
        """Return what quantizes ``x``, or its transpose, along what are then the rows.

        The panel grows to hold it. ``reduction`` is the rows' length without what fills up words;
        ``key`` is that of `key`; ``part`` one of `parts`, of a transpose.
        """
        p = self._parameters
        slices = p.columns if side == COLUMNS else p.rows
        x = x.top(reduction) if transposed else x
        source, words = x.across if transposed else x.along, x.words
        if part:
            words = words // source.counters[0][0] * part[1]
            source = source.part(*part)
        rows = words * p.values if transposed else x.rows
        blocks = self.blocks(reduction)
        panel.words = max(panel.words, -(-rows // slices) * blocks * p.beats)
        return Operation(
            name="quant.quantize",
            comment=f"{panel.name} = {x.tensor.name}{'^T' * transposed}",
            windows={0: Window(tensor=panel), 1: source},
            fields={
                "transposed": int(transposed),
                "side": side,
                "inner": x.rows if transposed else words,
                "outer": words if transposed else x.rows,
                "blocks": blocks,
            },
            key=key,
            key_register=None if key is None else self._register,
        )

    def multiplied(
        self,
        comment: str,
        to: Matrix,
        left: Tensor,
        x: Matrix,
        *,
        m: int,
        reduction: int,
        key: int | None,
    ) -> Iterator[Operation]:
        """Give what multiplies a panel of rows by ``x``, part by part of its columns.

        One part is quantized while another is multiplied. ``key`` is that of the first one.
        """
        lines = x.across.counters[0][0]
        words = x.words // lines
        for number, part in enumerate(parts(self._parameters, reduction, lines, words)):
            right = self.take(COLUMNS)
            own = None if key is None else part_key(key, number)
            yield self.quantize(
                right, x, COLUMNS, reduction=reduction, transposed=True, key=own, part=part
            )
            first, columns = (each * words * self._parameters.values for each in part)
            yield multiply(
                comment, to, left, right, m=m, n=columns, blocks=self.blocks(reduction), first=first
            )

    def key(self, layer: int, which: str, side: int) -> int | None:
        """Return the key of an operand's random words in the first step; None without any.

        Steps change low bits of keys alone, so the others must tell all operands apart.
        """
        if self._parameters.format.rounding != "stochastic":
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
