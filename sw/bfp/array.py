"""Parameters and model of the BFP matrix-multiply array."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import divides, instance, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, BlockFormat, MxFormat, binary32, read_format
from ..formats.binary32 import ADDER_LATENCY
from ..formats.blocks import Blocks
from ..formats.tensor_scale import product_scale
from ..parameters import Parameters
from ..timing import Timing
from .dot import FORMAT_PRESETS, DotParameters, block_value, operand_bits
from .stages import SumStages, has_tensor_scale
from .sums import sum_of_products
from .window import Window

__all__ = [
    "ArrayParameters",
    "check_accumulators",
    "check_operands",
    "common_block",
    "common_step",
    "gemm",
    "matmul",
    "scaled",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArrayParameters(Parameters):
    """Parameters of ``bfp_array``, an output-stationary array of dot products.

    Parameters
    ----------
    rows, columns : int
        Shape of a tile of results; each has its own dot product, 1..64.
    lanes : int
        Products a cycle of each; divides the block's extent along the reduction.
    format : BlockFormat
        Format of both operands.
    window, multiplier, target
        As in `DotParameters`.
    """

    PRESETS: ClassVar = FORMAT_PRESETS
    LATER: ClassVar = ("window",)

    rows: int = 4
    columns: int = 4
    lanes: int = 8
    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    window: int | None = None
    multiplier: str = "logic"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", read_format(self.format))
        whole("rows", self.rows, 1, 64)
        whole("columns", self.columns, 1, 64)
        assert self.dot

    @property
    def dot(self) -> DotParameters:
        """Parameters of one element's dot product."""
        return DotParameters(
            format=self.format,
            lanes=self.lanes,
            window=self.window,
            multiplier=self.multiplier,
            target=self.target,
        )

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.dot.beats

    @property
    def groups(self) -> list[range]:
        """Rows that share a fp32 adder: consecutive ones, as many as a block has beats."""
        step = min(self.beats, self.rows)
        return [range(r, min(r + step, self.rows)) for r in range(0, self.rows, step)]

    def tiles(self, m: int, n: int) -> int:
        """Tiles of an ``m`` x ``n`` result."""
        return -(-m // self.rows) * -(-n // self.columns)

    def blocks(self, k: int) -> int:
        """Blocks along a reduction of ``k``."""
        return -(-k // self.format.reduction)

    def cycles(self, m: int, n: int, k: int) -> int:
        """Cycles of an ``m`` x ``n`` x ``k`` product without stalls, see `Timing.job`."""
        return self.timing.job(self.tiles(m, n), self.blocks(k) * self.beats)

    @property
    def timing(self) -> Timing:
        """From a tile's last beat to its first row.

        A register, the stages, another, the product with the scales of tensors, the FIFO.
        """
        latency = 1 + self.stages.result + 2 + self.stages.tensor_scale
        return Timing(latency=latency, interval=self.rows, drain=self.rows - 1)

    @property
    def stages(self) -> SumStages:
        """Pipeline stages of a column."""
        return SumStages(self.dot, self.accumulators.bit_length() - 1)

    @property
    def accumulators(self) -> int:
        """Interleaved accumulators: blocks ``k`` of equal ``k % accumulators`` share one, in order.

        A block's sum comes every `beats` cycles and an addition takes `ADDER_LATENCY`, so there
        are as many as are needed to wait for none; a power of two. At the end of a tile they are
        added pairwise.
        """
        return 1 << max(0, -(-ADDER_LATENCY // self.beats) - 1).bit_length()


def common_step(formats: tuple[BlockFormat, BlockFormat]) -> int:
    """Check that blocks of two formats can be multiplied; return the shorter one's reduction."""
    a, b = formats
    step, other = sorted((a.reduction, b.reduction))
    if other % step:
        raise UserError(
            f"blocks of a and b must divide one another, not {a.reduction} of {a.name} and "
            f"{b.reduction} of {b.name}"
        )
    if len({has_tensor_scale(format) for format in formats}) > 1:
        raise UserError(
            f"a and b must both have a scale a tensor or neither, not {a.name} and {b.name}"
        )
    return step


def common_block(a: Blocks, b: Blocks) -> int:
    """Check that ``a`` (m, k) and ``b`` (k, n) can be multiplied; return their shorter block."""
    a, b = instance("a", a, Blocks), instance("b", b, Blocks)
    step = common_step((a.format, b.format))
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[0]:
        raise UserError(f"a and b must be (m, k) and (k, n), not {a.shape} and {b.shape}")
    if a.axis == 0 or b.axis == 1:
        raise UserError(
            f"a must be blocked along axis 1 and b along axis 0, not {a.axis} and {b.axis}"
        )
    return step


def check_accumulators(accumulators: int) -> None:
    """Check a number of interleaved accumulators."""
    if whole("accumulators", accumulators, 1, 64) & (accumulators - 1):
        raise UserError(f"accumulators must be a power of two, not {accumulators}")


def check_window(
    window: Window | None, formats: tuple[BlockFormat, BlockFormat], step: int
) -> None:
    """Check that both operands have the elements of a window, whose beats make up blocks."""
    if window is None:
        return
    instance("window", window, Window)
    divides("window.lanes", window.lanes, step, f"the block of {step}")
    for format in formats:
        if format.element != window.element:
            raise UserError(f"window must be one of the elements of {format.name}")


def gemm(
    a: Blocks, b: Blocks, *, accumulators: int = 1, window: Window | None = None
) -> npt.NDArray[np.float32]:
    """Return the matrix product of blocks in binary32, added up as the array does it.

    Block ``k`` of the reduction gives an exact integer sum, rounded once, which is added to
    accumulator ``k % accumulators``; these start at +0. At the end they are added in neighbouring
    pairs, then those sums likewise, beginning with the one whose last addition is the oldest; one
    that has had none is +0. Last, scales of tensors are multiplied, see `product_scale`.

    Parameters
    ----------
    a : Blocks, (m, k)
        Blocked along axis 1, or square.
    b : Blocks, (k, n)
        Blocked along axis 0, or square; of two formats the longer block is a multiple of the
        shorter, which is the one meant above.
    accumulators : int
        Interleaved accumulators, a power of two.
    window : Window or None
        That of the products of floats, of which both operands are then; None for exact sums.

    Returns
    -------
    array of float32, (m, n)
    """
    step = common_block(a, b)
    formats = a.format, b.format
    check_accumulators(accumulators)
    blocks = -(-a.shape[1] // step)
    code_a = a.codes(0).repeat(a.format.reduction // step, 1)
    code_b = b.codes(1).repeat(b.format.reduction // step, 0)
    bits = operand_bits(formats, step)
    check_window(window, formats, step)
    partial = [np.zeros((a.shape[0], b.shape[1]), np.float32)] * accumulators
    for k in range(blocks):
        part = slice(k * step, (k + 1) * step)
        qa, qb = a.mantissa[:, part], b.mantissa[part]
        if window:
            total, exponent = window.sum(qa[:, None], qb.T[None], sum(bits))
        else:
            total, exponent = sum_of_products(qa, qb, np.matmul, bits)
        value = block_value(formats, total, code_a[:, k, None], code_b[k], exponent)
        partial[k % accumulators] = binary32.add(partial[k % accumulators], value)
    oldest = blocks % accumulators
    partial = partial[oldest:] + partial[:oldest]
    while len(partial) > 1:
        partial = [binary32.add(x, y) for x, y in zip(partial[::2], partial[1::2], strict=True)]
    return scaled(partial[0], a, b)


def scaled(sums: npt.NDArray[np.float32], a: Blocks, b: Blocks) -> npt.NDArray[np.float32]:
    """Return sums of products times the scales of their tensors, if the formats have these."""
    formats = a.format, b.format
    if not isinstance(formats[0], MxFormat) or not formats[0].has_tensor_scale:
        return sums
    assert isinstance(formats[1], MxFormat)
    return binary32.multiply(sums, product_scale((formats[0], formats[1]), (a.amax, b.amax)))


def matmul(parameters: ArrayParameters, a: Blocks, b: Blocks) -> npt.NDArray[np.float32]:
    """Return what ``bfp_array`` makes of two matrices: `gemm` in its format."""
    check_operands(parameters, a, b)
    alignment = parameters.dot.alignment
    return gemm(a, b, accumulators=parameters.accumulators, window=alignment)


def check_operands(parameters: ArrayParameters, a: Blocks, b: Blocks) -> None:
    """Check that two matrices can be multiplied by ``bfp_array``, which has a format."""
    form = instance("parameters", parameters, ArrayParameters).format
    common_block(a, b)
    for name, blocks in (("a", a), ("b", b)):
        if blocks.format != form:
            raise UserError(f"{name} must be in {form.name}, not in {blocks.format.name}")
