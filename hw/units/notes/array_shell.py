"""Notes of the array with memories for its operands."""

from sw.bfp.array_shell import SHELL_LATENCY, ArrayShellParameters
from sw.bfp.shell_cycles import MOVES_WITH

from .bfp import alpha_job, array_sums
from .note import COUNTED, Cycles, Notes, Port

__all__ = ["array_shell"]


def _operand(p: ArrayShellParameters, name: str) -> Port:
    """Return the port of an operand, or of both where there is one."""
    ready = (
        "Low until a job runs, and behind the operand's last beat. In between a register: high "
        "while the operand's memory has room, whatever `tvalid` is."
    )
    if p.inputs == 1:
        return Port(
            order="First all panels of b, then all of a; nothing between them.",
            last="On the last beat of a. Free on the last beat of b; elsewhere an error.",
            ready=ready,
        )
    what = {"a": "tile_rows", "b": "tile_columns"}[name]
    return Port(
        order=f"The {what} panels of {name}, each once, word after word.",
        last=f"On the last beat of the last panel of {name}, and there alone.",
        ready=f"{ready} Either operand may be ahead of the other, until its memory is full.",
    )


def _cycles(p: ArrayShellParameters) -> Cycles:
    """Return the cycles, which a formula has where neither memory nor results make wait."""
    a, b, rest = p.beats_a, p.beats_b, SHELL_LATENCY + p.array.timing.latency + p.timing.drain
    first = max(a, b) if p.inputs == 2 else a + b
    if p.inputs == 2:
        filling = f"{first} + (C - 1) x {b} + (R - 1) x C"
    else:
        filling = f"C x {b} + {a} + (C - 1) + (R - 1) x C"
    # Rows of a tile that come faster than they leave stop the array if there are more of them.
    least = "" if p.result_beats == 1 or p.rows <= MOVES_WITH else "at least "
    side = p.rows, p.columns, p.format.reduction
    cases = (side, (2 * side[0], side[1], side[2]), tuple(2 * n for n in side), (64, 64, 256))
    return Cycles(
        formula=f"{least}B x ({filling}) + {rest}, where R = tile_rows, C = tile_columns and B = "
        f"blocks x {p.beats} words a panel, if B is at least {p.rows * p.result_beats}, C at least "
        f"{a} and 2 B at most {p.words_a}; else more, see the table, which is counted step by step",
        sizes=("M", "N", "K"),
        cases=tuple(dict.fromkeys(case for case in cases if p.fits(*case))),
        count=p.cycles,
        work=lambda m, n, k: m * n * k,
    )


def array_shell(p: ArrayShellParameters) -> Notes:
    """Return the notes of ``array_shell``."""
    form, beats = p.format, p.beats

    def word(name: str, line: str, count: int, port: int) -> str:
        return (
            f"A word of {name}, {port} {'beats' if port > 1 else 'beat'} of the port: "
            f"mantissa[v x {p.lanes} + l], l = 0..{p.lanes - 1}, is of {line} v = 0..{count - 1} "
            f"of the panel, at place k = n x {p.lanes} + l of the reduction, n the word's number "
            f"in the panel from 0; exponent[v] is of {line} v's block, {beats} words long; that of "
            "the block's last word counts, those of the others are ignored."
        )

    ports = ("i",) if p.inputs == 1 else ("i_a", "i_b")
    across = f"blocks x {beats} x tile_columns"
    return Notes(
        does=(
            (
                f"Multiplies matrices in {form.name}, C = A x B of M x K by K x N: {p.rows} x "
                f"{p.columns} results at a time, each {p.lanes} products a cycle, added in "
                "binary32 from block to block."
            ),
            (
                "A job is a product of tile_rows x tile_columns tiles and of blocks along the "
                f"reduction. Each operand is sent once, in beats of {p.port_bits} bits: memories "
                "inside hold a panel of A, the rows of a tile, or more, and all panels of B."
            ),
        ),
        ports={
            **{name: _operand(p, name[-1]) for name in ports},
            "o": Port(
                order=f"A row of a tile takes {p.result_beats} of the port's beats: result[c] is "
                f"of column c. Row 0 of a tile is first, {p.rows} rows a tile.",
                last="On the last beat of the job alone.",
            ),
        },
        order=(
            (
                f"tile_rows = ceil(M / {p.rows}), tile_columns = ceil(N / {p.columns}), blocks = "
                f"ceil(K / {form.reduction}). Fill A, B and K up with zeros under any exponent "
                "code but NaN's, such as 0."
            ),
            (
                f"Panel r of a is rows {p.rows} r to {p.rows} r + {p.rows - 1} of A, panel c of b "
                f"is columns {p.columns} c to {p.columns} c + {p.columns - 1} of B, both from 0. A "
                f"panel is blocks x {beats} words, along the reduction."
            ),
            word("a", "row", p.rows, p.beats_a),
            word("b", "column", p.columns, p.beats_b),
            (
                "Tiles of results leave by rows of tiles: (0, 0), (0, 1), ..., (1, 0), ...; tile "
                f"(r, c) is rows {p.rows} r on and columns {p.columns} c on. Drop what lies beyond "
                "M and N."
            ),
            (
                f"A job fits if blocks x {beats} is at most {p.words_a} words, and {across} at "
                f"most {p.words_b}. Another product is several jobs: all of A with as many columns "
                "of B as fit; if K is too long, parts of it, whose products are to be added."
            ),
        ),
        sums=array_sums(p.array),
        cycles=_cycles(p),
        job=alpha_job(p.array),
        flags={
            "framing": COUNTED,
            "too_large": f"Cut the product: blocks x {beats} must be at most {p.words_a}, and "
            f"{across} at most {p.words_b}. Nothing was taken.",
        },
        work=("multiply-adds", p.rows * p.columns * p.lanes),
    )
