"""Notes of the machines that train a network alone."""

from sw.accelerator.chip import ChipParameters
from sw.accelerator.instructions import BYTES, TABLE
from sw.accelerator.parameters import AcceleratorParameters

from .note import ARITHMETIC, Cycles, Notes, Port

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
    fields = "; ".join(
        f"{each.name} ({each.engine}, bits 7..0 = {each.fixed[0] & 0xFF:02X}"
        + (f", slot {each.slot}" if each.slot is not None else "")
        + "): "
        + (", ".join(f"{f.name} {f.low + f.bits - 1}..{f.low}" for f in each.fields) or "no fields")
        for each in TABLE
        if p.tensor_scale or not each.scaled
    )
    return (
        (
            f"A program is a row of instructions of {BYTES} bytes, lowest byte first, from an "
            "address "
            f"that is a multiple of {max(BYTES, p.port_bits // 8)}; bits that belong to no field "
            "are 0. "
            "Bits 3..0 name the engine (1 seq, 2 dma, 3 quant, 4 prod, 5 vec), bits 7..4 the "
            "operation; "
            "op 0 sets a window, with the slot in bits 15..12 and the window in bits 11..8."
        ),
        (
            "Values in memory and in the scratchpad are binary32, lowest byte first. A word of "
            "the "
            f"scratchpad has {p.values} values, {p.word_bits // 8} bytes; rows that are loaded "
            "or stored "
            f"are whole words, at addresses that are multiples of it. There are {p.banks} banks of "
            f"{p.bank_words} words."
        ),
        (
            "Programs are made by `python -m sw program` with the same fields (listing, memory "
            "map, "
            "binary); what each instruction does, and the machine as a model, is in "
            "`sw.accelerator`."
        ),
        f"Instructions, with the bits of their fields: {fields}.",
    )


def _sums(p: AcceleratorParameters) -> tuple[str, ...]:
    return (
        (
            f"Products are those of a bfp_array of {p.rows} x {p.columns} results, {p.lanes} "
            "lanes, in "
            f"{p.format.name}: see its data sheet for the order of additions. Everything else is "
            "binary32; sums over words are added word by word in order, lanes pairwise at the end "
            "(`sw.accelerator.vector`)."
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
                "A machine that trains a network alone: a sequencer fetches a program from "
                "memory and "
                "sends its instructions to a DMA engine, a quantizer, a matrix engine and a vector "
                f"engine around a scratchpad of {p.banks} banks. It has no streams: all data go "
                "through "
                "the AXI4 master m_axi."
            ),
            (
                "A job is a program of at most "
                f"{p.instructions} instructions: program_low, program_high and program_length "
                "say where."
            ),
        ),
        ports={},
        order=(
            *program_order(p),
            (
                f"m_axi has {p.port_bits} data bits, INCR bursts of at most {p.burst} beats, "
                "none across "
                f"4 KiB, {p.outstanding} of each direction under way at most, one ID; it takes "
                "RRESP and "
                "BRESP other than OKAY as an error. Data of a narrow memory need a width converter."
            ),
        ),
        sums=_sums(p),
        cycles=Cycles(
            formula=f"{p.timing.latency} for a program of one HALT in a memory that answers at "
            "once; "
            "of any program `sw.accelerator.cycles` predicts them, exactly where memory never "
            "stalls",
            sizes=("instructions (HALT)",),
            cases=((1,),),
            count=lambda _: p.timing.latency,
        ),
        job=(
            (
                "Put program, weights and data into memory; write program_low, program_high and "
                "program_length."
            ),
        ),
        flags=_flags(),
        work=("multiply-adds", p.rows * p.columns * p.lanes),
    )


def chip(p: ChipParameters) -> Notes:
    """Return the notes of ``accelerator_chip``."""
    beat = p.beat_bytes
    return Notes(
        does=(
            (
                f"The accelerator with {p.memory_bytes:,} bytes of memory on the chip, from "
                "address 0 "
                "on. A job takes a packet into memory, runs a program, and gives a packet of "
                "memory, in "
                "this order; each may be left out."
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
                "Memory keeps its contents over jobs, aborts and resets, so that programs, "
                "weights and "
                "data can be sent piece by piece."
            ),
            *program_order(p),
        ),
        sums=_sums(p),
        cycles=Cycles(
            formula="write_beats for the packet in, the program's cycles, read_beats for the "
            "packet "
            f"out, and a few between; of one HALT the program takes {p.timing.latency}",
            sizes=("instructions (HALT)",),
            cases=((1,),),
            count=lambda _: p.timing.latency,
        ),
        job=(
            (
                "Write write_address and write_beats (0: no packet in), program_low, "
                "program_high and "
                "program_length (0: no program), read_address and read_beats (0: no packet out)."
            ),
        ),
        flags={
            **_flags(),
            "beyond": "The packet left the memory: its beats were dropped, or are unknown. Correct "
            "address and beats.",
            "framing": "Source and registers disagree on the packet's length: tlast was not on "
            "beat "
            "write_beats.",
        },
        work=("multiply-adds", p.rows * p.columns * p.lanes),
    )
