"""What a data sheet says of a unit's configuration that its ports and registers do not tell."""
