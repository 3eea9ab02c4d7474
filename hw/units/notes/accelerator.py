"""Notes of the machines that train a network alone."""

import re

from sw.accelerator.chip import ChipParameters
from sw.accelerator.instructions import BYTES, TABLE
from sw.accelerator.parameters import AcceleratorParameters

from .note import ARITHMETIC, Cycles, Listing, Notes, Port

__all__ = ["accelerator", "chip", "program_order"]

_CAUSES = {
    "event": "Nothing is wrong: the program executed EVENT. Look at what it announces, clear it.",
    "illegal": "The instruction error.pc has no meaning: compile the program for this "
    "configuration.",
    "address": "A window of instruction error.pc leaves its bank: compile for these banks.",
    "size": "The sizes of instruction error.pc do not fit together.",
    "alignment": "An address outside of instruction error.pc must be a multiple of a word's bytes.",
    "bus": "The memory answered SLVERR or DECERR: look at the addresses, and at the memory map.",
    "token": "The program gives more tokens than a counter holds: it is wrong.",
    "conflict": "Two engines used one bank at a time: the program lacks tokens between them.",
    "watchdog": "Nothing moved: the program waits for a token that never comes, or the memory does "
    "not answer.",
}


def program_order(p: AcceleratorParameters) -> tuple[str, ...]:
    """Return how a program and its data lie in memory."""
    return (
        (
            f"A program is a row of instructions of {BYTES} bytes, lowest byte first, from an "
            f"address that is a multiple of {max(BYTES, p.port_bits // 8)}; bits that belong to no "
            "field are 0: see [Instructions](#instructions)."
        ),
        (
            "Values in memory and in the scratchpad are binary32, lowest byte first. A word of the "
            f"scratchpad has {p.values} values, {p.word_bits // 8} bytes; rows that are loaded or "
            f"stored are whole words, at addresses that are multiples of it. There are {p.banks} "
            f"banks of {p.bank_words} words."
        ),
        (
            "Programs are made by `python -m sw program` with the same fields (listing, memory "
            "map, binary); what each instruction does, and the machine as a model, is in "
            "Gradgate's `sw.accelerator`."
        ),
    )


def _instructions(p: AcceleratorParameters) -> Listing:
    """Return the table of the instructions, but for counters that are like the first."""
    rows = []
    for each in TABLE:
        if each.scaled and not p.tensor_scale or re.fullmatch(r".*counter[1-5]", each.name):
            continue
        value, mask = each.fixed
        code = f"15..0: {value:04X}" if mask > 0xFF else f"7..0: {value:02X}"
        fields = ", ".join(
            f"`{f.name}` {f.low + f.bits - 1}..{f.low}{' signed' if f.signed else ''}: {f.meaning}"
            for f in each.fields
        )
        rows.append((f"`{each.name}`", code, each.meaning, fields or "none"))
    return Listing(
        title="Instructions",
        text=(
            (
                "Bits 3..0 name the engine (1 seq, 2 dma, 3 quant, 4 prod, 5 vec), bits 7..4 the "
                "operation. Operation 0 sets a slot of a window: the slot is in bits 15..12, the "
                "window in bits 11..8, which are 0 in the codes below. Slots 2 to 7 are the "
                "counters 0 to 5, of which the first is listed. Bits of no field are 0."
            ),
            (
                "An engine's operation writes window 0 and reads the others, word by word or, with "
                "single, element by element: the address is that of base plus, over the counters, "
                "the count so far times the stride, counter 5 fastest. A counter that is not set "
                "has one value. With bounds, positions outside of the plane read as zero."
            ),
        ),
        head=("instruction", "code", "meaning", "fields, with their bits"),
        rows=tuple(rows),
    )


def _sums(p: AcceleratorParameters) -> tuple[str, ...]:
    return (
        (
            f"Products are those of a bfp_array of {p.rows} x {p.columns} results, {p.lanes} "
            f"lanes, in {p.format.name}: see its data sheet for the order of additions. Everything "
            "else is binary32; sums over words are added word by word in order, lanes pairwise at "
            "the end (Gradgate's `sw.accelerator.vector`)."
        ),
        ARITHMETIC,
    )


