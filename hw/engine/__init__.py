"""What units and engines share: registers, jobs, sequences of tiles, limits of size."""
