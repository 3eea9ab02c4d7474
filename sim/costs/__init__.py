"""What circuits cost: density of arithmetic, multipliers, elements of arrays."""
