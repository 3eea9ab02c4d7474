"""Parameters and model of the BFP dot product."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, choice, divides, instance, whole
from ..errors import UserError
from ..formats import BLOCK_FORMATS, BlockFormat, MxFormat, binary32, read_format
from ..formats.blocks import Blocks
from ..formats.converter import ConverterParameters, convert
from ..formats.element import FloatElement
from ..formats.presets import MX_FORMATS
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from ..words import Words, stream_key
from .stages import DotStages, has_tensor_scale
from .sums import EXACT_BITS, sum_of_products
from .window import Window

__all__ = [
    "FORMAT_PRESETS",
    "MULTIPLIERS",
    "TARGETS",
    "DotParameters",
    "block_value",
    "default_lanes",
    "dot",
    "operand_bits",
]

MULTIPLIERS = ("logic", "dsp")


def default_lanes(format: BlockFormat) -> int:
    """Return the largest number of lanes up to 8 that divides a block's reduction."""
    return max(n for n in range(1, 9) if format.reduction % n == 0)


FORMAT_PRESETS: dict[str, dict[str, Any]] = {
    name: {"format": name, "lanes": default_lanes(format)}
    for name, format in (BLOCK_FORMATS | MX_FORMATS).items()
}
"""A format and its lanes by the format's name; a window too where exact sums are the widest."""

FORMAT_PRESETS["mxfp8_e5m2"]["window"] = 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class DotParameters(Parameters):
    """Parameters of ``bfp_dot``.

    Parameters
    ----------
    format : BlockFormat
        Format of both operands.
    lanes : int
        Products a cycle; divides the block's extent along the reduction.
    operands : str
        ``block``: mantissas and exponents; ``binary32``: converted on the way in, which takes
        ``lanes`` equal to the block; not with an `MxFormat`.
    window : int or None
        Bits that are kept of the largest of a beat's products of floats, and of the others down to
        the same place, see `Window`; None for exact sums.
    multiplier : str
        ``logic`` or ``dsp`` (two narrow products in one 18 x 18 multiplier where they fit); floats
        take ``logic``.
    target : str
        Whose primitives the logic may instantiate: ``generic`` (none), ``ecp5`` or ``xilinx``.
    seed : int
        Of the random words after reset under ``operands="binary32"``, see `streams`.
    """

    PRESETS: ClassVar = FORMAT_PRESETS
    LATER: ClassVar = ("window",)

    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    lanes: int = 8
    operands: str = "block"
    window: int | None = None
    multiplier: str = "logic"
    target: str = "generic"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", read_format(self.format))
        whole("lanes", self.lanes, 1, 1024)
        block = self.format.reduction
        divides("lanes", self.lanes, block, f"the block of {block} of {self.format.name}")
        choice("operands", self.operands, ("block", "binary32"))
        if self.operands == "binary32" and isinstance(self.format, MxFormat):
            raise UserError(
                f"operands must be block in {self.format.name}: only formats of block floating "
                "point are converted inside"
            )
        if self.operands == "binary32" and self.lanes != self.format.block_elements:
            raise UserError(
                f"lanes must be the whole block of {self.format.block_elements} when operands are "
                f"binary32, not {self.lanes}"
            )
        choice("multiplier", self.multiplier, MULTIPLIERS)
        choice("target", self.target, TARGETS)
        whole("seed", self.seed, 1, 2**32 - 1)
        self._check_floats()

    def _check_floats(self) -> None:
        """Check what depends on whether elements are floats."""
        element, name = self.format.element, self.format.name
        if isinstance(element, FloatElement):
            if self.multiplier != "logic":
                raise UserError(
                    f"multiplier must be logic in {name}, whose significands are few bits, not "
                    f"{self.multiplier!r}"
                )
            if self.window is not None:
                Window(element, self.window, self.lanes)
        elif self.window is not None:
            raise UserError(f"window has no effect in {name}: its products have no exponents")
        _ = self.operand_bits

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.format.reduction // self.lanes

    @property
    def timing(self) -> Timing:
        """Cycles from a block's last beat to its result, and its beats."""
        quantize = self.converter.timing.latency if self.operands == "binary32" else 0
        latency = quantize + DotStages(self).value + 1
        return Timing(latency=latency, interval=self.beats)

    @property
    def alignment(self) -> Window | None:
        """The window of a beat's products; None where sums are exact."""
        element = self.format.element
        if self.window is None or not isinstance(element, FloatElement):
            return None
        return Window(element, self.window, self.lanes)

    @property
    def converter(self) -> ConverterParameters:
        """Parameters of each operand's converter under ``operands="binary32"``."""
        return ConverterParameters(format=self.format, lanes=self.lanes, seed=self.seed)

    @property
    def streams(self) -> tuple[Words, Words]:
        """The random words of ``a`` and ``b`` after reset: uses 0 and 1 of the seed."""
        first, second = (Words(key=stream_key(self.seed, use=use)) for use in (0, 1))
        return first, second

    @property
    def operand_bits(self) -> tuple[int, int]:
        """Bits of the operands of a block's sum, see `operand_bits`."""
        return operand_bits((self.format, self.format), self.format.reduction)

    @property
    def product_sum_bits(self) -> int:
        """Width of the exact signed sum of one beat's products."""
        return _signed_bits(self.format, self.lanes)

    @property
    def sum_bits(self) -> int:
        """Width of the exact signed sum of a block's products."""
        return _signed_bits(self.format, self.format.reduction)


