"""The proof: benches that run generated Verilog in a simulator."""
