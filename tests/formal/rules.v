// Rules of AXI4-Stream (Arm IHI 0051) and AXI4-Lite (Arm IHI 0022): asserted of a unit, or with
// ASSUMED taken for granted of what surrounds it. Reset may come in any cycle. With REACH defined
// nothing is asserted but that not every port has had a word that waited and was then taken.

// Whoever offers a word keeps it until it is taken, and offers none in the cycle after reset.
module source_rules #(parameter WIDTH = 1, parameter ASSUMED = 0) (
  input wire aclk, aresetn, valid, ready,
  input wire [WIDTH-1:0] payload,
  output reg kept
);
  reg running = 0;
  reg waiting = 0;
  reg [WIDTH-1:0] offered;
  initial kept = 0;
  always @(posedge aclk) begin
    running <= aresetn;
    waiting <= aresetn & valid & ~ready;
    offered <= payload;
    kept <= kept | (aresetn & waiting & valid & ready);
  end
  wire early = ~running & valid;
  wire withdrawn = aresetn & waiting & ~valid;
  wire changed = aresetn & waiting & (payload != offered);
  generate
    if (ASSUMED) begin
      always @* assume (!early & !withdrawn & !changed);
`ifndef REACH
    end else begin
      always @* begin
        valid_low_after_reset: assert (!early);
        valid_until_ready: assert (!withdrawn);
        payload_until_ready: assert (!changed);
      end
`endif
    end
  endgenerate
endmodule

// Whoever takes words takes none in the cycle after reset: a source that is not in reset would
// lose them.
module sink_rules (
  input wire aclk, aresetn, ready
);
  reg running = 0;
  always @(posedge aclk) running <= aresetn;
`ifndef REACH
  always @* begin
    ready_low_after_reset: assert (running | !ready);
  end
`endif
endmodule

// Whoever is asked answers once, in time, with OKAY or SLVERR. A request has two halves, like one of
// AXI4-Lite's writes; where it has one, that stands for both.
module response_rules #(parameter MOST = 1, parameter WITHIN = 1) (
  input wire aclk, aresetn, first_valid, first_ready, second_valid, second_ready, valid, ready,
  input wire [1:0] response
);
  reg [3:0] first = 0;
  reg [3:0] second = 0;
  reg [3:0] waited = 0;
  wire asked = (first_valid | first != 0) & (second_valid | second != 0);
  always @(posedge aclk) begin
    first <= first + (first_valid & first_ready) - (valid & ready);
    second <= second + (second_valid & second_ready) - (valid & ready);
    waited <= asked & ~valid ? waited + 1 : 0;
    if (!aresetn) begin
      first <= 0;
      second <= 0;
      waited <= 0;
    end
  end
`ifndef REACH
  always @* begin
    answer_to_a_request: assert (!valid | (first != 0 & second != 0));
    requests_at_a_time: assert (first <= MOST & second <= MOST);
    answer_in_time: assert (!asked | valid | waited < WITHIN);
    okay_or_slverr: assert (!valid | !response[0]);
  end
`endif
endmodule
