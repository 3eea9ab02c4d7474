"""Tests of what is handed over with a unit."""
