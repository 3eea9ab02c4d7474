"""Notes of the units of sparse training, but for the array and the blocks."""

from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.weight_regenerator import RegeneratorParameters

from .note import ARITHMETIC, FIFO_READY, Notes, Port, packets

__all__ = ["load_balancer", "quantile_estimator", "weight_regenerator"]


def load_balancer(p: BalancerParameters) -> Notes:
    """Return the notes of ``load_balancer``."""
    most = (1 << p.count_bits) - 1
    sort = {
        0: ("Nothing is moved: row l has the sub-tile l.",),
        1: (
            (
                "Sub-tiles are sorted by their counts, larger first, of equal ones the lower "
                "number first. PE row l takes the l-th from the front, subtile[0], and the l-th "
                f"from behind of the {p.keys}, subtile[1]."
            ),
        ),
        2: (
            (
                "Sub-tiles are sorted by their counts, larger first, of equal ones the lower "
                "number first; the l-th from the front and the l-th from behind make pair l of "
                f"{p.keys // 2}. Pairs are sorted by their sums in the same way and folded again: "
                "PE row l has the l-th pair from the front, then the l-th from behind. In each "
                "pair the larger part is first."
            ),
        ),
    }[p.folds]
    wraps = f"modulo 2^{p.pointer_bits}" if p.wraps else "and a decreasing one counts as 0"
    return Notes(
        does=(
            (
                f"Gives each of {p.pe_rows} PE rows {p.subtiles} of the {p.keys} sub-tiles of a "
                "pass, so that all have about as many values."
            ),
        ),
        ports={
            "i": Port(
                order=f"{p.pointers} pointers a pass, a beat each: where the sub-tiles 0 to "
                f"{p.keys - 1} begin, and where the last ends. Row l's own are the sub-tiles from "
                f"{p.subtiles} l on.",
                last=f"On pointer {p.keys}, the last of a pass, and there alone; elsewhere flagged "
                "and of no account.",
                ready="Low while a sorted pass is read out; depends on registers"
                + ("." if p.folds else ", and on m_axis_tready."),
            ),
            "o": Port(order=f"{p.pe_rows} beats a pass, PE row 0 first.", last="On the last row."),
        },
        order=("Passes leave in order.",),
        sums=(
            (
                f"The count of a sub-tile is the next pointer less its own, {wraps}; more than "
                f"{most} counts as {most}."
            ),
            *sort,
            "total is the sum of the counts of the row's sub-tiles.",
        ),
        cycles=packets(p.timing, "passes", p.pointers),
        flags={
            "decreasing": "Pointers must not decrease in a pass: its sub-tile counted as empty.",
            "saturated": "The balance is not the best; the assignment is complete all the same.",
        },
    )


def quantile_estimator(p: QuantileParameters) -> Notes:
    """Return the notes of ``quantile_estimator``."""
    guard, between = p.guard, p.between == "restart"
    anew = (
        "Behind a packet's last beat it starts anew from the register initial, and none of that "
        "packet's updates reaches the next."
        if between
        else "It goes on over the ends of packets, until restart is written."
    )
    return Notes(
        does=(
            (
                f"Marks which of a stream of binary32 values, {p.lanes} a beat, are among the "
                "largest magnitudes, by a running estimate of the threshold above which the share "
                "in the register share lies."
            ),
        ),
        ports={
            "i": Port(
                order="value[n] counts if present[n] is set; all of a beat are decided by one "
                "estimate.",
                last="Ends a packet." + ("" if between else " It has no effect here."),
                ready="Follows m_axis_tready in the same cycle while a beat is held.",
            ),
            "o": Port(
                order="value and present as they came; keep[n] is set where value[n] is "
                "present and above the estimate.",
                last="As it came.",
            ),
        },
        order=("Beats leave as they came, a cycle later.",),
        sums=(
            (
                "The estimate T is an integer: the pattern of a positive binary32, without its "
                f"sign, with {guard} bits behind it. A value is kept if its 31 bits below the sign "
                f"are greater than T div 2^{guard}; NaN and infinities are."
            ),
            (
                f"With share s (the register, a fraction of 2^{p.unit}) a beat of n values, k of "
                f"them kept, makes T + k x 2^{p.unit} - n x s, clamped to {p.least} .. {p.most}. A "
                f"beat is decided by the estimate behind the beat {p.delay + 1} before it."
            ),
            f"At first T is the register initial times 2^{guard}. {anew}",
        ),
        cycles=packets(p.timing, "beats", 1),
        flags={
            "nan": "Look for what is not finite: it was kept, and moved the estimate as a "
            "large value.",
        },
        work=("values", p.lanes),
    )


def weight_regenerator(p: RegeneratorParameters) -> Notes:
    """Return the notes of ``weight_regenerator``."""
    layer = "the layer of the request" if p.layers > 1 else "the only layer"
    return Notes(
        does=(
            (
                f"Computes initial weights from their numbers: a request gives {p.lanes} weights "
                "of successive indices, times a decay, instead of a memory of them."
            ),
        ),
        ports={
            "i": Port(
                order="index is the number of lane 0's weight; lane n has (index + n) mod 2^32.",
                last="Free; it leaves with the weights.",
                ready=FIFO_READY,
            ),
            "o": Port(order="weight[n] is of index + n.", last="As it came with the request."),
        },
        order=("Requests are served in order.",),
        sums=(
            (
                f"The index is enciphered by {p.rounds} rounds of Speck32: with x its upper and y "
                "its lower 16 bits, round r, from 0, makes x = (rotate_right(x, 7) + y) mod 2^16 "
                "xor k_r, then y = rotate_left(y, 2) xor x; k_r is part r mod 2 of the seed, 16 "
                "bits each from bit 0 up, xor (0x9E37 x (r + 1) mod 2^16)."
            ),
            (
                f"The 32 bits x, y are cut in {p.words} signed words u of {p.bits} bits from bit 0 "
                f"up; the sum of 2 u + 1 over them, exact in binary32, times 2^-shift of {layer}, "
                "is multiplied by decay in binary32 and rounded once."
            ),
            (
                f"With a decay below the pattern {p.least_pattern:08X} all weights are +0; with an "
                "infinity or NaN all are NaN."
            ),
            ARITHMETIC,
        ),
        cycles=packets(p.timing, "requests", 1),
        job=(
            (
                "Write seed, decay (binary32) and, of each layer, scale with set = 1 and its "
                "shift, while no request is offered or in flight: status.busy is 0."
            ),
        ),
        flags={"nan": "Write a finite decay."},
        work=("weights", p.lanes),
    )
