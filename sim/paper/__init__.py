"""Tables that stand beside the figures of the papers, each made by one command."""

__all__ = ["SECTIONS"]

SECTIONS = ("density", "throughput", "utilization", "accuracy")
"""Parts of the table of block floating point."""
