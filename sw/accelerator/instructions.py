"""The instructions: one table, of which `sw.accelerator.coding` and circuits are made.

An instruction has 128 bits. Bits of no field are 0. In memory it is 16 bytes, the lowest first.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from .field import Field

__all__ = [
    "ADDRESSES",
    "ADDRESS_BITS",
    "BITS",
    "BYTES",
    "COUNTERS",
    "ENGINES",
    "FUNCTIONS",
    "LANE_OPS",
    "LOOPS",
    "REDUCTIONS",
    "TABLE",
    "TOKENS",
    "WINDOWS",
    "WORKERS",
    "Field",
    "Instruction",
]

BITS = 128
BYTES = BITS // 8

ENGINES = {"seq": 1, "dma": 2, "quant": 3, "prod": 4, "vec": 5}
"""Who carries an instruction out, by the code in its lowest bits."""

WORKERS = tuple(ENGINES)[1:]
"""To whom the sequencer sends instructions."""

TOKENS = 16
"""Counters by which engines wait for one another."""

ADDRESSES = 16
"""Address registers of the sequencer."""

ADDRESS_BITS = 40
"""Of a byte in external memory."""

SKIP_BITS = 24
"""Of beats of random words that are left out."""

LOOPS = 4
"""Loops inside one another."""

COUNTERS = 6
"""Of a window; the last one counts fastest."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instruction:
    """An instruction of the table: an engine's code, an operation's, and fields.

    ``slot`` is that of a window which it sets. ``scaled``: it is legal only where the machine's
    format has a scale a tensor.
    """

    name: str
    engine: str
    op: int
    meaning: str
    fields: tuple[Field, ...] = ()
    slot: int | None = None
    scaled: bool = False

    @property
    def fixed(self) -> tuple[int, int]:
        """Value and mask of the bits that tell it from the others."""
        value, mask = ENGINES[self.engine] | self.op << 4, 0xFF
        if self.slot is not None:
            value, mask = value | self.slot << 12, mask | 0xF << 12
        return value, mask

    @property
    def named(self) -> Mapping[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}


def _field(name: str, low: int, bits: int, meaning: str, **limits: Any) -> Field:
    return Field(name=name, low=low, bits=bits, meaning=meaning, **limits)


def _counter(engine: str, number: int) -> Instruction:
    return _set(
        engine,
        f"counter{number}",
        2 + number,
        f"counter {number} of a window, of 0, the slowest, to {COUNTERS - 1}",
        _field("count", 32, 16, "its values", least=1),
        _field("stride", 48, 32, "elements from one to the next", signed=True),
        _field("ystep", 80, 8, "what it adds to y", signed=True),
        _field("xstep", 88, 8, "what it adds to x", signed=True),
    )


WINDOWS = {"dma": 2, "quant": 2, "prod": 3, "vec": 3}
"""Windows of each engine."""

_ADD = _field(
    "add",
    16,
    5,
    "0, or 1 more than the address register that is added to bits 32 to 71",
    most=ADDRESSES,
)


def _set(
    engine: str, name: str, slot: int, meaning: str, *fields: Field, most: int | None = None
) -> Instruction:
    """Return what sets a slot of a window, of which ``most`` is the last that has it."""
    last = WINDOWS[engine] - 1 if most is None else most
    return Instruction(
        name=f"{engine}.{name}",
        engine=engine,
        op=0,
        slot=slot,
        meaning=meaning,
        fields=(_field("window", 8, 4, "which window", most=last), *fields),
    )


def _windows(engine: str) -> Iterable[Instruction]:
    """Give what sets the windows of an engine."""
    yield _set(
        engine,
        "base",
        0,
        "where a window begins; all else of it becomes as after reset",
        _ADD,
        # The register adds 40 bits; of an element's address those above 32 are lost.
        _field("address", 32, ADDRESS_BITS, "of an element in its bank (32 bits), or of a byte"),
        _field("bank", 72, 4, "of the scratchpad"),
        _field("single", 76, 1, "one element at a time, in all lanes"),
    )
    yield _set(
        engine,
        "bounds",
        1,
        "the plane outside of which all is zero",
        _field("y", 32, 16, "of the first position", signed=True),
        _field("x", 48, 16, "of the first position", signed=True),
        _field("height", 64, 16, "of the plane"),
        _field("width", 80, 16, "of the plane"),
    )
    for number in range(COUNTERS):
        yield _counter(engine, number)


_TOKENS = (
    _field("wait", 8, TOKENS, "tokens of which one each is waited for and taken"),
    _field("signal", 24, TOKENS, "tokens of which one each is given at the end"),
)


def _run(
    engine: str, name: str, op: int, meaning: str, *fields: Field, scaled: bool = False
) -> Instruction:
    return Instruction(
        name=f"{engine}.{name}",
        engine=engine,
        op=op,
        meaning=meaning,
        fields=(*_TOKENS, *fields),
        scaled=scaled,
    )


