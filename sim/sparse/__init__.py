"""Benches of the circuits of sparse training."""
