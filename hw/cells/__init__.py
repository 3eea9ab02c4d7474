"""Arithmetic cells: one small component per operation, which knows each target's primitives."""

from pathlib import Path

__all__ = ["models"]


def models(target: str) -> Path | None:
    """Return the Verilog file that simulates the primitives of a target; None if it has none."""
    path = Path(__file__).parent / "models" / f"{target}.v"
    return path if path.exists() else None
