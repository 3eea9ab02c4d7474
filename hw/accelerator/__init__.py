"""The accelerator: a machine that trains a network alone."""
