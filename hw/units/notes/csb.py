"""Notes of the encoder and of the decoder of compressed sparse blocks."""

from sw.sparse.csb_parameters import CsbDecoderParameters, CsbEncoderParameters, CsbParameters

from .note import Cycles, Notes, Port

__all__ = ["decoder", "encoder"]


def _format(p: CsbParameters) -> str:
    return (
        f"A block of {p.rows} x {p.columns} elements is compressed to a mask of {p.elements} bits, "
        f"bit r x {p.columns} + c for the element of row r and column c, lowest first; a pointer, "
        "how many values of its packet come before its own; and its values, those of the set bits, "
        "lowest first."
    )


def encoder(p: CsbEncoderParameters) -> Notes:
    """Return the notes of ``csb_encoder``."""
    keep = " and keep[n] is set" if p.keep else ""
    t = p.timing
    return Notes(
        does=("Compresses dense blocks of binary32, packet by packet.", _format(p)),
        ports={
            "i": Port(
                order=f"Element r x {p.columns} + c of a block is in beat (r x {p.columns} + "
                f"c) div {p.lanes}, lane (r x {p.columns} + c) mod {p.lanes}: {p.beats} beats a "
                "block.",
                last="Ends a packet, on the last beat of a block alone. Pointers begin at 0 "
                "behind it.",
                ready="While no beat is held, or as the last value of the one held leaves: it "
                "depends on the tready of both outputs in the same cycle.",
            ),
            "o_value": Port(
                order="The values of a packet, a beat each, in the order of blocks and mask bits, "
                "with present = 1.",
                last="On the last beat of a packet. If the packet's last beat of elements has no "
                "value, that is a beat of its own, with present = 0 and any value.",
            ),
            "o_block": Port(
                order="A beat a block, in order, no earlier than the block's last value; also of "
                "blocks without values.",
                last="On the last block of a packet.",
            ),
        },
        order=(
            "Both outputs must be taken: their sinks must not wait for each other.",
            "An empty packet cannot be sent: a packet has a block or more.",
        ),
        sums=(
            (
                f"An element has a value if its exponent field is not 0{keep}: zeros of both signs "
                "and subnormals have none, NaN and infinities have. Values leave as they came, bit "
                "by bit."
            ),
        ),
        cycles=Cycles(
            formula=f"sum over all beats of max(1, its values) + {t.latency}, up to the last value "
            "or block; of n beats with v values in each",
            sizes=("n beats", "v values in each"),
            cases=((p.beats, 0), (p.beats, p.lanes), (10 * p.beats, p.lanes)),
            count=lambda n, v: n * max(1, v) + t.latency,
        ),
        flags={
            "nan": "Look for what is not finite in the source; it was stored as any value.",
            "overflow": f"Send packets of less than {1 << p.pointer_bits} values: pointers began "
            "again at 0.",
        },
        work=("values", 1),
    )


def decoder(p: CsbDecoderParameters) -> Notes:
    """Return the notes of ``csb_decoder``."""
    t = p.timing
    dense = p.form == "dense"
    given = (
        f"{p.beats} beats a block: element n of it is in beat n div {p.lanes}, lane n mod "
        f"{p.lanes}; zeros are +0."
        if dense
        else "A beat for each value of a block, in the order of its mask's bits, with its "
        "element's number in position; one beat with empty = 1, value and position 0, for a block "
        "without. mask is the block's, in each beat."
    )
    closes = "Ends the packet. It may come with any beat."
    return Notes(
        does=(
            (
                f"Holds up to {p.blocks} compressed blocks with {p.values} values and gives those "
                "that are asked for, as they are or turned by 180 degrees, checked."
            ),
            _format(p),
        ),
        ports={
            "i_block": Port(
                order="Block 0 first: mask and pointer, as an encoder gives them.",
                last=closes,
                ready="From the end of the requests before, or reset, to its own packet's last "
                "beat.",
            ),
            "i_value": Port(
                order="The values of all blocks, in order; a beat with present = 0 only ends the "
                "packet.",
                last=closes,
                ready="As of s_axis_block, for its own packet.",
            ),
            "i_request": Port(
                order="number is that of a block, from 0; rotate turns it: mask and values "
                "from behind.",
                last="On the last request: behind its block the memories are emptied, and the next "
                "packets of blocks and values are loaded.",
                ready="When both packets are loaded and there is room; a register.",
            ),
            "o": Port(order=given, last="On the last beat of each block."),
        },
        order=(
            (
                "First a packet of blocks and one of values, in any order and at the same time; "
                "then requests; blocks leave in the order of the requests."
            ),
        ),
        sums=(
            (
                "Nothing is computed. A block is corrupt if its pointer plus its mask's ones is "
                "not the next block's pointer (the number of all values, for the last), or the "
                "first block's pointer is not 0, or it is not there; it is given as an empty one "
                "with corrupt = 1."
            ),
        ),
        cycles=Cycles(
            formula=f"sum over all parts of max(1, its values) + {t.latency}, a part being "
            + ("a beat" if dense else "a block")
            + ", from the first request to the last beat; of n parts with v values in each",
            sizes=("n parts", "v values in each"),
            cases=((1, 1), (10, 1), (10, p.part)),
            count=lambda n, v: n * max(1, v) + t.latency,
        ),
        flags={
            "corrupt": "Load the blocks again: mask, pointer or values were damaged, or the number "
            "is beyond the blocks held.",
            "overlong": f"Load at most {p.blocks} blocks and {p.values} values: the rest was "
            "dropped.",
        },
        work=("values", 1),
    )
