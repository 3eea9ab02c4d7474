"""Simulation of one small module by Icarus, without a bus."""

import re
import subprocess

from hw.cells import models

BENCH = """
module bench;
  reg clk = 0, en = 1;
  reg [{width}-1:0] operands [0:{beats}-1];
  reg [{width}-1:0] now;
  wire [{bits}-1:0] {output};
  integer i;
  {instance}
  initial begin
    $readmemh("operands.hex", operands);
    for (i = 0; i < {beats} + {latency}; i = i + 1) begin
      now = i < {beats} ? operands[i] : 0;
      #1 if (i >= {latency}) $display("%h", {output});
      clk = 1;
      #1 clk = 0;
    end
  end
endmodule
"""


def simulate(folder, verilog, *, target, ports, output, bits, latency, beats):
    """Return the output of module ``top`` for each beat, an integer of all inputs, first lowest.

    ``ports`` maps inputs to widths; the module may have a clock, ``clk`` or ``aclk``, and ``en``.
    """
    width = sum(ports.values())
    place, wires = 0, []
    for port, size in ports.items():
        wires.append(f".{port}(now[{place + size - 1}:{place}])")
        place += size
    clock = re.search(r"\binput (?:wire )?(a?clk)\b", verilog)
    if clock:
        wires.append(f".{clock[1]}(clk)")
    if re.search(r"\binput (?:wire )?en\b", verilog):
        wires.append(".en(en)")
    wires.append(f".{output}({output})")
    (folder / "operands.hex").write_text("".join(f"{beat:x}\n" for beat in beats))
    bench = BENCH.format(
        width=width,
        beats=len(beats),
        bits=bits,
        latency=latency,
        output=output,
        instance=f"top top ({', '.join(wires)});",
    )
    (folder / "top.v").write_text(verilog + bench)
    sources = ["top.v", str(models(target))]
    command = ["iverilog", "-g2005", "-o", "top.vvp", "-s", "bench", *sources]
    subprocess.run(command, cwd=folder, check=True)
    lines = subprocess.run(["vvp", "top.vvp"], cwd=folder, check=True, capture_output=True)
    return [int(line, 16) for line in lines.stdout.split()]
