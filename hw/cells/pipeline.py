"""Registers of bits."""

from amaranth.hdl import Module, Signal

from .bit import Bit, bits, pack

__all__ = ["register"]


def register(m: Module, en: Signal, name: str, values: list[Bit]) -> list[Bit]:
    """Return ``values`` from a register without reset, clocked where ``en`` is high."""
    stage = Signal(len(values), name=name, reset_less=True)
    with m.If(en):
        m.d.sync += stage.eq(pack(values))
    return bits(stage)
