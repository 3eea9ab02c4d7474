"""Benches of the block floating-point units."""
