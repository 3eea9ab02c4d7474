"""Benches of the accelerator."""
