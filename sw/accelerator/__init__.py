"""The accelerator: its numbers, its programs, and what they make of a memory."""
