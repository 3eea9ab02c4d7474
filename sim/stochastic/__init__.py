"""Benches of the circuits of stochastic computing."""
