"""Programs in few words, and a machine that runs them."""

import numpy as np

from sw.accelerator.coding import encode
from sw.accelerator.instructions import LANE_OPS
from sw.accelerator.machine import Machine, Outcome
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats import read_format

SMALL = AcceleratorParameters(
    rows=2, columns=4, lanes=4, format=read_format("mxint8"), bank_words=64
)
"""Words of four values, slices of one; panels of blocks of 32 elements."""

HALT = encode("halt")

COPY, FILL, ADD = (LANE_OPS.index(op) for op in ("copy", "fill", "add"))
ONE = 0x3F800000


def vec(lane, *, inner=1, outer=1, **fields) -> int:
    """Return an operation of the vector engine."""
    return encode("vec.map", lane=lane, inner=inner, outer=outer, **fields)


def load(rows=1, words=1, **fields) -> int:
    """Return a load of rows of words."""
    return encode("dma.load", rows=rows, words=words, **fields)


def store(rows=1, words=1, **fields) -> int:
    """Return a store of rows of words."""
    return encode("dma.store", rows=rows, words=words, **fields)


def window(engine, number, address=0, *, bank=0, single=0, add=0, bounds=None, **counters):
    """Return what sets a window; counters by their number, as count, stride, ystep, xstep."""
    mask = (1 << (40 if engine == "dma" and number == 1 else 32)) - 1
    program = [
        encode(
            f"{engine}.base",
            window=number,
            address=address & mask,
            bank=bank,
            single=single,
            add=add,
        )
    ]
    if bounds:
        names = ("y", "x", "height", "width")
        values = dict(zip(names, bounds, strict=True))
        program.append(encode(f"{engine}.bounds", window=number, **values))
    for name, values in counters.items():
        fields = dict(zip(("count", "stride", "ystep", "xstep"), values, strict=False))
        program.append(encode(f"{engine}.{name}", window=number, **fields))
    return program


def machine(parameters=SMALL, size=4096, base=0):
    """Return a machine with a memory in which each byte differs from its neighbours."""
    memory = bytearray((i * 7 + i // 256) % 256 for i in range(size))
    return Machine(parameters, memory, base), memory


def run(made: Machine, *parts: int | list[int]) -> Outcome:
    """Run instructions and lists of them, to the end without an error."""
    outcome = attempt(made, *parts)
    assert outcome.error == "", outcome
    return outcome


def attempt(made: Machine, *parts: int | list[int]) -> Outcome:
    """Run instructions and lists of them, behind them a halt."""
    flat = [each for part in parts for each in ([part] if isinstance(part, int) else part)]
    return made.run([*flat, HALT])


def put(made: Machine, bank: int, address: int, values) -> None:
    """Write binary32 values from an element of a bank on."""
    flat = made.words[bank].reshape(-1)
    values = np.ravel(np.asarray(values, np.float32))
    flat[address : address + len(values)] = values.view(np.uint32)


def values(made: Machine, bank: int, address: int, count: int) -> np.ndarray:
    """Read binary32 values from an element of a bank on."""
    return made.words[bank].reshape(-1)[address : address + count].view(np.float32)


def filled(*given) -> Machine:
    """Return a machine with values in scratchpads: the bank, address and values of each `put`."""
    made, _ = machine()
    for each in given:
        put(made, *each)
    return made
