"""Notes of the units that convert between formats."""

from sw.formats import BlockFormat, MxFormat
from sw.formats.converter import ConverterParameters
from sw.formats.hadamard import HadamardParameters
from sw.formats.scale import FloatScale, MxScale, PowerOfTwoScale
from sw.formats.stages import SCALE_CYCLES, has_tensor_scale
from sw.formats.tensor_amax import TensorAmaxParameters

from .note import FIFO_READY, Notes, Port, block_ready, packets, random_words

__all__ = ["converter", "hadamard", "quantizing", "tensor_amax"]

_ROUNDINGS = {
    "truncate": "toward zero",
    "nearest_even": "to nearest, ties to even",
    "nearest_away": "to nearest, ties away from zero",
}


def quantizing(form: BlockFormat, what: str = "block") -> tuple[str, ...]:
    """Return how a block format's quantizer chooses scales and rounds elements.

    ``what`` is what its blocks are.
    """
    return _scale(form, what), _rounding(form)


def _scale(form: BlockFormat, what: str) -> str:
    scale = form.scale
    top = f"With top the largest magnitude of the {what}'s elements"
    if isinstance(scale, PowerOfTwoScale):
        which = "floor(log2(top)) + 1" if scale.exponent_rule == "floor" else "ceil(log2(top))"
        return (
            f"{top}, E = {which}; the code c = E + {scale.bias - 1} is clamped to "
            f"{scale.lowest_code}..{scale.highest_code}. A {what} of zeros has "
            f"{scale.lowest_code}, one with a NaN or an infinity {scale.nan_code} and elements of "
            f"0. q = 1 is worth 2^(c - {-int(form.last_place(0))})."
        )
    if isinstance(scale, MxScale):
        element = form.element
        more = {
            "floor": "",
            "ceil": ", and one more unless top is a power of two",
            "even": ", and one more where top rounds up to the next power of two, to the "
            f"{element.fraction_bits} fraction bits of an element, half away from zero",
            "rceil": ", and one more where top divided by the element's largest number, as the "
            "binary32 product with its rounded reciprocal, is above that power of two",
            "below": ", and one more where top is the element's largest number or beyond",
        }[scale.rule]
        return (
            f"{top}, c = floor(log2(top)) - {element.emax} + 127{more}; clamped to 0..254. A block "
            "of zeros has 0, one with a NaN or an infinity 255 and elements of the code "
            f"{element.nan_code:X} hexadecimal."
        )
    assert isinstance(scale, FloatScale)
    return (
        f"{top} and amax that of the tensor, from the register: S_enc = {6 * scale.largest} / amax "
        "(1 if amax is 0), S_dec = 1 / S_enc, c = UE4M3 of top x (S_enc x (1 / 6)) to nearest "
        "even, saturating at 126; elements are multiplied by min(1 / (scale(c) x S_dec), the "
        "largest binary32). Every step is binary32, to nearest even. A block with a NaN or an "
        "infinity has 127 and elements of 0."
    )


def _rounding(form: BlockFormat) -> str:
    rounding = form.rounding
    if rounding == "stochastic":
        bits = form.random_bits
        how = (
            f"to floor(|x| / unit + w / 2^{bits}), w a random word of {bits} bits; |x| / unit is "
            f"cut to {bits} places behind the point before"
        )
    else:
        how = _ROUNDINGS[rounding]
    end = (
        "what is negative and becomes zero is +0"
        if not isinstance(form, MxFormat)
        else "floats keep the sign of what becomes zero"
    )
    place = " (a float by the last place of its own binade)" if isinstance(form, MxFormat) else ""
    return (
        f"Each element is divided by what q = 1 is worth{place} and its magnitude is rounded "
        f"{how}. Beyond the largest q, {form.element.largest}, it is the largest; {end}. "
        "Subnormal elements of the source are zeros."
    )


