"""Block floating point circuits."""
