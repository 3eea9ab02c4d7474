"""Circuits of approximate floating-point multipliers."""
