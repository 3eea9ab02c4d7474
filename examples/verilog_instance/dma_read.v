// From AXI4 to AXI4-Stream. One burst at a time, of up to 16 beats, none of which crosses a multiple of
// 16 beats, and so none 4 KiB. A transfer begins with `start`, while not busy; `address` is a multiple
// of the bytes of a beat, `beats` is not 0. The last beat ends the packet.

module dma_read #(
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
  output reg [ADDRESS-1:0] araddr,
  output wire [7:0] arlen,
  output reg arvalid,
  input wire arready,
  input wire [BITS-1:0] rdata,
  input wire [1:0] rresp,
  input wire rlast,
  input wire rvalid,
  output wire rready,
  output wire [BITS-1:0] tdata,
  output wire tlast,
  output wire tvalid,
  input wire tready
);
  localparam SIZE = $clog2(BITS / 8);

  reg [15:0] left;
  reg burst;
  wire [4:0] room = 5'd16 - {1'b0, araddr[SIZE+3:SIZE]};
  wire [4:0] length = left < {11'd0, room} ? left[4:0] : room;
  wire moved = tvalid && tready;

  assign busy = left != 0;
  assign arlen = {3'd0, length} - 8'd1;
  assign tdata = rdata;
  assign tlast = left == 1;
  assign tvalid = burst && rvalid;
  assign rready = burst && tready;

  always @(posedge aclk) begin
    if (moved) left <= left - 1;
    if (moved && rresp != 0) error <= 1;
    if (arvalid && arready) arvalid <= 0;
    if (moved && rlast) begin
      burst <= 0;
      araddr <= {araddr[ADDRESS-1:SIZE+4] + 1'b1, {SIZE + 4{1'b0}}};
    end
    if (busy && !burst) {arvalid, burst} <= 2'b11;
    if (start) {araddr, left, error} <= {address, beats, 1'b0};
    if (!aresetn) {left, arvalid, burst, error} <= 0;
  end
endmodule
