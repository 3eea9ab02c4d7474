"""Notes of the arrays with memories for their operands."""

from collections.abc import Mapping

from sw.approx.array_shell import ApproxArrayShellParameters
from sw.bfp.array_shell import ArrayShellParameters
from sw.bfp.multimode_array import DIGITS
from sw.bfp.multimode_array_shell import MultimodeArrayShellParameters
from sw.core.shell import SHELL_LATENCY, ShellParameters
from sw.core.shell_cycles import MOVES_WITH

from . import approx
from .bfp import alpha_job, array_sums
from .multimode import multimode_array, results_order, tile_shapes, words_order
from .note import COUNTED, Cycles, Notes, Port

__all__ = ["approx_array_shell", "array_shell", "multimode_array_shell"]


_ROWS = "result[c] is of column c. Row 0 of a tile is first, {} rows a tile."


def _times(count: int, what: str) -> str:
    return f"{what} x {count}" if count > 1 else what


def _operand(p: ShellParameters, name: str) -> Port:
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


def _inputs(p: ShellParameters) -> dict[str, Port]:
    names = ("i",) if p.inputs == 1 else ("i_a", "i_b")
    return {name: _operand(p, name[-1]) for name in names}


def _rows_out(p: ShellParameters, order: str) -> Port:
    """Return the port of results; ``order`` is that of the rows of a tile."""
    return Port(
        order=f"A row of results takes {p.result_beats} of the port's beats: {order}",
        last="On the last beat of the job alone.",
    )


def _job(p: ShellParameters, sizes: str) -> str:
    return (
        f"A job is a product of tile_rows x tile_columns tiles and of {sizes}. Each operand is "
        f"sent once, in beats of {p.port_bits} bits: memories inside hold a panel of A, the rows "
        "of a tile, or more, and all panels of B."
    )


def _word(name: str, beats: int, of: str) -> str:
    return f"A word of {name}, {beats} {'beats' if beats > 1 else 'beat'} of the port: {of}"


def _limits(p: ShellParameters, depth: str) -> str:
    """Return what a job must not exceed; ``depth`` is the register of a panel's blocks."""
    a, b = (_times(words, depth) for words in p.block_words)
    return f"{a} must be at most {p.words_a}, and {b} x tile_columns at most {p.words_b}"


def _fits(p: ShellParameters, depth: str) -> str:
    """Return which products are a job."""
    return (
        f"To fit the memories, {_limits(p, depth)}. Another product is several jobs: all of A with "
        "as many columns of B as fit; if K is too long, parts of it, whose products are to be "
        "added."
    )


def _flags(p: ShellParameters, depth: str, framing: str = COUNTED) -> Mapping[str, str]:
    return {
        "framing": framing,
        "too_large": f"Cut the product: {_limits(p, depth)}. Nothing was taken.",
    }


def _panels(rows: int, columns: int, words: str) -> str:
    return (
        f"Panel r of a is rows {rows} r to {rows} r + {rows - 1} of A, panel c of b is columns "
        f"{columns} c to {columns} c + {columns - 1} of B, both from 0. A panel is {words}, along "
        "the reduction."
    )


def _tiles(rows: int, columns: int) -> str:
    return (
        "Tiles of results leave by rows of tiles: (0, 0), (0, 1), ..., (1, 0), ...; tile (r, c) is "
        f"rows {rows} r on and columns {columns} c on. Drop what lies beyond M and N."
    )


def _filling(p: ShellParameters) -> str:
    """Return how many times as long a job is as words of a panel of ``b`` come."""
    a, b, many = p.beats_a, p.beats_b, p.words_ratio
    if p.inputs == 2:
        filling = f"{max(many * a, b)} + (C - 1) x {max(many, b)}"
    else:
        filling = f"C x {b} + {many * a} + {_times(many, '(C - 1)')}"
    return f"B x ({filling} + {_times(many, '(R - 1) x C')})"


