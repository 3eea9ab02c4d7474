"""The tensors of attention, and products of all heads."""

import dataclasses
from collections.abc import Sequence

from ..errors import UserError
from ..train.attention import SelfAttention
from .operands import COLUMNS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply
from .strided import Stack

__all__ = ["Heads", "stacked"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heads:
    """Extents of an attention.

    Parameters
    ----------
    tokens, heads, depth, samples : int
        Tokens of a sample, heads, features of a head, and samples of a batch.
    values : int
        Of a word.
    """

    tokens: int
    heads: int
    depth: int
    samples: int
    values: int

    @classmethod
    def of(cls, attention: SelfAttention, samples: int, values: int) -> "Heads":
        """Return the extents of an attention for a batch."""
        _, tokens, width = attention.shape
        heads = attention.heads
        return cls(tokens=tokens, heads=heads, depth=width // heads, samples=samples, values=values)

    def check(self, panels: Panels) -> None:
        """Raise `UserError` unless results of products lie where whole tiles of them do."""
        width = self.heads * self.depth
        for what, count in (("columns", panels.slices(COLUMNS)), ("values of a word", self.values)):
            extent, name = (self.depth, "of a head") if what == "columns" else (width, "of a token")
            if extent % count:
                raise UserError(f"{what} must divide the {extent} features {name}, not {count}")

    @property
    def pairs(self) -> int:
        """Samples and heads."""
        return self.samples * self.heads

    def split(self, name: str) -> Stack:
        """Return a tensor (heads, tokens, samples, features)."""
        rows = self.tokens * self.samples
        x = Matrix.make(name, self.heads * rows, self.depth, self.values)
        return self._stack(x, self.depth, (x.stride, rows * x.stride, self.samples * x.stride))

    def scores(self, name: str) -> Stack:
        """Return a tensor (samples, heads, tokens, tokens)."""
        x = Matrix.make(name, self.pairs * self.tokens, self.tokens, self.values)
        head = self.tokens * x.stride
        return self._stack(x, self.tokens, (self.heads * head, head, x.stride))

    def _stack(self, x: Matrix, features: int, strides: tuple[int, int, int]) -> Stack:
        return Stack(
            matrix=x,
            tokens=self.tokens,
            features=features,
            samples=self.samples,
            heads=self.heads,
            strides=strides,
        )

    def joined(self, name: str) -> Matrix:
        """Return a matrix of the features of all heads, a row each token of each sample."""
        width = self.heads * self.depth
        return Matrix.make(name, self.tokens * self.samples, width, self.values)

    def multiply(
        self, comment: str, to: Stack, panels: Panels, pair: tuple[Tensor, Tensor], reduction: int
    ) -> Operation:
        """Return products of a row each token and a column each feature, head after head."""
        left, right = (Window(tensor=panel) for panel in pair)
        rows, x = self.tokens * self.samples, to.matrix
        product = multiply(
            comment,
            x,
            left,
            right,
            m=rows,
            n=self.depth,
            blocks=panels.blocks(reduction),
            work=rows * self.depth * reduction,
        )
        steps = rows * x.stride, 0, panels.distance(COLUMNS, self.depth, reduction)
        return stacked(product, self.heads, steps)


def stacked(product: Operation, times: int, steps: Sequence[int]) -> Operation:
    """Return several products of equal shape as one operation, each window's by its step apart."""
    windows = dict(product.windows)
    for number, step in enumerate(steps):
        window = windows[number]
        # In front of the counters of rows and of columns.
        inner = window.counters or ((1, 0), (1, 0))
        windows[number] = dataclasses.replace(window, counters=((times, step), *inner))
    fields = {**product.fields, "more": times - 1}
    return dataclasses.replace(product, windows=windows, fields=fields, work=times * product.work)
