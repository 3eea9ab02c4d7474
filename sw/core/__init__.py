"""Matrix products of layers, and the addresses of their operands."""
