"""Circuits of stochastic computing: random bits whose chances multiply, for weight updates."""