def _signed_bits(format: BlockFormat, terms: int) -> int:
    """Return the width that holds the sum of ``terms`` products, never guessed."""
    return (terms * format.most_negative**2).bit_length() + 1


def operand_bits(formats: tuple[BlockFormat, BlockFormat], terms: int) -> tuple[int, int]:
    """Return the bits of two operands of `sum_of_products`, of ``terms`` products.

    Raises `UserError` where the sums are too wide to be multiplied by the significands of scales.
    """
    first, second = (format.magnitude_bits for format in formats)
    bits = first, second + terms.bit_length()
    for format in formats:
        if has_tensor_scale(format) and sum(bits) > EXACT_BITS:
            raise UserError(
                f"format must have sums of products of up to {EXACT_BITS} bits under a scale with "
                f"a significand, not {sum(bits)} as {format.name}"
            )
    return bits


def block_value(
    formats: tuple[BlockFormat, BlockFormat],
    total: npt.ArrayLike,
    code_a: npt.ArrayLike,
    code_b: npt.ArrayLike,
    exponent: npt.ArrayLike = 0,
) -> npt.NDArray[np.float32]:
    """Return the binary32 of a block's exact integer sum of products, rounded once.

    The scales of tensors are left out.

    ``formats`` are those of both operands; ``total * 2**exponent`` is the sum, see
    `sum_of_products`.
    """
    total = array("total", total, "integer").astype(np.int64)
    scale, nan = array("exponent", exponent, "integer").astype(np.int64), np.False_
    for format, code in zip(formats, (code_a, code_b), strict=True):
        code = array("code", code, "integer").astype(np.int64)
        scale = scale + format.last_place(code)
        total = total * format.factor(code)
        nan = nan | (code == format.nan_code)
    return binary32.from_integer(total, scale, nan)


def dot(
    parameters: DotParameters,
    a: Blocks | npt.ArrayLike,
    b: Blocks | npt.ArrayLike,
    *,
    random: tuple[Words, Words] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the dot product of each pair of blocks in binary32: exact inside, rounded once.

    Under a window products lose their lowest places before, see `Window`. Scales of tensors are
    left out. A result beyond binary32 is an infinity, one below its normal numbers a zero, and one
    from a block of NaN is NaN.

    Parameters
    ----------
    parameters : DotParameters
        Of the dot unit.
    a, b : Blocks
        Of one shape, blocked along the last axis (square blocks: each row of a tile is a block).
        Under ``operands="binary32"``: float32 arrays (blocks, elements of a block).
    random : pair of Words, or None
        Those of ``a`` and ``b``, as of `convert`; None is ``parameters.streams``, as after reset.

    Returns
    -------
    array of float32
        In the shape of ``a``, with the number of blocks as the last extent.
    """
    format = instance("parameters", parameters, DotParameters).format
    if parameters.operands == "binary32":
        if isinstance(a, Blocks) or isinstance(b, Blocks):
            raise UserError("a and b must be float32 arrays where operands are binary32")
        pairs = zip((a, b), random or parameters.streams, strict=True)
        (qa, code_a, _), (qb, code_b, _) = (
            convert(parameters.converter, x, random=words) for x, words in pairs
        )
        qa, qb = (format.element.decode(code) for code in (qa, qb))
        if qa.shape != qb.shape:
            raise UserError(f"a and b must have one shape, not {qa.shape} and {qb.shape}")
        total, exponent = sum_of_products(
            qa, qb, lambda x, y: np.einsum("ij,ij->i", x, y), parameters.operand_bits
        )
        return block_value((format, format), total, code_a, code_b, exponent)
    if not isinstance(a, Blocks) or not isinstance(b, Blocks):
        raise UserError("a and b must be Blocks where operands are blocks")
    if not a.format == b.format == format:
        raise UserError(
            f"a and b must be in {format.name}, not {a.format.name} and {b.format.name}"
        )
    last = len(a.shape) - 1
    if a.shape != b.shape or not {a.axis, b.axis} <= {last, None}:
        raise UserError(
            f"a and b must have one shape and be blocked along their last axis, not {a.shape} "
            f"along {a.axis} and {b.shape} along {b.axis}"
        )
    if parameters.alignment:
        missing = [(0, 0)] * last + [(0, -a.shape[-1] % format.reduction)]
        shape = (*a.shape[:-1], -1, format.reduction)
        qa, qb = (np.pad(x.mantissa, missing).reshape(shape) for x in (a, b))
        total, exponent = parameters.alignment.sum(qa, qb, parameters.sum_bits - 1)
        return block_value((format, format), total, a.codes(-2), b.codes(-2), exponent)
    starts = np.arange(0, a.shape[-1], format.reduction)
    total, exponent = sum_of_products(
        a.mantissa,
        b.mantissa,
        lambda x, y: np.add.reduceat(x * y, starts, axis=-1),
        parameters.operand_bits,
    )
    return block_value((format, format), total, a.codes(-2), b.codes(-2), exponent)
