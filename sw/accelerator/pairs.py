"""Products of all samples and heads of an attention, as operations."""

from collections.abc import Iterator, Sequence

from .heads import Heads, stacked
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, multiply
from .strided import Stack

__all__ = ["Pairs"]


class Pairs:
    """Makes a kind of products, of each sample and each head.

    The operands of all are quantized at once, or of some samples after others; a RUN of the product
    engine then goes from one sample's head to the next.

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
        self,
        to: Matrix,
        left: Stack,
        right: Stack,
        which: str,
        *,
        gradient: int | None = None,
        parts: Sequence[range] = (),
    ) -> Iterator[Operation]:
        """Give what makes the products of each token on the left with each on the right.

        Those of a token on the left are a row of ``to``, which is `Heads.scores`. ``which`` pass
        it is; ``gradient`` is the side of the gradient of an output, if not what is usual. What is
        on the right, and products, come in ``parts`` of the samples, or all at once.
        """
        panels, heads, pair = self._panels, self._heads, self._taken()
        comment = f"{to.tensor.name} = {left.name} {right.name}^T"

        def quantized(side: int, x: Stack, before: int = 0) -> Operation:
            rows, key = x.by_tokens(panels.slices(side)), self._key(which, side, gradient)
            before *= rows.rows // x.samples
            return panels.quantize(
                pair[side], rows, side, reduction=x.features, key=key, before=before
            )

        yield quantized(ROWS, left)
        for samples in parts or [range(heads.samples)]:
            yield quantized(COLUMNS, right.of(samples), samples.start)
            yield self._stacked(
                comment,
                to.cut(columns=heads.words(samples)),
                heads.pitch,
                pair,
                (heads.tokens, heads.tokens),
                samples,
                (heads.tokens, heads.depth, heads.depth),
            )

    def weighted(
        self, to: Matrix, left: Matrix, right: Stack, which: str, parts: Sequence[range] = ()
    ) -> Iterator[Operation]:
        """Give what makes sums of the tokens on the right, weighted by each column on the left.

        ``to`` is `Heads.joined`, ``left`` is `Heads.scores`; ``which`` is as in `dots`. Operands
        and products come in ``parts`` of the samples, or all at once.
        """
        panels, heads, tokens = self._panels, self._heads, self._heads.tokens
        pair, keys = self._taken(), [self._key(which, side, None) for side in (ROWS, COLUMNS)]
        names = f"{left.tensor.name}^T", right.name
        for samples in parts or [range(heads.samples)]:
            some = right.of(samples).by_features()
            # What is on the right has been there for longer.
            yield panels.quantize(
                pair[COLUMNS],
                some,
                COLUMNS,
                reduction=tokens,
                transposed=True,
                key=keys[COLUMNS],
                before=samples.start * some.words // len(samples) * heads.values,
            )
            yield panels.quantize(
                pair[ROWS],
                left.cut(columns=heads.words(samples)),
                ROWS,
                reduction=tokens,
                transposed=True,
                key=keys[ROWS],
                before=samples.start * heads.heads * heads.pitch,
            )
            yield self._sums(to, names, pair, tokens, heads.pitch, samples)

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
        names, samples = (left.tensor.name, right.name), range(heads.samples)
        yield self._sums(to, names, pair, heads.width, heads.tokens, samples)

    def _sums(
        self,
        to: Matrix,
        names: tuple[str, str],
        pair: tuple[Tensor, Tensor],
        reduction: int,
        rows: int,
        samples: range,
    ) -> Operation:
        """Return what makes sums of tokens of some samples; each head has so many panel's rows."""
        heads = self._heads
        # From a row of the results, of a token, to that of the next one.
        spread = Matrix(to.tensor, heads.tokens, to.words * heads.samples, to.values)
        spread = spread.cut(columns=range(samples.start * to.words, samples.stop * to.words))
        comment = f"{to.tensor.name} = {' '.join(names)}"
        columns = -(-heads.depth // heads.values) * heads.values
        extents = heads.depth, reduction, heads.tokens
        return self._stacked(comment, spread, heads.depth, pair, (rows, columns), samples, extents)

    def _taken(self) -> tuple[Tensor, Tensor]:
        return self._panels.take(ROWS), self._panels.take(COLUMNS)

    def _key(self, which: str, side: int, gradient: int | None) -> int | None:
        """Return the key of an operand."""
        is_one = None if gradient is None else side == gradient
        return self._panels.key(self._number, which, side, gradient=is_one)

    def _stacked(
        self,
        comment: str,
        to: Matrix,
        step: int,
        pair: tuple[Tensor, Tensor],
        rows: tuple[int, int],
        samples: range,
        extents: tuple[int, int, int],
    ) -> Operation:
        """Return the products of the heads of some samples.

        Parameters
        ----------
        comment : str
            Of the operation.
        to : Matrix
            Takes them.
        step : int
            Elements from one of them to the next.
        pair : tuple of Tensor
            Panels of all samples.
        rows : tuple of int
            Rows of a head in each.
        samples : range
            Of which samples.
        extents : tuple of int
            Columns, terms of their sums, and those of these that are not zeros.
        """
        panels, heads = self._panels, self._heads
        columns, reduction, terms = extents
        windows = [
            panels.part(panel, side, reduction, range(samples.start * pitch, samples.stop * pitch))
            for side, (panel, count) in enumerate(zip(pair, rows, strict=True))
            for pitch in [-(-count // panels.slices(side)) * panels.slices(side) * heads.heads]
        ]
        product = multiply(
            comment,
            to,
            *windows,
            m=heads.tokens,
            n=panels.columns(columns),
            blocks=panels.blocks(reduction),
            work=heads.tokens * columns * terms,
        )
        steps = [panels.distance(side, count, reduction) for side, count in enumerate(rows)]
        return stacked(product, len(samples) * heads.heads, (step, *steps))
