"""A board of plain Python that holds an approximate multiplier."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from boards.frames import identity
from boards.link.unit import facts
from boards.model import Device, Inlet, Outlet
from boards.settings import LinkSettings
from hw.flow.emit import generate
from sim.streams import pack, unpack
from sw.approx.multiplier import ApproxParameters, multiply

PARAMETERS = ApproxParameters.make(overrides=["multiplier=mitchell", "format=bfloat16", "lanes=2"])
SETTINGS = LinkSettings(board="none", clock=50_000_000, baud=3_000_000)


@dataclasses.dataclass
class Multiplier:
    """The unit: ``extra`` beats more than it should give, and one ``wrong`` bit in the first.

    ``response`` is that of registers that are not constant, ``other`` a constant one that differs.
    """

    products: int = 0
    status: int = 0
    extra: int = 0
    wrong: int = 0
    deaf: bool = False
    response: int = 0
    other: str = ""

    def __post_init__(self) -> None:
        self.manifest = generate("approx_multiplier", PARAMETERS).manifest
        self.names = {r["offset"]: r["name"] for r in self.manifest["registers"]}

    def reset(self) -> None:
        self.products = self.status = 0

    def command(self, write: bool, address: int, value: int) -> tuple[int, int]:
        name = self.names[address]
        constants = {r["name"]: r["reset"] for r in self.manifest["registers"] if r["constant"]}
        if name in constants:
            return 2 * write, 0 if write else constants[name] ^ (self.other == name)
        words = {"status": self.status, "products": self.products}
        return self.response, 0 if write else words.get(name, 0)

    def move(self, inlets: list[Inlet], outlets: list[Outlet]) -> None:
        streams = self.manifest["streams"]
        [inlet], [outlet] = inlets, outlets
        size, wide = (streams[name]["bytes"] + 1 for name in ("s_axis", "m_axis"))
        beats = min(len(inlet.waiting) // size, outlet.room // wide - self.extra)
        if beats <= 0 or self.deaf:
            return
        words = np.frombuffer(inlet.take(beats * size), np.uint8).reshape(beats, size)
        fields = unpack(streams["s_axis"], words[:, :-1])
        a, b = (fields[name].astype(np.uint32) for name in ("a", "b"))
        product = multiply(PARAMETERS, a, b)
        self._flag(a, b, product)
        if not self.products:
            product[0, 0] ^= self.wrong
        self.products += product.size
        data = np.hstack([pack(streams["m_axis"], {"product": product}), words[:, -1:] & 1])
        outlet.put(data.tobytes() + bytes(wide * self.extra))

    def _flag(self, a: np.ndarray, b: np.ndarray, product: np.ndarray) -> None:
        exponents = [x >> 7 & 255 for x in (a, b, product)]
        special = exponents[2] == 255
        nan = special & (product & 127 != 0)
        under = (exponents[0] != 0) & (exponents[1] != 0) & (exponents[2] == 0)
        events = {"nan": nan, "overflow": special & ~nan, "underflow": under}
        [status] = [r for r in self.manifest["registers"] if r["name"] == "status"]
        for field in status["fields"]:
            happened = np.any(events.get(field["name"], False))
            self.status |= int(happened) << field["offset"]


def multiplier_device(
    unit: Multiplier | None = None,
    *,
    settings: LinkSettings = SETTINGS,
    changes: Mapping[str, object] | None = None,
) -> Device:
    """Return a device with the unit; ``changes`` are of its identity."""
    unit = unit or Multiplier()
    return Device(
        inputs=(unit.manifest["streams"]["s_axis"]["bytes"] + 1,),
        outputs=1,
        buffer=settings.buffer,
        identity=identity(facts("approx_multiplier", PARAMETERS, settings) | dict(changes or {})),
        command=unit.command,
        unit=unit.move,
        reset=unit.reset,
    )
