"""Circuits that start anew without a reset of all others."""

from typing import Any

from amaranth.hdl import Elaboratable, ResetInserter, ResetSignal, Value

from .circuit import Circuit

__all__ = ["Restarted"]


class Restarted(Elaboratable):
    """A circuit, as a submodule, whose registers are also reset in each cycle of ``restart``.

    Its clock is that of what holds it: in a clock domain of its own, with a clock that is
    assigned, it would be a step behind in Amaranth's simulator. Latency and interval are the
    circuit's.

    Members
    -------
    Those of the circuit.
    """

    def __init__(self, circuit: Circuit, restart: Value) -> None:
        self.circuit = circuit
        self.restart = restart

    def __getattr__(self, name: str) -> Any:
        """Return the circuit's own."""
        return getattr(self.circuit, name)

    def elaborate(self, platform: Any) -> Any:
        """Add to the reset of the circuit's instance, or of all that is in it."""
        if hasattr(platform, "instance"):
            return platform.instance(self.circuit, reset=ResetSignal() | self.restart)
        return ResetInserter(self.restart)(self.circuit)
