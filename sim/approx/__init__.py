"""Benches of the circuits of approximate floating-point multipliers."""
