"""Benches of the units that change formats."""
