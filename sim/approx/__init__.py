"""Benches of approximate multipliers."""
