"""Registers of bits."""

from amaranth.hdl import Module, Signal

from ..base.pipeline import register
from .bit import Bit, bits, pack

__all__ = ["register_bits"]


def register_bits(m: Module, en: Signal, name: str, values: list[Bit]) -> list[Bit]:
    """Return ``values`` after an enabled cycle, unknown before."""
    return bits(register(m, en, name, len(values), pack(values)))
