"""The multi-mode array."""
