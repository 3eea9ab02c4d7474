"""What all circuits are made of: modules, delays, memories."""
