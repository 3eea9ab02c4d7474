"""Benches of the units that control the operands' precision."""
