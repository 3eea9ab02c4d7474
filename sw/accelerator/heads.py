"""The tensors of attention, and products of all heads."""

import dataclasses
import math
from collections.abc import Sequence

from ..errors import UserError
from ..train.attention import SelfAttention
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply
from .strided import Stack, Strided

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
    pitch : int
        Elements from the scores of a sample's head to those of the next: whole tiles' rows, and
        columns, and a whole part of a word, or whole words.
    """

    tokens: int
    heads: int
    depth: int
    samples: int
    values: int
    pitch: int

    @classmethod
    def of(cls, attention: SelfAttention, samples: int, values: int, panels: Panels) -> "Heads":
        """Return the extents of an attention for a batch.

        `UserError` unless results of products lie where whole tiles of them do.
        """
        _, tokens, width = attention.shape
        heads, columns = attention.heads, panels.slices(COLUMNS)
        depth = width // heads
        for what, count, extent, name in (
            ("columns", columns, depth, "of a head"),
            ("values of a word", values, width, "of a token"),
        ):
            if extent % count:
                raise UserError(f"{what} must divide the {extent} features {name}, not {count}")
        tile = max(columns, panels.slices(ROWS))
        pitch = min(values, max(tile, 1 << (tokens - 1).bit_length()))
        return cls(
            tokens=tokens,
            heads=heads,
            depth=depth,
            samples=samples,
            values=values,
            pitch=-(-tokens // pitch) * pitch,
        )

    @property
    def pairs(self) -> int:
        """Samples and heads."""
        return self.samples * self.heads

    def split(self, name: str) -> Stack:
        """Return a tensor (heads, tokens, samples, features)."""
        rows = self.tokens * self.samples
        x = Matrix.make(name, self.heads * rows, self.depth, self.values)
        return Stack(
            matrix=x,
            tokens=self.tokens,
            features=self.depth,
            samples=self.samples,
            heads=self.heads,
            strides=(x.stride, rows * x.stride, self.samples * x.stride),
        )

    def scores(self, name: str) -> Matrix:
        """Return a matrix of a row each token, in which those of each sample's head lie."""
        return Matrix.make(name, self.tokens, self.pairs * self.pitch, self.values)

    @property
    def width(self) -> int:
        """Elements of the words that have the scores of a row and a head."""
        return max(self.pitch, self.values)

    @property
    def sharing(self) -> int:
        """Heads that share a word of scores."""
        return self.width // self.pitch

    def parts(self, panels: Panels) -> list[range]:
        """Return parts of the samples, whose scores are whole words."""
        each = self.heads * self.pitch
        unit = self.values // math.gcd(self.values, each)
        return panels.samples(self.samples, self.tokens * each, unit)

    def words(self, samples: range) -> range:
        """Return the words of a row of scores that those of some samples are."""
        each = self.heads * self.pitch
        return range(samples.start * each // self.values, -(-samples.stop * each // self.values))

    def alone(self, name: str) -> Matrix:
        """Return room for scores of heads that share no words, those of each place in one a part.

        A part is as `scores`.
        """
        return Matrix.make(name, self.sharing * self.tokens, self.pairs * self.pitch, self.values)

    def by_tokens(self, alone: Matrix, whole: int) -> Strided:
        """Return the rows of all heads, as `Stack.by_tokens`, of what `alone` has."""
        tokens, words = -(-self.tokens // whole) * whole, self.width // self.values
        count, part = alone.stride // self.width, self.tokens * alone.stride
        rows = (count, self.width), (self.sharing, part), (tokens, alone.stride, 1, 0)
        return Strided(
            alone.tensor,
            count * self.sharing * tokens,
            words,
            self.values,
            down=rows,
            beside=((words, self.values),),
            plane=(0, 0, self.tokens, 1) if tokens > self.tokens else None,
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
