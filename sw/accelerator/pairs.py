"""Products of all samples and heads of an attention, as operations."""

from collections.abc import Iterator

from .heads import Heads, stacked
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply
from .strided import Stack

__all__ = ["Pairs"]


class Pairs:
    """Makes a kind of products, of each sample and each head.

    The operands of all are quantized at once; a RUN of the product engine then goes from one
    sample's head to the next.

    Parameters
    ----------
    number : int
        Of the products in the network.
    heads : Heads
        Extents.
    panels : Panels
        Makes the operands.
    """

    def __init__(self, number: int, heads: Heads, panels: Panels) -> None:
        self._number, self._heads, self._panels = number, heads, panels

    def dots(
        self, to: Matrix, left: Stack, right: Stack, which: str, *, gradient: int | None = None
    ) -> Iterator[Operation]:
        """Give what makes the products of each token on the left with each on the right.

        Those of a token on the left are a row of ``to``, which is `Heads.scores`. ``which`` pass
        it is; ``gradient`` is the side of the gradient of an output, if not what is usual.
        """
        panels, heads, pair = self._panels, self._heads, self._taken()
        distances: list[int] = []
        for side, x in enumerate((left, right)):
            rows, key = x.by_tokens(panels.slices(side)), self._key(which, side, gradient)
            yield panels.quantize(pair[side], rows, side, reduction=x.features, key=key)
            distances.append(panels.distance(side, x.tokens, x.features))
        comment = f"{to.tensor.name} = {left.name} {right.name}^T"
        product = self._multiply(comment, to, pair, heads.tokens, heads.depth, heads.depth)
        yield stacked(product, heads.pairs, (heads.pitch, *distances))

    def weighted(self, to: Matrix, left: Matrix, right: Stack, which: str) -> Iterator[Operation]:
        """Give what makes sums of the tokens on the right, weighted by each column on the left.

        ``to`` is `Heads.joined`, ``left`` is `Heads.scores`; ``which`` is as in `dots`.
        """
        panels, heads, tokens = self._panels, self._heads, self._heads.tokens
        pair, keys = self._taken(), [self._key(which, side, None) for side in (ROWS, COLUMNS)]
        # What is on the right has been there for longer.
        yield panels.quantize(
            pair[COLUMNS],
            right.by_features(),
            COLUMNS,
            reduction=tokens,
            transposed=True,
            key=keys[COLUMNS],
        )
        yield panels.quantize(
            pair[ROWS], left, ROWS, reduction=tokens, transposed=True, key=keys[ROWS]
        )
        names = f"{left.tensor.name}^T", right.name
        yield self._sums(to, names, pair, tokens, panels.distance(ROWS, heads.pitch, tokens))

    def weighted_by_rows(
        self, to: Matrix, left: Matrix, right: Stack, *, gradient: int | None = None
    ) -> Iterator[Operation]:
        """Give what makes sums of the tokens on the right, weighted by each row on the left.

        ``left`` is `Heads.alone`, whose words have zeros for the tokens of other heads: those on
        the right come as often as heads share a word. Others are as in `dots` and `weighted`.
        """
        panels, heads, pair = self._panels, self._heads, self._taken()
        rows = heads.by_tokens(left, panels.slices(ROWS))
        columns = right.by_features(heads.pitch, heads.sharing)
        for side, x, turned in ((ROWS, rows, False), (COLUMNS, columns, True)):
            key = self._key("weight", side, gradient)
            yield panels.quantize(
                pair[side], x, side, reduction=heads.width, transposed=turned, key=key
            )
        step = panels.distance(ROWS, heads.tokens, heads.width)
        yield self._sums(to, (left.tensor.name, right.name), pair, heads.width, step)

    def _sums(
        self,
        to: Matrix,
        names: tuple[str, str],
        pair: tuple[Tensor, Tensor],
        reduction: int,
        step: int,
    ) -> Operation:
        """Return what makes sums of tokens; a step is from a panel of rows to the next."""
        heads = self._heads
        # From a row of the results, of a token, to that of the next one.
        spread = Matrix(to.tensor, heads.tokens, to.words * heads.samples, to.values)
        comment = f"{to.tensor.name} = {' '.join(names)}"
        product = self._multiply(comment, spread, pair, heads.depth, reduction, heads.tokens)
        columns = -(-heads.depth // heads.values) * heads.values
        distance = self._panels.distance(COLUMNS, columns, reduction)
        return stacked(product, heads.pairs, (heads.depth, step, distance))

    def _taken(self) -> tuple[Tensor, Tensor]:
        return self._panels.take(ROWS), self._panels.take(COLUMNS)

    def _key(self, which: str, side: int, gradient: int | None) -> int | None:
        """Return the key of an operand."""
        is_one = None if gradient is None else side == gradient
        return self._panels.key(self._number, which, side, gradient=is_one)

    def _multiply(
        self,
        comment: str,
        to: Matrix,
        pair: tuple[Tensor, Tensor],
        columns: int,
        reduction: int,
        terms: int,
    ) -> Operation:
        """Return the product of a sample and a head, of so many terms that are not zeros."""
        panels, tokens = self._panels, self._heads.tokens
        left, right = (Window(tensor=panel) for panel in pair)
        return multiply(
            comment,
            to,
            left,
            right,
            m=tokens,
            n=panels.columns(columns),
            blocks=panels.blocks(reduction),
            work=tokens * columns * terms,
        )
