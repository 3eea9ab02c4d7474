"""Sparse training: few weights kept, the others made anew from their number (Procrustes)."""
