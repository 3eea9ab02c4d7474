"""Sparse training: thresholds, regenerated weights, compressed blocks, balance (Procrustes)."""
