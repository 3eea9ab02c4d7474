"""Circuits for floating point."""
