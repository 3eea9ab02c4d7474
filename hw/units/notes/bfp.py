"""Notes of the units of block floating point that multiply and turn blocks."""

from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.bfp.transposer import TransposerParameters
from sw.formats import MxFormat
from sw.formats.stages import has_tensor_scale
from sw.formats.tensor_scale import full_scale

from .formats import quantizing
from .note import ARITHMETIC, COUNTED, JOB_READY, Cycles, Notes, Port, packets, random_words

__all__ = ["alpha_job", "array", "array_sums", "block_sum", "dot", "tiles_order", "transposer"]


def block_sum(p: DotParameters) -> tuple[str, ...]:
    """Return how the products of a block become a binary32."""
    form = p.format
    inside = (
        f"The {form.reduction} products q_a x q_b of a block are added as integers, exactly, in "
        f"any order: their sum S fits {p.sum_bits} bits."
    )
    if window := p.alignment:
        inside = (
            f"Of the {p.lanes} products of a beat those that are small lose places: with e the sum "
            "of both exponent fields (a subnormal's is 1) and E the largest e of the beat's "
            "products that are not zero, its lowest two bits cleared, what lies below the place "
            f"2^(E - {window.below} - 2) of the products' integers is cut off, toward zero. What "
            f"is left is added exactly over the {p.beats} beats of a block, to S."
        )
    if has_tensor_scale(form):
        worth = "S x scale(c_a) x scale(c_b) x 2^-" + str(2 * form.element.places)
        worth += ", without the scales of the tensors,"
    else:
        worth = f"S x 2^(c_a + c_b - {-2 * int(form.last_place(0))})"
    return (
        inside,
        (
            f"The block's value {worth} is rounded once to binary32. It is NaN if c_a or c_b is "
            f"{form.nan_code}."
        ),
    )


def dot(p: DotParameters) -> Notes:
    """Return the notes of ``bfp_dot``."""
    raw = p.operands == "binary32"
    order = f"Lane 0 is the first element of the block, then beat after beat, {p.beats} a block."
    if not raw:
        order += " The exponent code of the block's last beat counts; the others are ignored."
    ready = (
        "Both operands are taken in the same cycle or neither is: `tready` of each is high only "
        "while the other's `tvalid` is, and there is room."
    )
    random = (
        (random_words(p.format.random_bits),) if raw and p.format.rounding == "stochastic" else ()
    )
    return Notes(
        does=(
            (
                f"Dot products of blocks of {p.format.reduction} elements of two operands in "
                f"{p.format.name}, {p.lanes} products a cycle; each gives a binary32."
            ),
        ),
        ports={
            "i_a": Port(
                order=order,
                last="Free on the last beat of a block, elsewhere an error; it goes with the "
                "result.",
                ready=ready,
            ),
            "i_b": Port(
                order=order,
                last="Free on the last beat of a block, elsewhere an error; it goes nowhere.",
                ready=ready,
            ),
            "o": Port(order="A result a block, in order.", last="If i_a's last beat had it."),
        },
        order=("Beat n of a meets beat n of b.",),
        sums=(*(quantizing(p.format) if raw else ()), *block_sum(p), ARITHMETIC, *random),
        cycles=packets(p.timing, "blocks", p.beats),
        work=("multiply-adds", p.lanes),
    )


def tiles_order(rows: int, columns: int, zeros: str) -> tuple[str, ...]:
    """Return the order of tiles of a product whose operands come again for each tile.

    ``zeros`` is what fills up the last ones.
    """
    return (
        (
            f"A product C = A x B of M x K by K x N is cut in tiles of {rows} x {columns} results, "
            f"tile_rows = ceil(M / {rows}) by tile_columns = ceil(N / {columns}). Fill A, B and K "
            f"up with {zeros}."
        ),
        (
            "Tiles come by rows of tiles: (0, 0), (0, 1), ..., (1, 0), ... For every tile (r, c) "
            f"the whole reduction of its rows of A, {rows} r to {rows} r + {rows - 1}, is sent on "
            f"s_axis_a, and that of its columns of B, {columns} c to {columns} c + {columns - 1}, "
            "on s_axis_b. So A's rows come again for each of the tile_columns tiles of a row, and "
            "the whole of B comes again for each of the tile_rows rows of tiles: nothing is kept "
            "inside."
        ),
    )


