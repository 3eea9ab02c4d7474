"""Elements of block formats on the wire, and blocks that a regression must not miss."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.checks import array
from sw.formats import FLOAT_FORMATS, BlockFormat, MxFormat, binary32, blocks
from sw.formats.blocks import Blocks

from ..bench import Design, Result, run
from ..registers import readable
from ..report import insist
from ..streams import pack, unpack

__all__ = [
    "blocks_of",
    "decode",
    "encode",
    "random_blocks",
    "run_blocks",
    "source_beats",
    "to_source",
    "with_all_codes",
]


def encode(mantissa: npt.ArrayLike, format: BlockFormat) -> npt.NDArray[np.int64]:
    """Return the codes of elements, in the type in which streams are unpacked."""
    return blocks.encode(mantissa, format).astype(np.int64)


def decode(
    code: npt.ArrayLike, format: BlockFormat, result: Result | None = None
) -> npt.NDArray[np.int32]:
    """Return the elements of codes; -0, which no circuit should give, raises ContentError.

    ``result`` is the run that gave them, which the error names.
    """
    code = array("code", code, "integer")
    mantissa = blocks.decode(code, format)
    wrong = encode(mantissa, format) != code
    insist(~wrong, f"{wrong.sum()} elements are -0", result)
    return mantissa


def run_blocks(
    design: Design,
    beats: npt.NDArray[Any],
    last: npt.NDArray[Any],
    results: int | None = None,
    **options: Any,
) -> Result:
    """Return the run of a unit of one stream in and one out, with all its registers.

    ``last`` is ``tlast`` of the beats; ``results`` are those that leave, if not as many.
    """
    return run(
        design,
        inputs={"s_axis": beats},
        last={"s_axis": last.ravel()},
        outputs={"m_axis": last.size if results is None else results},
        reads=readable(design.manifest),
        **options,
    )


def blocks_of(
    stream: Mapping[str, Any], result: Result, last: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int32]]:
    """Return the codes of elements and of scales of the blocks that a unit gave.

    ``last`` has what ``tlast`` must be, a row a block.
    """
    insist(result.last["m_axis"] == last.ravel(), "tlast does not follow its block", result)
    fields = unpack(stream, result.outputs["m_axis"])
    codes = fields["exponent"].reshape(last.shape)
    insist(codes == codes[:, :1], "the beats of a block differ in exponent", result)
    code = np.ascontiguousarray(codes[:, 0]).astype(np.int32)
    return fields["mantissa"].astype(np.uint32), code


def source_beats(
    stream: Mapping[str, Any], x: npt.ArrayLike, source: str, lanes: int
) -> npt.NDArray[np.uint8]:
    """Return the beats of values that a format holds exactly, ``lanes`` of them a beat."""
    words = binary32.to_bits(x, FLOAT_FORMATS[source])
    return pack(stream, {"value": words.reshape(-1, lanes)})


def to_source(x: npt.ArrayLike, source: str) -> npt.NDArray[np.float32]:
    """Return binary32 values cut to those of a narrower format."""
    x = np.asarray(x, np.float32)
    if source == "binary16":
        with np.errstate(over="ignore", invalid="ignore"):
            return x.astype(np.float16).astype(np.float32)
    dropped = 23 - FLOAT_FORMATS[source].fraction_bits
    bits = x.view(np.uint32) >> np.uint32(dropped) << np.uint32(dropped)
    return bits.view(np.float32)


def with_all_codes(rng: np.random.Generator, given: Blocks) -> Blocks:
    """Return blocks with some elements of the code that no quantizer makes, if there is one.

    In an `MxFormat` they have some of any code, and some scales; a scale a tensor becomes one by
    which most results are finite.
    """
    format = given.format
    if isinstance(format, MxFormat):
        return _with_any_codes(rng, given, format)
    if format.lowest == format.most_negative:
        return given
    some = rng.random(given.shape) < 0.1
    code = format.element.encode(np.array(format.most_negative))
    return dataclasses.replace(given, code=np.where(some, code, given.code))


def _with_any_codes(rng: np.random.Generator, given: Blocks, format: MxFormat) -> Blocks:
    # Under a scale a tensor, which has the largest block, others are all but zeros.
    share = 0.9 if format.has_tensor_scale else 0.2
    codes = []
    for code, most in (
        (given.code, (1 << format.element_bits) - 1),
        (given.exponent, format.nan_code),
    ):
        other = rng.integers(0, most + 1, code.shape)
        codes.append(np.where(rng.random(code.shape) < share, other, code))
    amax = given.amax
    if format.has_tensor_scale:
        amax = np.float32(2.0 ** rng.integers(-8, 8) * rng.choice([1, 1, 1, 2.0**60, 2.0**-60]))
    return dataclasses.replace(given, code=codes[0], exponent=codes[1], amax=amax)


def random_blocks(
    rng: np.random.Generator, count: int, elements: int, *, extreme: float = 0.2
) -> npt.NDArray[np.float32]:
    """Return blocks (count, elements); ``extreme`` is the share of the unusual ones.

    These are zeros, subnormals, powers of two, a NaN or infinity, largest and smallest exponents.
    """
    sign = rng.integers(0, 2, (count, elements), np.uint32) << np.uint32(31)
    fraction = rng.integers(0, 1 << 23, (count, elements), np.uint32)
    top = rng.integers(115, 140, (count, 1))
    kind = np.where(rng.random(count) < extreme, rng.integers(1, 7, count), 0)[:, None]
    top = np.where(kind == 1, rng.integers(1, 255, (count, 1)), top)
    top = np.where(kind == 2, rng.choice([1, 2, 253, 254], (count, 1)), top)
    spread = rng.integers(0, rng.integers(1, 25, (count, 1)), (count, elements))
    exponent = np.maximum(top - spread, 0)
    exponent = np.where((kind == 3) | (rng.random((count, elements)) < 0.05), 0, exponent)
    fraction = np.where((kind == 4) | (rng.random((count, elements)) < 0.02), 0, fraction)
    odd = (kind == 5) & (rng.random((count, elements)) < 0.1)
    exponent = np.where(odd, 255, exponent)
    exponent, fraction = (np.where(kind == 6, 0, part) for part in (exponent, fraction))
    return (sign | exponent.astype(np.uint32) << np.uint32(23) | fraction).view(np.float32)