def _least(p: ShellParameters, results: int) -> str:
    """Return what is said before cycles where rows of a tile come faster than they leave.

    If there are more of these ``results`` than find room the array stops.
    """
    return "" if p.result_beats == 1 or results <= MOVES_WITH else "at least "


def _overlap(p: ShellParameters) -> str:
    """Return when words of the next panel come while the array works on one."""
    return (
        f"C at least {p.beats_a} and {2 * p.words_ratio} B at most {p.words_a}; else more, see the "
        "table, which is counted step by step"
    )


def _cycles(p: ShellParameters, depth: str, ahead: int, places: int) -> Cycles:
    """Return the cycles, which a formula has where neither memory nor results make wait.

    The first row of a tile is completed ``ahead`` words before the tile's end, ``places`` of the
    reduction make up a block.
    """
    rows, columns = p.tile_size(())
    many, results = p.words_ratio, rows * p.result_beats
    rest = SHELL_LATENCY + p.array.timing.latency + results - ahead
    least = _least(p, rows)
    words = f"{depth} x {p.block_words[1]} words a panel" if many == 1 else f"{depth}"
    side = rows, columns, places
    cases = (side, (2 * side[0], side[1], side[2]), tuple(2 * n for n in side), (64, 64, 256))
    return Cycles(
        formula=f"{least}{_filling(p)} + {rest}, where R = tile_rows, C = tile_columns and B = "
        f"{words}, if {_times(many, 'B')} is at least {results}, {_overlap(p)}",
        sizes=("M", "N", "K"),
        cases=tuple(dict.fromkeys(case for case in cases if p.fits(*case))),
        count=p.cycles,
        work=lambda m, n, k: m * n * k,
    )


def array_shell(p: ArrayShellParameters) -> Notes:
    """Return the notes of ``array_shell``."""
    form, beats = p.format, p.beats

    def word(name: str, line: str, count: int, port: int) -> str:
        return _word(
            name,
            port,
            f"mantissa[v x {p.lanes} + l], l = 0..{p.lanes - 1}, is of {line} v = 0..{count - 1} "
            f"of the panel, at place k = n x {p.lanes} + l of the reduction, n the word's number "
            f"in the panel from 0; exponent[v] is of {line} v's block, {beats} words long; that of "
            "the block's last word counts, those of the others are ignored.",
        )

    return Notes(
        does=(
            (
                f"Multiplies matrices in {form.name}, C = A x B of M x K by K x N: {p.rows} x "
                f"{p.columns} results at a time, each {p.lanes} products a cycle, added in "
                "binary32 from block to block."
            ),
            _job(p, "blocks along the reduction"),
        ),
        ports={**_inputs(p), "o": _rows_out(p, _ROWS.format(p.rows))},
        order=(
            (
                f"tile_rows = ceil(M / {p.rows}), tile_columns = ceil(N / {p.columns}), blocks = "
                f"ceil(K / {form.reduction}). Fill A, B and K up with zeros under any exponent "
                "code but NaN's, such as 0."
            ),
            _panels(p.rows, p.columns, f"blocks x {beats} words"),
            word("a", "row", p.rows, p.beats_a),
            word("b", "column", p.columns, p.beats_b),
            _tiles(p.rows, p.columns),
            _fits(p, "blocks"),
        ),
        sums=array_sums(p.array),
        cycles=_cycles(p, "blocks", 1, form.reduction),
        job=alpha_job(p.array),
        flags=_flags(p, "blocks"),
        work=("multiply-adds", p.rows * p.columns * p.lanes),
    )


