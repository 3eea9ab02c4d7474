"""Tops for circuits that have no clock port, to be synthesized alone."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.wiring import In

from hw.base.circuit import Circuit

__all__ = ["Clocked"]


class Clocked(Circuit):
    """A circuit with a clock of its own; a cycle later if its inputs are registered.

    Parameters
    ----------
    inner : Circuit
        The circuit, whose flip-flops need no reset.
    enabled : bool
        Its clock enable ``en`` is 1, and no port.
    registered : bool
        Its other inputs come from registers.
    name : str
        That of its instance.

    Members
    -------
    aclk : In(1)
    ... : as of ``inner``
    """

    def __init__(
        self,
        *,
        inner: Circuit,
        enabled: bool = False,
        registered: bool = False,
        name: str = "inner",
    ) -> None:
        self.inner, self.name = inner, name
        self.enabled, self.registered = enabled, registered
        members = dict(inner.signature.members)
        if enabled:
            members.pop("en", None)
        super().__init__({"aclk": In(1), **members})

    def elaborate(self, platform: Any) -> Module:
        """Connect the circuit, its inputs straight or from registers."""
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.aclk)
        m.submodules[self.name] = inner = self.inner
        enter = m.d.sync if self.registered else m.d.comb
        for name, member in inner.signature.members.items():
            port = getattr(inner, name)
            if name == "en" and self.enabled:
                m.d.comb += port.eq(1)
            elif member.flow is In:
                enter += port.eq(getattr(self, name))
            else:
                m.d.comb += getattr(self, name).eq(port)
        return m
