"""From a unit to Verilog, netlists, costs and reports."""
