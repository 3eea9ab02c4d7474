"""The facts of a unit for its data sheet, and words that several units share."""

import dataclasses
from collections.abc import Callable, Mapping

from sw.timing import Timing
from sw.words import fields_of

__all__ = [
    "ARITHMETIC",
    "COUNTED",
    "FIFO_READY",
    "JOB_READY",
    "REMEDIES",
    "remedy",
    "Cycles",
    "Listing",
    "Notes",
    "Port",
    "block_ready",
    "RANDOM",
    "packets",
    "random_words",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Port:
    """A stream: the order of what it carries, what ``tlast`` is, and of an input when it is ready.

    Parameters
    ----------
    order : str
        Of lanes in a beat, and of beats.
    last : str
        Where ``tlast`` may or must be, or where it is given.
    ready : str
        When ``tready`` is high; empty for an output.
    """

    order: str
    last: str
    ready: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cycles:
    """Cycles of some work without stalls.

    Parameters
    ----------
    formula : str
        In the names of the sizes, with the configuration's numbers.
    sizes : tuple of str
        Names of what the work depends on.
    cases : tuple of tuple of int
        Sizes of which a table has the cycles.
    count : callable
        ``count(*case)``: the cycles.
    work : callable or None
        ``work(*case)``: the multiply-adds that the result needs, None where that says nothing.
    span : str
        From when to when.
    """

    formula: str
    sizes: tuple[str, ...]
    cases: tuple[tuple[int, ...], ...]
    count: Callable[..., int]
    work: Callable[..., int] | None = None
    span: str = "From the first beat taken to the last one given, both counted, without stalls"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listing:
    """A table of its own, with what is to be known of it.

    Parameters
    ----------
    title : str
        Of its section.
    text : tuple of str
        Paragraphs in front.
    head : tuple of str
        Of the columns.
    rows : tuple of tuple of str
        As long as the head.
    """

    title: str
    text: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Notes:
    """Texts and numbers of a configuration, for its data sheet.

    Parameters
    ----------
    does : tuple of str
        Paragraphs: what the unit does.
    ports : mapping of str to Port
        By the names of the core's streams, ``i_a``.
    order : tuple of str
        Order of operands and results over beats: blocks, tiles, packets.
    sums : tuple of str
        What is computed in which order, and what is rounded when.
    cycles : Cycles
        Of its work.
    job : tuple of str
        What is to be set up before a job, or before data, beside the registers of sizes.
    flags : mapping of str to str
        What to do about events of its own, or where `REMEDIES` is not right.
    work : tuple of (str, int) or None
        What is done in a cycle, and how much.
    listing : Listing or None
        What is too much for a paragraph, such as an instruction set.
    """

    does: tuple[str, ...]
    ports: Mapping[str, Port]
    order: tuple[str, ...]
    sums: tuple[str, ...]
    cycles: Cycles
    job: tuple[str, ...] = ()
    flags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    work: tuple[str, int] | None = None
    listing: Listing | None = None

    @property
    def draws(self) -> bool:
        """Whether random words decide on results."""
        return any(each.startswith(RANDOM) for each in self.sums)


def packets(
    timing: Timing, what: str, beats: int, *, counts: tuple[int, ...] = (1, 2, 10, 100)
) -> Cycles:
    """Return the cycles of so many of ``what``, of ``beats`` beats in each, by the timing alone."""
    per, rest = max(beats, timing.interval), beats + timing.latency + timing.drain
    return Cycles(
        formula=f"(n - 1) x {per} + {rest}",
        sizes=(f"n {what}",),
        cases=tuple((n,) for n in counts),
        count=lambda n: timing.job(n, beats),
    )


FIFO_READY = (
    "A register: high while there is room for the result of one more beat, whatever `tvalid` is."
)

JOB_READY = (
    "Low until a job runs, and behind its last beat. In a job both operands are taken in the same "
    "cycle or neither is: `tready` of each is high only while the other's `tvalid` is, so that a "
    "source must not wait for `tready` before it sets `tvalid`."
)

COUNTED = (
    "Nothing is out of step: beats are counted by the job's sizes, tlast and padding are checked "
    "and of no account else, and results are right if the fields are. Correct the source's tlast "
    "or padding."
)
"""What to do about ``framing`` where the ends of packets decide on nothing."""

RANDOM = "Random words "
"""What the text on them begins with."""

ARITHMETIC = (
    "Binary32 sums and products are rounded to nearest, ties to even, as if exponents were "
    "unbounded; then what is below the normal numbers becomes a zero of its sign, and what is "
    "beyond them an infinity. Subnormal operands count as zeros. A NaN that is given is 7FC00000. "
    "A sum that is exactly zero is +0, unless both operands are -0."
)


def random_words(bits: int) -> str:
    """Return how the random words of ``bits`` bits are computed."""
    fields = fields_of(bits)
    return (
        f"{RANDOM}come in blocks of 32 bits. Block n is the number n enciphered by eight "
        "rounds of Speck32: with x its upper and y its lower 16 bits, round r, from 0, makes x = "
        "(rotate_right(x, 7) + y) mod 2^16 xor k_r, then y = rotate_left(y, 2) xor x; k_r is part "
        "r mod 4 of the stream's 64-bit key, 16 bits each from bit 0 up, xor (0x9E37 x (r + 1) mod "
        f"2^16). Element i since the start of the stream takes block i div {fields}, its bits from "
        f"{32 // fields} x (i mod {fields}) up, {bits} of them."
    )


def block_ready(beats: int, what: str = "block", behind: str = "`m_axis_tready`") -> str:
    """Return when an input is ready whose blocks, of so many beats, are converted."""
    if beats > 1:
        return "A register: high while there is room, whatever `tvalid` is."
    follows = f"it follows {behind} in the same cycle"
    return f"While there is room; a {what} is one beat, so that {follows}."


OWN = "See its meaning; then clear it by writing it as 1."
"""What to do about other events."""

REMEDIES: Mapping[str, str] = {
    "access": "Find the access that was wrong: an address without a register, a write to what is "
    "read only, or to sizes while busy. It changed nothing; clear the flag.",
    "aborted": "Nothing is wrong: the abort that was asked for has ended. Clear it, set up anew.",
    "done": "Nothing is wrong: read the results' flags, then clear it by writing it as 1, or start "
    "the next job.",
    "nan": "Look for a NaN or an infinity in the operands that went in since the last clear; the "
    "others' results are right.",
    "overflow": "Results are infinite: scale the operands down. Others are right.",
    "underflow": "Small products were lost to zero: scale the operands up if that matters.",
    "framing": "Source and unit disagree on where packets end, or padding bits are not zero: what "
    "was taken may be out of step. Abort, check sizes and packing, send again.",
    "refused": "The command did nothing. Wait until status.busy is 0, check the sizes, start "
    "again.",
    "restarted": "Wait until all results are out before writing restart; the random words of what "
    "was inside are undefined, send it again.",
    "exhausted": "Write a new key and restart: words of the stream come a second time.",
}
"""What to do about an event, by its name, where a unit's notes do not say it."""


def remedy(event: str, flags: Mapping[str, str]) -> str:
    """Return what to do about an event; ``flags`` are those of the unit's `Notes`."""
    return flags.get(event) or REMEDIES.get(event, OWN)
