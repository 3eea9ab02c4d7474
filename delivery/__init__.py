"""What is handed over with a unit's Verilog: documents, drivers, test benches, files for tools.

All of it is made from the manifest and the parameters of the one description that the circuit has.
"""
