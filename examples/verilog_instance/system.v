// An array_shell of one stream in, and a DMA: matrices come from memory, and the product goes there.
// A host writes the registers of the array on s_axi, and gives the transfers by the ports of the DMA.

module system #(
  parameter BITS = 64,  // of a beat: port_bits of the array
  parameter ADDRESS = 16
) (
  input wire aclk,
  input wire aresetn,
  output wire irq,  // an event of the array that interrupt_enable lets through

  input wire read_start,
  input wire [ADDRESS-1:0] read_address,
  input wire [15:0] read_beats,
  output wire read_busy,
  input wire write_start,
  input wire [ADDRESS-1:0] write_address,
  input wire [15:0] write_beats,
  output wire write_busy,
  output wire error,  // an answer of the memory was none of OKAY

  input wire [6:0] s_axi_awaddr,
  input wire s_axi_awvalid,
  output wire s_axi_awready,
  input wire [31:0] s_axi_wdata,
  input wire [3:0] s_axi_wstrb,
  input wire s_axi_wvalid,
  output wire s_axi_wready,
  output wire [1:0] s_axi_bresp,
  output wire s_axi_bvalid,
  input wire s_axi_bready,
  input wire [6:0] s_axi_araddr,
  input wire s_axi_arvalid,
  output wire s_axi_arready,
  output wire [31:0] s_axi_rdata,
  output wire [1:0] s_axi_rresp,
  output wire s_axi_rvalid,
  input wire s_axi_rready,

  output wire [ADDRESS-1:0] m_axi_araddr,
  output wire [7:0] m_axi_arlen,
  output wire [2:0] m_axi_arsize,
  output wire [1:0] m_axi_arburst,
  output wire m_axi_arvalid,
  input wire m_axi_arready,
  input wire [BITS-1:0] m_axi_rdata,
  input wire [1:0] m_axi_rresp,
  input wire m_axi_rlast,
  input wire m_axi_rvalid,
  output wire m_axi_rready,
  output wire [ADDRESS-1:0] m_axi_awaddr,
  output wire [7:0] m_axi_awlen,
  output wire [2:0] m_axi_awsize,
  output wire [1:0] m_axi_awburst,
  output wire m_axi_awvalid,
  input wire m_axi_awready,
  output wire [BITS-1:0] m_axi_wdata,
  output wire [BITS/8-1:0] m_axi_wstrb,
  output wire m_axi_wlast,
  output wire m_axi_wvalid,
  input wire m_axi_wready,
  input wire [1:0] m_axi_bresp,
  input wire m_axi_bvalid,
  output wire m_axi_bready
);
  localparam SIZE = $clog2(BITS / 8);

  wire [BITS-1:0] operand, result;
  wire operand_last, operand_valid, operand_ready, result_valid, result_ready;
  wire read_error, write_error;

  assign error = read_error || write_error;
  assign {m_axi_arsize, m_axi_arburst} = {SIZE[2:0], 2'b01};  // bursts of whole beats, upwards
  assign {m_axi_awsize, m_axi_awburst} = {SIZE[2:0], 2'b01};
  assign m_axi_wstrb = {BITS / 8{1'b1}};

  dma_read #(.BITS(BITS), .ADDRESS(ADDRESS)) reader (
    .aclk(aclk), .aresetn(aresetn),
    .start(read_start), .address(read_address), .beats(read_beats),
    .busy(read_busy), .error(read_error),
    .araddr(m_axi_araddr), .arlen(m_axi_arlen),
    .arvalid(m_axi_arvalid), .arready(m_axi_arready),
    .rdata(m_axi_rdata), .rresp(m_axi_rresp), .rlast(m_axi_rlast),
    .rvalid(m_axi_rvalid), .rready(m_axi_rready),
    .tdata(operand), .tlast(operand_last), .tvalid(operand_valid), .tready(operand_ready)
  );

  array_shell array (
    .aclk(aclk), .aresetn(aresetn), .irq(irq),
    .s_axi_awaddr(s_axi_awaddr), .s_axi_awvalid(s_axi_awvalid), .s_axi_awready(s_axi_awready),
    .s_axi_wdata(s_axi_wdata), .s_axi_wstrb(s_axi_wstrb),
    .s_axi_wvalid(s_axi_wvalid), .s_axi_wready(s_axi_wready),
    .s_axi_bresp(s_axi_bresp), .s_axi_bvalid(s_axi_bvalid), .s_axi_bready(s_axi_bready),
    .s_axi_araddr(s_axi_araddr), .s_axi_arvalid(s_axi_arvalid), .s_axi_arready(s_axi_arready),
    .s_axi_rdata(s_axi_rdata), .s_axi_rresp(s_axi_rresp),
    .s_axi_rvalid(s_axi_rvalid), .s_axi_rready(s_axi_rready),
    .s_axis_tdata(operand), .s_axis_tlast(operand_last),
    .s_axis_tvalid(operand_valid), .s_axis_tready(operand_ready),
    // verilator lint_off PINCONNECTEMPTY
    .m_axis_tdata(result), .m_axis_tlast(),  // the DMA counts beats
    .m_axis_tvalid(result_valid), .m_axis_tready(result_ready)
  );

  dma_write #(.BITS(BITS), .ADDRESS(ADDRESS)) writer (
    .aclk(aclk), .aresetn(aresetn),
    .start(write_start), .address(write_address), .beats(write_beats),
    .busy(write_busy), .error(write_error),
    .awaddr(m_axi_awaddr), .awlen(m_axi_awlen),
    .awvalid(m_axi_awvalid), .awready(m_axi_awready),
    .wdata(m_axi_wdata), .wlast(m_axi_wlast), .wvalid(m_axi_wvalid), .wready(m_axi_wready),
    .bresp(m_axi_bresp), .bvalid(m_axi_bvalid), .bready(m_axi_bready),
    .tdata(result), .tvalid(result_valid), .tready(result_ready)
  );
endmodule
