"""AXI: the slave in front of registers, and the top around a core."""
