"""The numbers: formats, parameters and bit-exact models of every circuit, in NumPy."""
