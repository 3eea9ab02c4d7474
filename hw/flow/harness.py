"""A shift register around a unit, to route it on a device with fewer pins than ports."""

from .emit import Design

__all__ = ["harness"]

_TEXT = """\
// Each input of the unit comes from a flip-flop and each output goes to one.
module {name}_harness (
  input wire aclk,
  input wire aresetn,
  input wire serial_in,
  input wire load,
  output wire serial_out
);
  reg reset_n;
  reg [{inputs_top}:0] inputs;
  wire [{outputs_top}:0] outputs;
  reg [{outputs_top}:0] taken;
  reg [{outputs_top}:0] shifted;
  reg chosen;
  always @(posedge aclk) begin
    reset_n <= aresetn;
    chosen <= load;
    inputs <= {{ inputs[{inputs_top}-1:0], serial_in }};
    taken <= outputs;
    if (chosen) shifted <= taken;
    else shifted <= {{ shifted[{outputs_top}-1:0], 1'b0 }};
  end
  assign serial_out = shifted[{outputs_top}];
  {name} unit (
    .aclk(aclk),
    .aresetn(reset_n),
{connections}
  );
endmodule
"""


def harness(design: Design) -> Design:
    """Return a design with five pins that holds ``design``."""
    used = {"in": 0, "out": 0}
    connections = []
    for port in design.manifest["ports"]:
        if port["name"] in ("aclk", "aresetn"):
            continue
        low = used[port["direction"]]
        used[port["direction"]] = high = low + port["width"]
        vector = "inputs" if port["direction"] == "in" else "outputs"
        connections.append(f"    .{port['name']}({vector}[{high - 1}:{low}])")
    text = _TEXT.format(
        name=design.name,
        inputs_top=used["in"] - 1,
        outputs_top=used["out"] - 1,
        connections=",\n".join(connections),
    )
    return Design(f"{design.name}_harness", f"{text}\n{design.verilog}", design.manifest)