def converter(p: ConverterParameters) -> Notes:
    """Return the notes of ``bfp_converter``."""
    form = p.format
    shape = form.shape.text
    axes = ", its last axis first" if len(form.block) > 1 else ""
    random = (random_words(form.random_bits),) if form.rounding == "stochastic" else ()
    job: tuple[str, ...] = ()
    if random:
        job += (
            (
                "After reset the words are those of the key in stream_low and stream_high's reset "
                "values. For others write both and then 1 to restart, with no elements inside."
            ),
        )
    if has_tensor_scale(form):
        job += (
            (
                "Write amax, the tensor's largest magnitude, before its first element and not "
                "before the last one of the tensor before is out; nothing is taken for "
                f"{SCALE_CYCLES} cycles."
            ),
        )
    return Notes(
        does=(
            (
                f"Takes {p.source} elements, {p.lanes} a beat, and gives them in blocks of {shape} "
                f"in {form.name}: each beat becomes a beat, once the largest element of its block "
                "is known."
            ),
        ),
        ports={
            "i": Port(
                order=f"Lane 0, the lowest bits, is the first element; {p.beats} beats make a "
                f"block of {shape}{axes}.",
                last="Free on the last beat of a block, where it ends a packet; elsewhere an "
                "error. It leaves with the beat that it came with.",
                ready=block_ready(p.beats),
            ),
            "o": Port(
                order="As they came. Each beat of a block has the same exponent code.",
                last="With the beat that had it.",
            ),
        },
        order=(
            (
                f"Blocks follow one another without a gap; {p.beats} beats of a block in, "
                f"{p.beats} out."
            ),
        ),
        sums=(*quantizing(form), *random),
        cycles=packets(p.timing, "blocks", p.beats),
        job=job,
        flags={
            "nan": "Look for NaN and infinities in the source: their blocks are NaN whole.",
        },
        work=("elements", p.lanes),
    )


def hadamard(p: HadamardParameters) -> Notes:
    """Return the notes of ``hadamard``."""
    significand, power = p.scale
    scale = f"2^{power}" if significand == 1 else f"{significand:#x} x 2^{power}"
    return Notes(
        does=(
            (
                f"Transforms tiles of {p.tile} elements: y_j = scale x sum over i of (-1)^(s_i + "
                "popcount(i and j)) x x_i, with the signs s of the register `signs` and the scale "
                f"{scale}, which is 1 / sqrt({p.tile})."
            ),
        ),
        ports={
            "i": Port(
                order=f"Lane 0 is the first element; {p.beats} beats make a tile.",
                last="Free on the last beat of a tile, elsewhere an error.",
                ready=FIFO_READY,
            ),
            "o": Port(
                order=f"y_0 first, {p.lanes} a beat, {p.beats} beats a tile.",
                last="On a tile's last beat, if the tile had it.",
            ),
        },
        order=("Tiles leave in the order in which they came.",),
        sums=(
            (
                "The sum of a tile is exact, in fixed point; with the scale it is rounded once, to "
                f"nearest even, to {p.result}. Below the normal numbers it becomes a zero of its "
                "sign, beyond them an infinity; a sum of 0 is +0. Infinities of one sign give an "
                "infinity, of unequal sign, or with a NaN, a NaN. Subnormal elements are zeros."
            ),
        ),
        cycles=packets(p.timing, "tiles", p.beats),
        job=("`signs` counts for tiles whose first beat comes after the write.",),
        work=("elements", p.lanes),
    )


def tensor_amax(p: TensorAmaxParameters) -> Notes:
    """Return the notes of ``tensor_amax``."""
    return Notes(
        does=(
            (
                "Finds the largest magnitude of the finite elements of each packet, a tensor, and "
                "gives it in binary32 (exactly), 0 where there is none."
            ),
        ),
        ports={
            "i": Port(
                order="Any order. A beat that a tensor does not fill is filled up with zeros.",
                last="On the last beat of a tensor, which may have any number of beats from 1 on.",
                ready=FIFO_READY,
            ),
            "o": Port(order="A beat for each tensor, in order.", last="On every beat."),
        },
        order=("Results come in the order of the tensors.",),
        sums=("Nothing is rounded. NaN, infinities and subnormal elements are left out.",),
        cycles=packets(p.timing, "beats of one tensor", 1),
        flags={"nan": "Look for what is not finite in the tensor: it was left out of the result."},
        work=("elements", p.lanes),
    )
