"""A unit in Amaranth's simulator, with an AXI4-Lite master."""

from collections.abc import Callable
from typing import Any

from hw.bus.top import AxiTop
from hw.units import unit as find_unit

from .clocked import drive

__all__ = ["OKAY", "SLVERR", "Bus", "simulate"]

OKAY, SLVERR = 0, 2


class Bus:
    """Clock and registers of a unit inside a test bench.

    Attributes
    ----------
    top : AxiTop
        The unit.
    response : int
        That of the latest access.
    """

    def __init__(self, ctx: Any, top: AxiTop) -> None:
        self.ctx = ctx
        self.top = top
        self.response = 0
        self.addresses = {register.name: 4 * i for i, register in enumerate(top.registers)}
        self.fields: dict[str, tuple[int, int]] = {}
        for register in top.registers:
            place = 0
            for field in register.fields:
                self.fields[f"{register.name}.{field.name}"] = place, (1 << field.bits) - 1
                place += field.bits

    def get(self, port: str) -> int:
        """Return the value of a port."""
        return self.ctx.get(getattr(self.top, port))

    def set(self, port: str, value: int) -> None:
        """Set a port."""
        self.ctx.set(getattr(self.top, port), value)

    async def tick(self, cycles: int = 1) -> None:
        """Wait for the clock."""
        for _ in range(cycles):
            for clock in (1, 0):
                self.set("aclk", clock)
                await self.ctx.delay(1e-8)

    async def reset(self) -> None:
        """Reset the unit, and leave it out of reset."""
        self.set("aresetn", 0)
        await self.tick()
        self.set("aresetn", 1)

    async def _access(self, kind: str, address: int) -> None:
        self.set(f"s_axi_a{kind}addr", address)
        requests = [f"a{kind}"] + ["w"] * (kind == "w")
        answer = "b" if kind == "w" else "r"
        for channel in requests:
            self.set(f"s_axi_{channel}valid", 1)
        self.set(f"s_axi_{answer}ready", 1)
        while not self.get(f"s_axi_{answer}valid"):
            taken = [c for c in requests if self.get(f"s_axi_{c}ready")]
            await self.tick()
            for channel in taken:
                self.set(f"s_axi_{channel}valid", 0)
        self.response = self.get(f"s_axi_{answer}resp")

    async def write(self, name: str | int, value: int, strobes: int = 15) -> int:
        """Write a register, a field with the others 0, or an address; return the response."""
        if isinstance(name, int):
            address = name
        else:
            address = self.addresses[name.partition(".")[0]]
            value <<= self.fields[name][0] if "." in name else 0
        self.set("s_axi_wdata", value)
        self.set("s_axi_wstrb", strobes)
        await self._access("w", address)
        await self.tick()
        self.set("s_axi_bready", 0)
        return self.response

    async def read(self, name: str | int) -> int:
        """Return a register, a field of one, or what is at an address."""
        register = name if isinstance(name, int) else self.addresses[name.partition(".")[0]]
        await self._access("r", register)
        word = self.get("s_axi_rdata")
        await self.tick()
        self.set("s_axi_rready", 0)
        if isinstance(name, int) or "." not in name:
            return word
        place, mask = self.fields[name]
        return word >> place & mask


def simulate(unit: str, parameters: Any, bench: Callable[[Bus], Any]) -> None:
    """Run a bench, a coroutine, on a unit that has not been reset."""
    top = find_unit(unit).top(parameters)

    async def run(ctx: Any) -> None:
        await bench(Bus(ctx, top))

    drive(top, run, clock=False)
