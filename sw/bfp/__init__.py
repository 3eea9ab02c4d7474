"""Block floating point: FlexBlock, HBFP, MSFP and MXINT8."""