def array_sums(p: ArrayParameters) -> tuple[str, ...]:
    """Return how the products of a result are added."""
    chains = p.accumulators
    between = (
        (
            f"There are {chains} accumulators a result. Block k of the reduction, from 0, is added "
            f"to accumulator k mod {chains}, in order; each starts at +0. Behind the last block, n "
            f"blocks in all, the accumulators are put in the order n mod {chains}, n mod {chains} "
            f"+ 1, ... (mod {chains}), neighbouring pairs are added, then their sums likewise, "
            f"{chains.bit_length() - 1} levels; one without a block is +0."
        )
        if chains > 1
        else "Blocks are added in the order of the reduction, beginning with +0 + block 0."
    )
    scaled = has_tensor_scale(p.format)
    alpha = ("The result is multiplied by alpha, a binary32, and rounded again.",) if scaled else ()
    return (*block_sum(p.dot), between, *alpha, ARITHMETIC)


def alpha_job(p: ArrayParameters) -> tuple[str, ...]:
    """Return what is to be written of the scales of tensors, if they have any."""
    form = p.format
    if not (isinstance(form, MxFormat) and has_tensor_scale(form)):
        return ()
    return (
        (
            "Write alpha, what both tensors' scales make: the binary32 of (amax_a x amax_b) / "
            f"{float(full_scale(form)) ** 2:.0f}, product and quotient rounded; 1.0 after "
            "reset."
        ),
    )


def array(p: ArrayParameters) -> Notes:
    """Return the notes of ``bfp_array``."""
    form = p.format

    def order(what: str) -> str:
        return (
            f"mantissa[v x {p.lanes} + l], l = 0..{p.lanes - 1}, is of {what} v of the tile, at "
            f"place k = n x {p.lanes} + l of the reduction, in beat n of the tile. exponent[v] is "
            f"of {what} v's block, {p.beats} beats long; that of the block's last beat counts, "
            "those of the others are ignored."
        )

    extra = p.timing.latency + p.timing.drain
    shape = (p.rows, p.columns, form.reduction)
    last = "Free on the last beat of a tile, elsewhere an error; it goes nowhere."
    return Notes(
        does=(
            (
                f"Multiplies matrices in {form.name}: {p.rows} x {p.columns} results at a time, "
                f"each {p.lanes} products a cycle, added in binary32 from block to block."
            ),
            (
                "A job is a product of tile_rows x tile_columns tiles and of blocks along the "
                "reduction. Results stay in place, operands stream past them."
            ),
        ),
        ports={
            "i_a": Port(order=order("row"), last=last, ready=JOB_READY),
            "i_b": Port(order=order("column"), last=last, ready=JOB_READY),
            "o": Port(
                order=f"A beat is a row of a tile, row 0 first, {p.rows} beats a tile: result[c] "
                "is of column c.",
                last="On the last row of the job's last tile alone.",
            ),
        },
        order=(
            *tiles_order(p.rows, p.columns, "zeros under any exponent code but NaN's, such as 0"),
            (
                f"A tile takes blocks x {p.beats} beats of each operand, blocks = ceil(K / "
                f"{form.reduction}); beat n of s_axis_a meets beat n of s_axis_b. Its rows of "
                "results leave while the next tile enters."
            ),
        ),
        sums=array_sums(p),
        cycles=Cycles(
            formula=f"(T - 1) x max(B, {p.rows}) + B + {extra}, where T = ceil(M / {p.rows}) x "
            f"ceil(N / {p.columns}) tiles and B = ceil(K / {form.reduction}) x {p.beats} beats",
            sizes=("M", "N", "K"),
            cases=tuple(
                dict.fromkeys([shape, tuple(4 * n for n in shape), (64, 64, 256), (256,) * 3])
            ),
            count=p.cycles,
            work=lambda m, n, k: m * n * k,
        ),
        job=alpha_job(p),
        flags={"framing": COUNTED},
        work=("multiply-adds", p.rows * p.columns * p.lanes),
    )


def transposer(p: TransposerParameters) -> Notes:
    """Return the notes of ``bfp_transposer``."""
    side = p.side
    return Notes(
        does=(
            (
                f"Takes tiles of {side} x {side} elements that share an exponent code, by rows, "
                "and gives each by rows, or, if its beats say transpose, by columns."
            ),
        ),
        ports={
            "i": Port(
                order=f"Beat r of {side} is row r of a tile, lane 0 its first element. exponent "
                "and transpose are those of the tile's last beat; transpose must not change in it.",
                last="Free on the last row of a tile, elsewhere an error.",
                ready="While there is room; it follows m_axis_tready in the same cycle.",
            ),
            "o": Port(
                order=f"{side} beats a tile: beat n is row n, or column n from row 0 down.",
                last="On the last beat of a tile whose last row had it.",
            ),
        },
        order=("Tiles leave in the order in which they came; no gap is needed between kinds.",),
        sums=("Nothing is computed: codes leave as they came.",),
        cycles=packets(p.timing, "tiles", side),
        work=("elements", side),
    )
