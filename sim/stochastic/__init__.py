"""Benches of stochastic computing."""
