"""Sparse training: thresholds, regenerated weights, compressed blocks, balanced PE rows."""
