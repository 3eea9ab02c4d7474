"""Sparse training: the tables beside Procrustes."""

from pathlib import Path

from rich.console import Console

from .kept import Kept
from .sparsity import area, balance, speed

__all__ = ["paper"]


def paper(folder: Path, *, sections: tuple[str, ...], seeds: int, out: Console) -> bool:
    """Print the tables, and write them and plots into ``folder``; return whether all bars hold."""
    good = True
    if "balance" in sections:
        good &= balance(folder, out)
    if "area" in sections:
        good &= area(folder, out)
    if "speed" in sections:
        good &= speed(folder, Kept(folder / "kept"), seeds, out)
    return good