def _seq(name: str, op: int, meaning: str, *fields: Field) -> Instruction:
    return Instruction(name=name, engine="seq", op=op, meaning=meaning, fields=fields)


_MASK = _field("tokens", 8, TOKENS, "mask of tokens")
_ADDRESS = (
    _field("address", 8, 4, "number of the register"),
    _field("value", 32, ADDRESS_BITS, "of 40 bits"),
)

_PRODUCT = (
    _field("m", 40, 16, "rows of a result", least=1),
    _field("n", 56, 16, "columns of a result, a multiple of a tile's", least=1),
    _field("blocks", 72, 16, "blocks along the reduction", least=1),
    _field("more", 88, 15, "products after the first; counter 3 of windows takes each to the next"),
)

LANE_OPS = (
    *("copy", "fill", "add", "sub", "mul", "scale", "axpy", "shift", "max", "mask", "equal"),
    "function",
)
"""Operations of the vector engine's lanes, by their codes."""

REDUCTIONS = ("none", "sum", "max")
FUNCTIONS = ("none", "exp", "recip", "rsqrt", "log")

TABLE: tuple[Instruction, ...] = (
    _seq("seta", 1, "sets an address register", *_ADDRESS),
    _seq("adda", 2, "adds to an address register, modulo 2**40", *_ADDRESS),
    _seq(
        "loop", 3, "repeats what follows up to its end", _field("count", 32, 24, "times", least=1)
    ),
    _seq("end", 4, "ends a loop"),
    _seq("wait", 5, "waits for tokens and takes them", _MASK),
    _seq("signal", 6, "gives tokens", _MASK),
    _seq("barrier", 7, "waits until all engines have done all that they were sent"),
    _seq("event", 8, "a barrier, then the event flag"),
    _seq("halt", 9, "a barrier, then the end of the program"),
    *_windows("dma"),
    _run(
        "dma",
        "load",
        1,
        "rows of words from external memory to the scratchpad",
        *(
            _DMA_FIELDS := (
                _field("rows", 40, 16, "rows", least=1),
                _field("words", 56, 16, "words of a row", least=1),
                _field("distance", 72, 32, "bytes from a row to the next, outside", signed=True),
            )
        ),
    ),
    _run("dma", "store", 2, "rows of words from the scratchpad to external memory", *_DMA_FIELDS),
    *_windows("quant"),
    _set(
        "quant",
        "key",
        8,
        "the key of the random words; without one they are half their range: to nearest, ties away",
        _ADD,
        _field("key", 32, 64, "of a stream"),
        _field("skip", 96, SKIP_BITS, "beats of the quantizer whose words are left out"),
        most=0,
    ),
    _run(
        "quant",
        "quantize",
        1,
        "a matrix of binary32 to a panel of codes",
        _field("transposed", 40, 1, "a word is of one element of the reduction, for all its rows"),
        _field("side", 41, 1, "the panel is of the array's rows (0) or columns (1)"),
        *(
            _WORDS := (
                _field("inner", 44, 16, "words of a row, or of a group of rows", least=1),
                _field("outer", 60, 24, "rows, or groups of as many as a word has values", least=1),
            )
        ),
        _field("blocks", 84, 16, "blocks along the reduction", least=1),
    ),
    _run(
        "quant",
        "amax",
        2,
        "the largest finite magnitude, to an element; by it tensors are scaled from then on",
        *_WORDS,
        scaled=True,
    ),
    *_windows("prod"),
    _run("prod", "multiply", 1, "products of two panels each", *_PRODUCT),
    _run(
        "prod",
        "alpha",
        2,
        "what results are multiplied by from then on, of the largest magnitudes of two tensors",
        scaled=True,
    ),
    *_windows("vec"),
    _run(
        "vec",
        "map",
        1,
        "an operation on all elements, perhaps reduced",
        _field(
            "lane",
            40,
            4,
            ", ".join(f"{n} {op}" for n, op in enumerate(LANE_OPS)),
            most=len(LANE_OPS) - 1,
        ),
        _field("reduce", 44, 2, "0 none, 1 sum, 2 max", most=2),
        _field("fold", 46, 1, "the lanes are reduced too"),
        _field("relu", 47, 1, "what is not positive becomes zero"),
        _field("scalar", 48, 3, "0: imm; else one more than the scalar register", most=4),
        _field("function", 52, 3, "1 exp, 2 1/x, 3 1/sqrt(x), 4 log", most=len(FUNCTIONS) - 1),
        _field("inner", 56, 16, "words that are reduced to one", least=1),
        _field("outer", 72, 24, "times", least=1),
        _field("imm", 96, 32, "bits of a binary32"),
    ),
    _run("vec", "scalar", 2, "a scalar register from memory", _field("register", 52, 2, "which")),
)
"""All instructions."""
