// Multiplies the matrices of memory.hex by the system, and compares all of the memory with expected.hex.
// It is plain Verilog-2005 but for $fatal, by which a run that fails ends with a status other than 0.
// verilator lint_off WIDTH
// verilator lint_off UNUSED
`timescale 1ns / 1ps

module bench;
  `include "job.vh"
  localparam [31:0] START = 1 << 2, DONE = 1 << 2;  // of control; of interrupt_enable and status

  reg aclk = 0, aresetn = 0;
  always #5 aclk = !aclk;

  reg [6:0] awaddr, araddr;
  reg [31:0] wdata;
  reg awvalid = 0, wvalid = 0, arvalid = 0;
  wire awready, wready, bvalid, arready, rvalid, irq;
  wire [1:0] bresp, rresp;
  wire [31:0] rdata;
  reg start = 0;
  wire read_busy, write_busy, error;

  wire [ADDRESS-1:0] m_araddr, m_awaddr;
  wire [7:0] m_arlen;
  wire [BITS-1:0] m_rdata, m_wdata;
  wire [1:0] m_rresp, m_bresp;
  wire m_arvalid, m_arready, m_rlast, m_rvalid, m_rready;
  wire m_awvalid, m_awready, m_wlast, m_wvalid, m_wready, m_bvalid, m_bready;

  system #(.BITS(BITS), .ADDRESS(ADDRESS)) dut (
    .aclk(aclk), .aresetn(aresetn), .irq(irq),
    .read_start(start), .read_address(OPERANDS[ADDRESS-1:0]), .read_beats(OPERAND_BEATS[15:0]),
    .read_busy(read_busy),
    .write_start(start), .write_address(PRODUCT[ADDRESS-1:0]), .write_beats(PRODUCT_BEATS[15:0]),
    .write_busy(write_busy), .error(error),
    .s_axi_awaddr(awaddr), .s_axi_awvalid(awvalid), .s_axi_awready(awready),
    .s_axi_wdata(wdata), .s_axi_wstrb(4'b1111), .s_axi_wvalid(wvalid), .s_axi_wready(wready),
    .s_axi_bresp(bresp), .s_axi_bvalid(bvalid), .s_axi_bready(1'b1),
    .s_axi_araddr(araddr), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
    .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(1'b1),
    .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(), .m_axi_arburst(),
    .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready),
    .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp), .m_axi_rlast(m_rlast),
    .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
    .m_axi_awaddr(m_awaddr), .m_axi_awlen(), .m_axi_awsize(), .m_axi_awburst(),
    .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready),
    .m_axi_wdata(m_wdata), .m_axi_wstrb(), .m_axi_wlast(m_wlast),
    .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready),
    .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready)
  );

  memory #(.BITS(BITS), .ADDRESS(ADDRESS)) ram (
    .aclk(aclk), .aresetn(aresetn),
    .araddr(m_araddr), .arlen(m_arlen), .arvalid(m_arvalid), .arready(m_arready),
    .rdata(m_rdata), .rresp(m_rresp), .rlast(m_rlast), .rvalid(m_rvalid), .rready(m_rready),
    .awaddr(m_awaddr), .awvalid(m_awvalid), .awready(m_awready),
    .wdata(m_wdata), .wlast(m_wlast), .wvalid(m_wvalid), .wready(m_wready),
    .bresp(m_bresp), .bvalid(m_bvalid), .bready(m_bready)
  );

  reg [BITS-1:0] expected[0:WORDS-1];
  integer i, wrong = 0, cycles = 0;
  reg [1:0] accepted;
  reg [31:0] status;

  // Inputs change as the clock falls; what is accepted at its rise is seen before.
  task write(input [6:0] address, input [31:0] data);
    begin
      {awaddr, wdata, awvalid, wvalid} = {address, data, 2'b11};
      while (awvalid || wvalid) begin
        #4 accepted = {awready, wready};
        @(negedge aclk) {awvalid, wvalid} = {awvalid, wvalid} & ~accepted;
      end
      while (!bvalid) @(negedge aclk);
      if (bresp != 0) fail("a write of a register was refused");
      @(negedge aclk);
    end
  endtask

  task read(input [6:0] address, output [31:0] data);
    begin
      {araddr, arvalid} = {address, 1'b1};
      while (arvalid) begin
        #4 accepted[0] = arready;
        @(negedge aclk) arvalid = !accepted[0];
      end
      while (!rvalid) @(negedge aclk);
      data = rdata;
      if (rresp != 0) fail("a read of a register was refused");
      @(negedge aclk);
    end
  endtask

  task fail(input [8*40-1:0] what);
    begin
      $display("FAIL: %0s", what);
      $fatal;
    end
  endtask

  initial begin
    $readmemh("memory.hex", ram.words);
    $readmemh("expected.hex", expected);
    repeat (4) @(negedge aclk);
    aresetn = 1;
    @(negedge aclk);
    write(TILE_ROWS_AT, TILE_ROWS);
    write(TILE_COLUMNS_AT, TILE_COLUMNS);
    write(BLOCKS_AT, BLOCKS);
    write(INTERRUPT_ENABLE_AT, DONE);
    write(CONTROL_AT, START);
    start = 1;
    @(negedge aclk) start = 0;
    // The interrupt tells that the results have left the array, the DMA when they are in memory.
    while (!irq || write_busy) begin
      @(negedge aclk) cycles = cycles + 1;
      if (cycles == 20000) fail("the product does not come");
    end
    read(STATUS_AT, status);
    if (status != DONE) fail("status has more events than done");
    if (error || read_busy) fail("a transfer went wrong");
    for (i = 0; i < WORDS; i = i + 1)
      if (ram.words[i] !== expected[i]) begin
        if (wrong == 0)
          $display("word %0d is %h, expected %h", i, ram.words[i], expected[i]);
        wrong = wrong + 1;
      end
    if (wrong != 0) fail("the memory is not as expected");
    $display("PASS: a product of %0d x %0d x %0d in %0d cycles", M, N, K, cycles);
    $finish;
  end
endmodule
