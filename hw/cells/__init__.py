"""Arithmetic cells: one small component per operation, which knows each target's primitives."""

from pathlib import Path

__all__ = ["models"]


def models(target: str) -> Path:
    """Return the Verilog file that simulates a target's primitives, of which it may have none."""
    return Path(__file__).parent / "models" / f"{target}.v"
