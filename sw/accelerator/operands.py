"""Panels of codes, and what quantizes tensors into them."""

from ..errors import UserError
from ..train.operand import USES
from ..words import stream_key
from .operations import Matrix, Operation, Tensor, Window
from .parameters import AcceleratorParameters

__all__ = ["ROWS", "COLUMNS", "Panels"]

ROWS, COLUMNS = 0, 1
"""The sides of the array that a panel is for."""

FIXED_BITS = 40
"""Low bits of a key that the number of the step is added to."""


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

    def slices(self, side: int) -> int:
        """Return the rows, or columns, of a group of a panel."""
        p = self._parameters
        return p.columns if side == COLUMNS else p.rows

    def words(self, side: int, rows: int, reduction: int) -> int:
        """Return the words of so many rows, or columns, of a panel."""
        return -(-rows // self.slices(side)) * self.blocks(reduction) * self._parameters.beats

    def distance(self, side: int, rows: int, reduction: int) -> int:
        """Return the elements from the first of so many rows, or columns, to behind the last."""
        return self.words(side, rows, reduction) * self._parameters.values

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
    ) -> Operation:
        """Return what quantizes ``x``, or its transpose, along what are then the rows.

        The panel grows to hold it. ``reduction`` is the rows' length without what fills up words;
        ``key`` is that of `key`.
        """
        rows = x.stride if transposed else x.rows
        panel.words = max(panel.words, self.words(side, rows, reduction))
        x = x.top(reduction) if transposed else x
        return Operation(
            name="quant.quantize",
            comment=f"{panel.name} = {x.tensor.name}{'^T' * transposed}",
            windows={0: Window(tensor=panel), 1: x.across if transposed else x.along},
            fields={
                "transposed": int(transposed),
                "side": side,
                "inner": x.rows if transposed else x.words,
                "outer": x.words if transposed else x.rows,
                "blocks": self.blocks(reduction),
            },
            key=key,
            key_register=None if key is None else self._register,
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
