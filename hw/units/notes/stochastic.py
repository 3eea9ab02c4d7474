"""Notes of the units of stochastic computing."""

from typing import Any

from sw.formats import BINARY32
from sw.stochastic.bits import BitSource
from sw.stochastic.converter import StochasticConverterParameters
from sw.stochastic.lfsr import TAPS
from sw.stochastic.outer_parameters import SHIFT_BITS, OuterProductParameters

from .formats import quantizing
from .note import ARITHMETIC, RANDOM, Cycles, Notes, Port, block_ready, packets, random_words

__all__ = ["converter", "outer_product"]


def _bits(p: Any, starts: dict[str, BitSource]) -> tuple[str, ...]:
    lfsr = p.lfsr
    taps = ", ".join(map(str, TAPS[lfsr.width]))
    step = {
        "fibonacci": f"up by one place, and the parity of the places {taps} (from 1 up) enters "
        "at the bottom",
        "galois": f"up by one place; if a one leaves at the top, place 1 and the places above "
        f"{', '.join(map(str, TAPS[lfsr.width][1:]))} are turned over",
    }[lfsr.form]
    shared = {
        "shared": "one register serves all elements",
        "rotated": f"one register serves all elements; for element n its state is rotated left by "
        f"n mod {lfsr.width} places",
        "independent": "each element has a register",
    }[p.share]
    first = next(iter(starts.values()))
    below = "not above" if first.inclusive else "below"
    states = "; ".join(
        f"{name}: {', '.join(f'{s:X}' for s in each.starts[:4])}{' ...' * (len(each.starts) > 4)}"
        for name, each in starts.items()
    )
    return (
        (
            f"Magnitudes are integers of {p.bits} bits, |q| / 2^{p.bits} of the scale, from 0 to "
            f"{(1 << p.bits) - 1}."
        ),
        (
            f"{RANDOM}are the top {p.bits} bits of shift registers of {lfsr.width} bits "
            f"({lfsr.form}): a step moves the state {step}. From one word to the next are "
            f"{lfsr.leap} steps; {shared}. The first words are of these states (hexadecimal): "
            f"{states}."
        ),
        f"A bit of an element is 1 where its word is {below} its magnitude.",
    )


def converter(p: StochasticConverterParameters) -> Notes:
    """Return the notes of ``stochastic_converter``."""
    beats = p.elements // p.lanes
    return Notes(
        does=(
            (
                f"Turns vectors of {p.elements} {p.source} elements into {p.length} random bits an "
                "element, whose chance of being 1 is the element's magnitude under a power of two "
                "that the vector shares, the least that is no smaller than any; with signs and "
                "exponent."
            ),
        ),
        ports={
            "i": Port(
                order=f"Lane 0 is the first element; {beats} beats make a vector.",
                last="Free on the last beat of a vector, elsewhere an error.",
                ready=block_ready(beats, "vector"),
            ),
            "o": Port(
                order=f"{p.stream_cycles} beats a vector. bit[e x {p.parallel} + t] of beat n "
                f"is bit n x {p.parallel} + t of element e; negative[e] and exponent are in each "
                "beat.",
                last="On the last beat of a vector that had it.",
            ),
        },
        order=(
            (
                "Vectors leave in the order in which they came. While the bits of one leave the "
                "next enters."
            ),
        ),
        sums=(
            *quantizing(p.converter.format, "vector"),
            *_bits(p, {"all": p.bit_source}),
            f"Bit t of vector v, from reset on, takes word v x {p.length} + t.",
        ),
        cycles=packets(p.timing, "vectors", beats),
        flags={"nan": "Look for what is not finite in the source; the exponent code says which."},
        work=("random bits", p.elements * p.parallel),
    )


def _batch(p: OuterProductParameters, beats: int) -> Cycles:
    """Return the cycles of a batch, of which ``beats`` come before it can begin."""
    last = beats + p.timing.latency + p.timing.drain
    if p.scale == "batch":
        return Cycles(
            formula=f"{last} for a batch of n = {p.batch}",
            sizes=("n pairs of a batch",),
            cases=((p.batch,),),
            count=lambda n: last,
        )
    return Cycles(
        formula=f"(n - 1) x {p.period} + {last} for a batch of n",
        sizes=("n pairs of a batch",),
        cases=tuple((n,) for n in (1, 2, 10, p.batch) if n <= p.batch),
        count=lambda n: (n - 1) * p.period + last,
    )


