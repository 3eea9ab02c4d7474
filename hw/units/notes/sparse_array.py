"""Notes of the sparse array."""

import numpy as np

from sw.sparse.array_parameters import Job, SparseArrayParameters
from sw.sparse.cycles import array_cycles, count_passes
from sw.sparse.stages import LEAST_SPACING

from .note import ARITHMETIC, Cycles, Notes, Port

__all__ = ["array"]


def _cycles(p: SparseArrayParameters, pixels: int, patch: int, passes: int, share: int) -> int:
    """Return the cycles of passes of a row a sub-tile, ``share`` values in each row."""
    job = Job(depth=p.mask_bits, pixels=pixels, patch=patch, passes=passes, balanced=False)
    bits = np.full((passes, p.pass_subtiles, 1, 1), share)
    return array_cycles(p, job, count_passes(p, job, bits))


def array(p: SparseArrayParameters) -> Notes:
    """Return the notes of ``sparse_array``."""
    subtiles, pixels = p.pass_subtiles, min(p.pixels, p.sums // p.subtiles)
    last = "May end a pass, on its last beat; elsewhere, if more of the pass come, an error."
    common = "No part of a pass is taken unless the registers hold a job that can be done"
    cases = (
        (pixels, p.patch // 2, 1, 2),
        (pixels, p.patch // 2, 4, 2),
        (pixels, p.patch // 2, 4, 4),
    )
    return Notes(
        does=(
            (
                f"Multiplies rows of mostly zeros by a dense operand: {p.pe_rows} PE rows of "
                f"{p.columns} elements each walk the nonzeros of their rows alone, in binary32."
            ),
            (
                f"A pass is a tile for each PE row, {p.subtiles} sub-tiles each of `rows` rows of "
                f"`depth` places, {subtiles} sub-tiles in all, and an activation tile of `patch` "
                f"rows of {p.columns} values that all share. Row r of the pass (r = sub-tile x "
                "rows + row) gives, for each output pixel q of `pixels` and each column c, the sum "
                "over its places d with a value w of w x `activation[shift[r] + offset[d] + "
                "base[q]][c]`. The sums of `passes` passes are added up, and are a tile of results."
            ),
        ),
        ports={
            "i_pointer": Port(
                order=f"Mode sparse alone: {subtiles + 1} pointers a pass, where the values of its "
                f"sub-tiles begin, and where the last ends; counted modulo 2^{p.pointer_bits}, "
                "from any number on, over all passes: the next pass begins where this one ends.",
                last="On a pass's last pointer, and there alone.",
                ready=f"{common}, and there is room for a pass's.",
            ),
            "i_mask": Port(
                order=f"Modes sparse and structured: ceil(depth / {p.mask_bits}) beats a row, "
                f"rows in order of sub-tiles and rows; bit b of beat n is place n x {p.mask_bits} "
                "+ b. Bits from depth on are 0.",
                last=last,
                ready=f"{common}; as its values leave, in the same cycle as s_axis_value's tvalid.",
            ),
            "i_value": Port(
                order="The values of a pass in the order of its masks' bits (of all places, "
                f"in mode dense), {p.issue_width} a beat, lowest first; a pass begins with a beat, "
                "so that its last beat may be filled up.",
                last=last,
                ready=f"{common}; as they are stored.",
            ),
            "i_x": Port(
                order="The activation tile of a pass, `patch` beats: row 0 first, x[c] of "
                "column c.",
                last=last,
                ready=f"{common}, and the tile before the last is done with.",
            ),
            "o": Port(
                order=f"A tile of results: {subtiles} sub-tiles x rows x pixels beats, the pixels "
                "fastest, sub-tiles in the order of the masks, whichever PE row had them; sum[c] "
                "is of column c.",
                last="On the last beat of a tile.",
            ),
        },
        order=(
            (
                "Passes come one behind the other, `passes` of them for each tile of results, "
                "without end: the unit works whenever data come, there is no start."
            ),
            (
                "The streams of a pass may be sent at once; pointers, masks, values and the "
                "activation tile of the next pass are taken while one is applied. Pointers of a "
                "pass must not wait for its masks."
            ),
        ),
        sums=(
            (
                "A product is rounded to binary32. The products of a row, at a pixel, are added in "
                "the order of its places, beginning with +0; so then are the passes of a tile: +0 "
                "+ pass 0 + pass 1, ... What has no bit in the mask is not multiplied, not even by "
                "an infinity."
            ),
            "Moving sub-tiles between PE rows (mode.balanced) changes the time, never a sum.",
            ARITHMETIC,
        ),
        cycles=Cycles(
            formula="The longest of fetching, applying and reading a pass, pass by pass: "
            f"values take max(pixels, {LEAST_SPACING}) cycles each in the fullest PE row (a row "
            "without values counts as one), masks max(1, ceil(ones / issue width)) a beat and 3 a "
            f"pass, the tile patch, the sums {subtiles} x rows x pixels; "
            "Gradgate's `sw.sparse.cycles.array_cycles` counts exactly, here for one row a "
            "sub-tile, in mode sparse without balance",
            sizes=("pixels", "patch", "passes", "values of each row"),
            cases=cases,
            count=lambda *case: _cycles(p, *case),
            work=lambda q, _, passes, share: passes * subtiles * share * q * p.columns,
        ),
        job=(
            (
                "While status.busy is 0 write rows, depth, pixels, patch, passes and mode, then "
                "the tables: offset[d] for each place d < depth, base[q] for each pixel, shift[r] "
                "for each row of a pass, one write each with write = 1, the place, and the rows. "
                "Sizes count two cycles after the write."
            ),
            (
                f"A job can be done if 1 <= pixels <= {pixels}, 1 <= rows x pixels <= "
                f"{p.sums // p.subtiles}, depth <= {p.depth}, patch <= {p.patch}, passes >= 1, "
                f"and, in mode structured, depth is a multiple of {p.group} and 1 <= keep <= "
                f"{p.group}; every shift + offset + base must lie below patch. No PE row may have "
                f"more than {p.nonzeros} values a pass, a row without counting as one."
            ),
        ),
        flags={
            "mask": "Set no mask bit from depth on; in mode structured set keep bits in each group "
            f"of {p.group}. Sums of the pass are wrong.",
            "refused": "Write a job that can be done; the data wait, nothing is lost.",
            "pointer": "Pointers must count the values of the masks: sums may be wrong. Abort, and "
            "send again.",
            "capacity": "Cut the pass: fewer rows or values. Sums of the pass are wrong.",
        },
        work=("multiply-adds", p.pe_rows * p.columns),
    )
