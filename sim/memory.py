"""The external memory at a unit's AXI4 master."""

import ctypes
import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from sw.checks import array, instance, whole
from sw.errors import UserError

from .streams import Stalls, stall_threshold, stream_seed

__all__ = ["LINKS", "RULES", "Memory", "MemoryRequest", "link_names"]

LINKS = ("aw", "w", "b", "ar", "r")
"""The channels."""

_GIVEN = ("b", "r")

RULES = (
    "is valid in reset",
    "crosses a boundary of 4 KiB",
    "has wlast where its last word is not, or none there",
    "is not INCR",
    "has beats narrower than the port",
    "begins inside of a beat",
)
"""What a burst must not do; sim/memory.h has the same order."""

MOST_BURSTS = 1 << 16


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Memory:
    """A memory that answers in order, as slow as AXI4 allows to see a word that is written.

    Words are read as their address is taken, and written as the answer is first offered, so that
    a unit that does not wait for answers is found out. Channels have the gaps of the run's stalls.

    Parameters
    ----------
    image : array of uint8
        The bytes, which runs change in place.
    base : int
        Address of the first. What lies elsewhere is answered by SLVERR.
    latency : int
        Cycles from an address, or from a burst's last word written, to the answer.
    jitter : int
        Cycles that an answer is later, at most, at random.
    bursts : int
        Of each direction, how many are taken before the first is answered.
    bad : (int, int), optional
        Address and number of bytes that are answered by SLVERR.
    """

    image: npt.NDArray[np.uint8]
    base: int = 0
    latency: int = 1
    jitter: int = 0
    bursts: int = 16
    bad: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        """Check every field."""
        image = array("image", self.image, "uint8", shape=("bytes",))
        if image is not self.image or not (image.flags.c_contiguous and image.flags.writeable):
            raise UserError("image must be an array that can be written in place")
        most = (1 << 63) - 1
        whole("base", self.base, 0, most)
        whole("latency", self.latency, 1, most)
        whole("jitter", self.jitter, 0, (1 << 32) - 2)
        whole("bursts", self.bursts, 1, MOST_BURSTS)
        if len(instance("bad", self.bad, tuple)) != 2:
            raise UserError(f"bad must be an address and a number of bytes, not {self.bad}")
        for value in self.bad:
            whole("bad", value, 0, most)


class _Flow(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint64) for name in ("done", "first", "final")),
        *((name, ctypes.c_uint32) for name in ("stall", "random", "valid", "ready")),
    ]


class MemoryRequest(ctypes.Structure):
    """What the batch engine's harness is told of a memory, and tells of it."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("image", ctypes.c_void_p),
        *(
            (name, ctypes.c_uint64)
            for name in ("base", "size", "bad", "bad_size", "latency", "jitter", "address")
        ),
        *((name, ctypes.c_uint32) for name in ("beats", "rule", "bursts")),
        ("flows", _Flow * len(LINKS)),
    ]

    def __init__(self, memory: Memory, master: str, stalls: Stalls, seed: int) -> None:
        bad, bad_size = memory.bad
        super().__init__(
            name=master.encode(),
            image=memory.image.ctypes.data,
            base=memory.base,
            size=len(memory.image),
            bad=bad,
            bad_size=bad_size,
            latency=memory.latency,
            jitter=memory.jitter,
            bursts=memory.bursts,
        )
        flows: Any = self.flows
        for link, name, flow in zip(LINKS, link_names(master), flows, strict=True):
            flow.stall = stall_threshold(stalls.idle if link in _GIVEN else stalls.back_pressure)
            flow.random = stream_seed(seed, name)

    @property
    def broken(self) -> str:
        """The rule that was broken, if one was, and by which burst."""
        burst = f"a burst of {self.beats} beats at {self.address:#x} " if self.beats else ""
        return burst + RULES[self.rule]


def link_names(master: str) -> list[str]:
    """Return the names of the channels of a master."""
    return [f"{master}_{link}" for link in LINKS]
