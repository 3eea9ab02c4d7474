"""Formats: from floating point to blocks, and the fields that blocks travel in."""
