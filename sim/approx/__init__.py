"""Benches of the units with approximate multipliers."""
