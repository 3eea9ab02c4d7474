"""The circuits: Amaranth components, Verilog, synthesis and its reports."""