def _flags() -> dict[str, str]:
    return {
        **_CAUSES,
        "refused": "Wait until status.busy is 0; check length and address of the program.",
    }


def accelerator(p: AcceleratorParameters) -> Notes:
    """Return the notes of ``accelerator``."""
    return Notes(
        does=(
            (
                "A machine that trains a network alone: a sequencer fetches a program from memory "
                "and sends its instructions to a DMA engine, a quantizer, a matrix engine and a "
                f"vector engine around a scratchpad of {p.banks} banks. It has no streams: all "
                "data go through the AXI4 master m_axi."
            ),
            (
                f"A job is a program of at most {p.instructions} instructions: program_low, "
                "program_high and program_length say where."
            ),
        ),
        ports={},
        order=(
            *program_order(p),
            (
                f"m_axi has {p.port_bits} data bits, INCR bursts of at most {p.burst} beats, none "
                f"across 4 KiB, {p.outstanding} of each direction under way at most, one ID; it "
                "takes RRESP and BRESP other than OKAY as an error. Data of a narrow memory need a "
                "width converter."
            ),
        ),
        sums=_sums(p),
        cycles=Cycles(
            formula=f"{p.timing.latency} for a program of one HALT in a memory that answers at "
            "once; of any program Gradgate's `sw.accelerator.cycles` predicts them, exactly "
            "where memory never stalls",
            sizes=("instructions (HALT)",),
            cases=((1,),),
            count=lambda _: p.timing.latency,
            span="From the start to done, both counted",
        ),
        job=(
            (
                "Put program, weights and data into memory; write program_low, program_high and "
                "program_length."
            ),
        ),
        flags=_flags(),
        work=("multiply-adds", p.rows * p.columns * p.lanes),
        listing=_instructions(p),
    )


def chip(p: ChipParameters) -> Notes:
    """Return the notes of ``accelerator_chip``."""
    beat = p.beat_bytes
    return Notes(
        does=(
            (
                f"The accelerator with {p.memory_bytes:,} bytes of memory on the chip, from "
                "address 0 on. A job takes a packet into memory, runs a program, and gives a "
                "packet of memory, in this order; each may be left out."
            ),
        ),
        ports={
            "i": Port(
                order=f"The bytes from write_address on, {beat} a beat, lowest address lowest; "
                "write_beats beats.",
                last="On beat write_beats of the packet, and there alone; else flagged.",
                ready="While a job takes its packet; low before start and when write_beats are in.",
            ),
            "o": Port(
                order=f"The bytes from read_address on, {beat} a beat; read_beats beats.",
                last="On the last of them.",
            ),
        },
        order=(
            (
                "Memory keeps its contents over jobs, aborts and resets, so that programs, weights "
                "and data can be sent piece by piece."
            ),
            *program_order(p),
        ),
        sums=_sums(p),
        cycles=Cycles(
            formula="write_beats for the packet in, the program's cycles, read_beats for the "
            f"packet out, and a few between; of one HALT the program takes {p.timing.latency}",
            sizes=("instructions (HALT)",),
            cases=((1,),),
            count=lambda _: p.timing.latency,
            span="From the start to done, both counted",
        ),
        job=(
            (
                "Write write_address and write_beats (0: no packet in), program_low, program_high "
                "and program_length (0: no program), read_address and read_beats (0: no packet "
                "out)."
            ),
        ),
        flags={
            **_flags(),
            "beyond": "The packet left the memory: its beats were dropped, or are unknown. Correct "
            "address and beats.",
            "framing": "Source and registers disagree on the packet's length: tlast was not on "
            "beat write_beats.",
        },
        work=("multiply-adds", p.rows * p.columns * p.lanes),
        listing=_instructions(p),
    )
