"""Notes of the array whose precision is switched at run time."""

from sw.bfp.multimode_array import DIGITS, MODES, MultimodeParameters

from .note import ARITHMETIC, JOB_READY, Cycles, Notes, Port

__all__ = ["multimode_array", "results_order", "tile_shapes", "words_order"]


def words_order(
    p: MultimodeParameters, what: str, count: int, beat: str = "beat", whole: str = "tile"
) -> str:
    """Return the order of the words of an operand, of rows or columns.

    ``beat`` is the number of a beat in the ``whole``.
    """
    return (
        f"word[w x {p.lanes} + l] is of word-{what} w, of {count}, at place k = {beat} x "
        f"{p.lanes} + l of the reduction. Its elements (four in mode 0, two in 1, one in 2, "
        f"lowest first) are of as many {what}s of the {whole}: with E elements a word, element i "
        f"of word-{what} w is of {what} w x E + i. exponent[w x 4 + i] is the code of element "
        "i's block; those of i >= E are ignored, and of each block the codes of its last beat "
        f"count. mode is that of the whole {whole}, the same all along."
    )


def results_order(p: MultimodeParameters, rows: str, row: str) -> str:
    """Return the order of the results of a tile, in ``rows``, each a ``row``."""
    return (
        f"With Ea and Eb elements a word of a and b, a tile gives {p.rows} x Ea x Eb {rows}: {row} "
        "(r x Ea + i) x Eb + j has in result[w] the result of row r x Ea + i and column w x Eb + j."
    )


def tile_shapes(p: MultimodeParameters) -> str:
    """Return the sizes of tiles."""
    tiles = "; ".join(
        f"modes {a}, {b}: {p.tile(a, b)[0]} x {p.tile(a, b)[1]}" for a in range(3) for b in range(3)
    )
    return f"A tile has as many rows and columns as the words hold elements: {tiles}."


def multimode_array(p: MultimodeParameters) -> Notes:
    """Return the notes of ``bfp_multimode_array``."""
    names = [f.name for f in p.formats]
    reductions = [f.reduction for f in p.formats]

    spacing = {f"{a}{b}": p.mode_timing(a, b) for a in range(3) for b in range(3)}
    t = spacing["00"]
    last = "Free on the last beat of a tile, elsewhere an error; it goes nowhere."
    shapes = [
        (tiles_, k, a, b) for a, b in ((0, 0), (1, 1), (2, 2)) for tiles_, k in ((1, 216), (4, 432))
    ]
    return Notes(
        does=(
            (
                f"Multiplies matrices whose operands are in {names[0]}, {names[1]} or {names[2]} "
                "(modes 0, 1, 2: elements of up to 4, 8 and 16 bits), each operand in a mode of "
                "its own, which may change with every tile."
            ),
            "A job is a number of tiles, of beats each; which tiles they are the sources decide.",
        ),
        ports={
            "i_a": Port(order=words_order(p, "row", p.rows), last=last, ready=JOB_READY),
            "i_b": Port(order=words_order(p, "column", p.columns), last=last, ready=JOB_READY),
            "o": Port(
                order=results_order(p, "beats", "beat"),
                last="On the last beat of the job alone.",
            ),
        },
        order=(
            tile_shapes(p),
            (
                "For every tile all its rows' and all its columns' words of the whole reduction "
                "are sent, beats = ceil(K / lanes) of each operand; nothing is kept inside. Tiles "
                "come in any order and leave in that order."
            ),
            (
                f"Blocks along the reduction are of {reductions[0]}, {reductions[1]} and "
                f"{reductions[2]} places in modes 0, 1, 2. Where both operands differ the shorter "
                "block is the one that is summed exactly; a longer block's code is sent in all its "
                "beats. The last block of a tile may be shorter."
            ),
        ),
        sums=(
            (
                "The products q_a x q_b of a block (the shorter of both operands') are added as "
                "integers, exactly. Their sum, times what both scales say, is rounded once to "
                "binary32; NaN if a code is that of NaN."
            ),
            (
                "Block values are added in binary32 in the order of the reduction, beginning with "
                "+0 + block 0: one sum a result."
            ),
            ARITHMETIC,
        ),
        cycles=Cycles(
            formula="sum over all blocks of all tiles of max(beats of the block, spacing of the "
            f"block before) + {t.latency} + results - 1; results = {p.rows} x Ea x Eb and spacing "
            "= max(results, 8) by the modes of a tile",
            sizes=("tiles", "K", "mode of a", "mode of b"),
            cases=tuple(shapes),
            count=p.job_cycles,
            work=lambda tiles, k, a, b: tiles * p.tile(a, b)[0] * p.tile(a, b)[1] * k,
        ),
        job=("`tiles` and `beats` are those of the whole job: all its tiles have as many beats.",),
        flags={
            "framing": "tlast, a mode of 3 or one that changed inside a tile, or padding: source "
            "and unit are out of step. Abort, and send again."
        },
        work=(
            f"multiply-adds in mode 0 (a quarter in mode 1, 1/{DIGITS**2 // MODES[0]} in mode 2)",
            p.rows * p.columns * p.lanes * DIGITS**2,
        ),
    )