def approx_array_shell(p: ApproxArrayShellParameters) -> Notes:
    """Return the notes of ``approx_array_shell``."""
    of, step, rows = approx.array(p.array), p.interleave, p.tile_rows
    return Notes(
        does=(of.does[0], _job(p, "depth steps of the reduction")),
        ports={
            **_inputs(p),
            **{name: port for name, port in of.ports.items() if name == "i_table"},
            "o": _rows_out(p, _ROWS.format(rows)),
        },
        order=(
            (
                f"tile_rows = ceil(M / {rows}), tile_columns = ceil(N / {p.columns}), depth = K. "
                "Fill A and B up with zeros."
            ),
            _panels(rows, p.columns, f"depth x {step} words of a, and depth of b"),
            _word(
                "a",
                p.beats_a,
                f"value[r], r = 0..{p.rows - 1}, of word k x {step} + j of a panel, j = "
                f"0..{step - 1}, is of the panel's row r x {step} + j at step k of the reduction.",
            ),
            _word(
                "b",
                p.beats_b,
                f"value[c], c = 0..{p.columns - 1}, of word k of a panel is of the panel's column "
                "c at step k.",
            ),
            _tiles(rows, p.columns),
            _fits(p, "depth"),
        ),
        sums=of.sums,
        cycles=_cycles(p, "depth", step, min(8, p.most_blocks, p.most_blocks_b)),
        job=tuple(
            f"{text} Beats of operands are taken before, as far as the memories hold them."
            for text in of.job
        ),
        flags=_flags(p, "depth", of.flags["framing"]),
        work=of.work,
    )


def multimode_array_shell(p: MultimodeArrayShellParameters) -> Notes:
    """Return the notes of ``multimode_array_shell``."""
    of = multimode_array(p.array)
    latency, results = SHELL_LATENCY + p.array.timing.latency, _times(p.result_beats, "results")
    places = min(54, p.lanes * p.most_blocks, p.lanes * p.most_blocks_b)
    shapes = [
        (m * rows, n * columns, k, a, b)
        for a, b in ((0, 0), (1, 1), (2, 2), (0, 2))
        for rows, columns in (p.tile(a, b),)
        for m, n, k in ((1, 1, places), (2, 1, places), (2, 2, 4 * places))
    ]
    shapes += [(64, 64, 256, mode, mode) for mode in range(3)]
    return Notes(
        does=(
            of.does[0],
            _job(p, "beats words along the reduction"),
            (
                "Panels of an operand may have different modes: a job may multiply matrices of "
                "several formats by others, each beginning with a panel of its own."
            ),
        ),
        ports={**_inputs(p), "o": _rows_out(p, results_order(p, "rows of results", "row"))},
        order=(
            (
                f"{tile_shapes(p)} tile_rows and tile_columns are the panels of A and of B, beats "
                f"= ceil(K / {p.lanes}). Fill A, B and K up with zeros. A panel is beats words, "
                "along the reduction, the rows or columns of a tile."
            ),
            _word("a", p.beats_a, words_order(p, "row", p.rows, "n", "panel")),
            _word("b", p.beats_b, words_order(p, "column", p.columns, "n", "panel")),
            "Here n is the word's number in its panel, from 0.",
            (
                "Tiles of results leave by rows of tiles, of each panel of a with each of b: (0, "
                "0), (0, 1), ..., (1, 0), ... Drop what lies beyond the matrices."
            ),
            of.order[-1],
            _fits(p, "beats"),
        ),
        sums=of.sums,
        cycles=Cycles(
            formula=f"{_least(p, p.rows * DIGITS**2)}{_filling(p)} + {latency} + {results} - 1, "
            f"where R = tile_rows, C = tile_columns, B = beats and results = {p.rows} x Ea x Eb "
            "rows of results a tile, if no block of a tile, nor the rest of K behind its last "
            f"whole block, is shorter than results or 8 words, B is at least {results}, "
            f"{_overlap(p)}",
            sizes=("M", "N", "K", "mode of a", "mode of b"),
            cases=tuple(dict.fromkeys(shape for shape in shapes if p.fits(*shape))),
            count=p.cycles,
            work=lambda m, n, k, a, b: m * n * k,
        ),
        job=("All panels of a job have as many words, beats, in every mode.",),
        flags=_flags(p, "beats", f"{COUNTED} A mode of 3, or a second one, is a wrong field."),
        work=of.work,
    )
