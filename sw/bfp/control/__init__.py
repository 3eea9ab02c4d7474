"""Control of the operands' precision at run time."""
