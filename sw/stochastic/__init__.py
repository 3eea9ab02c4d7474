"""Stochastic computing: random bits whose chances multiply, for weight updates (ESSOP)."""