def outer_product(p: OuterProductParameters) -> Notes:
    """Return the notes of ``outer_product``."""
    even, odd = p.x_sources
    d_even, d_odd = p.d_sources
    starts = {"x, even pairs": even, "x, odd": odd, "d, even pairs": d_even, "d, odd": d_odd}
    given = p.rows * p.columns // p.results
    shared = p.scale == "batch"
    ends = (
        f"A batch is {p.batch} pairs; tlast may come with its last pair's last beats alone."
        if shared
        else f"tlast with the last beat of a pair's x and of its d ends a batch; the {p.batch}th "
        "pair of a batch ends it in any case."
    )
    alone = (
        "On the last beat of another pair it does nothing, but is flagged"
        if shared
        else "On one of both alone it ends the batch too, with right results, and is flagged"
    )
    last = (
        f"{ends} {alone} when the pair starts, not with the beat. Inside a vector it is flagged "
        "in the cycle behind the beat's, and does nothing else."
    )

    def vector(what: str, elements: int) -> Port:
        return Port(
            order=f"Lane 0 is the first element of {what}; {elements // p.lanes} beats a vector.",
            last=last,
            ready=block_ready(elements // p.lanes, "vector", "what is behind"),
        )

    what = "results" if p.weights == "none" else "weights less the results"
    weights = {
        "i_w": Port(
            order="As the results: row by row, each beat's weights in the order of its results.",
            last="Free, of no account.",
            ready="When the results of its beat are there, and there is room.",
        )
    }
    beats = p.scaled_pairs * max(p.rows, p.columns) // p.lanes
    exact = p.sum_bits - 1 <= BINARY32.fraction_bits + 1
    rate = (
        f"multiplied by 2^-shift, shift the register of {SHIFT_BITS} bits, and given in binary32, "
        + ("exact in its range" if exact else "rounded once")
        if p.rate == "shift"
        else f"put in binary32, {'exactly' if exact else 'rounded once'}, then multiplied by the "
        "register rate in binary32, and rounded"
    )
    blocks = quantizing(p.weight_format) if p.weight_format else ()
    subtract = (
        ()
        if p.weights == "none"
        else ("Each result is taken off its weight in binary32, rounded once more.", *blocks)
    )
    drawn = p.weight_format and p.weight_format.rounding == "stochastic"
    random = (random_words(p.weight_format.random_bits),) if p.weight_format and drawn else ()
    return Notes(
        does=(
            f"Adds up the outer products d x^T of pairs of vectors, d of {p.rows} elements and x "
            f"of {p.columns}, over a batch of at most {p.batch} pairs, and gives {what}, {p.rows} "
            f"x {p.columns} values in binary32"
            + (f" or {p.weight_format.name} blocks." if p.weight_format else "."),
            (
                f"Each product is the count of the random bits, of {p.length}, that both elements "
                "have in common: no multiplier. It works whenever data come, without a start."
            ),
        ),
        ports={
            "i_x": vector("x", p.columns),
            "i_d": vector("d", p.rows),
            **(weights if p.weights != "none" else {}),
            "o": Port(
                order=f"{given} beats a batch, row by row: beat n has row n div "
                f"{p.columns // p.results}, columns from (n mod {p.columns // p.results}) x "
                f"{p.results} on, lowest first; row is the element of d, column that of x.",
                last="On the last beat of a batch.",
            ),
        },
        order=(
            (
                "Pair n is vector n of x and vector n of d; the streams may run apart by as much "
                "as is buffered. Results of a batch leave while the next is counted."
            ),
        ),
        sums=(
            *quantizing(p.x_converter.format, "batch" if shared else "vector"),
            *_bits(p, starts),
            (
                f"A pair uses {p.words} words of its sources (even and odd pairs, counted from "
                f"reset, have their own); the rows of group g = row div {p.group_rows} begin at "
                f"word g x {p.parallel}, for x and d alike. The count of (row, column) is of the "
                f"{p.length} words in which both bits are 1; its sign is the exclusive or of both "
                "elements' signs."
            ),
            (
                f"Counts get {p.guard} bits behind them. A batch's sum begins with its first pair. "
                "A pair whose exponents' sum is lower moves right, as does the sum before one that "
                "is higher, rounded to nearest, a half up (of the pair its magnitude, of the sum "
                "its integer)."
            ),
            (
                "A sum of the exponent codes' sum C (the highest of the batch) is worth 2^(C - "
                f"{-p.unit}) a unit. It is {rate}."
            ),
            (
                "A batch with a NaN or an infinity in a vector gives "
                + ("7FC00000 in all results." if p.weights == "none" else "NaN in all results.")
            ),
            *subtract,
            ARITHMETIC,
            *random,
        ),
        cycles=_batch(p, beats),
        flags={
            "nan": "All results of the batch are NaN: look for a NaN or an infinity in its "
            "vectors. Those of other batches are right.",
            "framing": "Results are right, of the batches that there are: find the tlast that is "
            "inside a vector"
            + (" or of another pair than a batch's last" if shared else " or of one vector alone")
            + ", or the padding, and correct the source. If a beat was lost, abort and send again.",
        },
        work=("counts of bits", p.rows * p.columns * p.parallel),
    )
