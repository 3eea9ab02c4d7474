"""Circuits of sparse training: thresholds, regenerated weights, compressed blocks, balance."""
