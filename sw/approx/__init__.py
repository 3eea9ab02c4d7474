"""Approximate floating-point multipliers: models, tables, errors and products of matrices."""
