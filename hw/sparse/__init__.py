"""Circuits of sparse training: which weights are kept, and what the others are."""
