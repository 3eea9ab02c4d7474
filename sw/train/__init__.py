"""Training: data sets, a small network, and the files that hold its weights."""
