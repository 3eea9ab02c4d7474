"""Circuits of sparse training."""
