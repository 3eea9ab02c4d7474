"""The circuit between a serial line and a unit's AXI ports."""
