"""Arithmetic cells: one small component per operation, which knows each target's primitives."""
