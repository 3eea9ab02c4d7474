// From AXI4-Stream to AXI4, in transfers as of dma_read.

module dma_write #(
  parameter BITS = 64,
  parameter ADDRESS = 16
) (
  input wire aclk,
  input wire aresetn,
  input wire start,
  input wire [ADDRESS-1:0] address,
  input wire [15:0] beats,
  output wire busy,
  output reg error,
  output reg [ADDRESS-1:0] awaddr,
  output reg [7:0] awlen,
  output reg awvalid,
  input wire awready,
  output wire [BITS-1:0] wdata,
  output wire wlast,
  output wire wvalid,
  input wire wready,
  input wire [1:0] bresp,
  input wire bvalid,
  output wire bready,
  input wire [BITS-1:0] tdata,
  input wire tvalid,
  output wire tready
);
  localparam SIZE = $clog2(BITS / 8);

  reg [15:0] left;  // beats of the transfer
  reg [4:0] now;  // and of the burst
  reg burst;
  wire [4:0] room = 5'd16 - {1'b0, awaddr[SIZE+3:SIZE]};
  wire [4:0] length = left < {11'd0, room} ? left[4:0] : room;
  wire moved = wvalid && wready;

  assign busy = left != 0 || burst;
  assign wdata = tdata;
  assign wlast = now == 1;
  assign wvalid = now != 0 && tvalid;
  assign tready = now != 0 && wready;
  assign bready = burst;

  always @(posedge aclk) begin
    if (moved) {left, now} <= {left - 16'd1, now - 5'd1};
    if (awvalid && awready) awvalid <= 0;
    if (bvalid && bready) begin
      burst <= 0;
      error <= error || bresp != 0;
      awaddr <= {awaddr[ADDRESS-1:SIZE+4] + 1'b1, {SIZE + 4{1'b0}}};
    end
    if (left != 0 && !burst) begin
      {awvalid, burst, now} <= {2'b11, length};
      awlen <= {3'd0, length} - 8'd1;
    end
    if (start) {awaddr, left, error} <= {address, beats, 1'b0};
    if (!aresetn) {left, now, awvalid, burst, error} <= 0;
  end
endmodule
