// A memory on AXI4 that answers late now and then. Bursts go upwards, in whole beats.

module memory #(
  parameter BITS = 64,
  parameter ADDRESS = 16
) (
  input wire aclk,
  input wire aresetn,
  input wire [ADDRESS-1:0] araddr,
  input wire [7:0] arlen,
  input wire arvalid,
  output wire arready,
  output wire [BITS-1:0] rdata,
  output wire [1:0] rresp,
  output wire rlast,
  output wire rvalid,
  input wire rready,
  input wire [ADDRESS-1:0] awaddr,
  input wire awvalid,
  output wire awready,
  input wire [BITS-1:0] wdata,
  input wire wlast,
  input wire wvalid,
  output wire wready,
  output wire [1:0] bresp,
  output reg bvalid,
  input wire bready
);
  localparam SIZE = $clog2(BITS / 8);

  reg [BITS-1:0] words[0:(1<<ADDRESS-SIZE)-1];
  reg [ADDRESS-SIZE-1:0] from, to;
  reg [8:0] left;  // beats of the burst that is read
  reg offered, writing;
  reg [15:0] random;

  assign arready = left == 0;
  assign rdata = words[from];
  assign rresp = 0;
  assign rlast = left == 1;
  assign rvalid = offered;
  assign awready = !writing && !bvalid;
  assign wready = writing && random[3:0] > 2;
  assign bresp = 0;

  always @(posedge aclk) begin
    random <= {random[14:0], random[15] ^ random[13] ^ random[12] ^ random[10]};
    if (arvalid && arready) {from, left} <= {araddr[ADDRESS-1:SIZE], {1'b0, arlen} + 9'd1};
    // What was offered stays until it is taken.
    if (rvalid && rready) {from, left} <= {from + 1'b1, left - 9'd1};
    if (!rvalid || rready) offered <= left > {8'd0, rvalid} && random[7:4] > 2;
    if (awvalid && awready) {to, writing} <= {awaddr[ADDRESS-1:SIZE], 1'b1};
    if (wvalid && wready) begin
      words[to] <= wdata;
      to <= to + 1'b1;
      if (wlast) {writing, bvalid} <= 2'b01;
    end
    if (bvalid && bready) bvalid <= 0;
    if (!aresetn) {left, offered, writing, bvalid, random} <= 28'd1;
  end
endmodule
