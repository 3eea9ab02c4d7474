"""Sparse training: which weights stay, how they are stored, and who works on them (Procrustes)."""
