"""Circuits for binary32."""
