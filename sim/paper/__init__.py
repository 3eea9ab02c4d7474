"""Tables that stand beside the figures of the papers, each made by one command."""

__all__ = ["APPROX", "BFP", "ESSOP", "FORMATS", "SPARSE"]

BFP = ("density", "throughput", "utilization", "accuracy")
"""Parts of the table of block floating point."""

APPROX = ("errors", "cost", "speed", "training", "accuracy")
"""Parts of the table of approximate multipliers."""

ESSOP = ("error", "cost", "training", "accuracy")
"""Parts of the table of stochastic outer products."""

SPARSE = ("balance", "area", "speed", "training", "accuracy")
"""Parts of the table of sparse training."""

FORMATS = ("formats", "accuracy", "pareto")
"""Parts of the table of the formats of today."""
