// Adds register `offset` to each byte of a beat, two registers deep. FAULT plants one fault.
module adder #(
  parameter BYTES = 4
) (
  input                    aclk,
  input                    aresetn,
  input      [3:0]         s_axi_awaddr,
  input                    s_axi_awvalid,
  output                   s_axi_awready,
  input      [31:0]        s_axi_wdata,
  input      [3:0]         s_axi_wstrb,
  input                    s_axi_wvalid,
  output                   s_axi_wready,
  output     [1:0]         s_axi_bresp,
  output reg               s_axi_bvalid,
  input                    s_axi_bready,
  input      [3:0]         s_axi_araddr,
  input                    s_axi_arvalid,
  output                   s_axi_arready,
  output reg [31:0]        s_axi_rdata,
  output     [1:0]         s_axi_rresp,
  output reg               s_axi_rvalid,
  input                    s_axi_rready,
  input      [8*BYTES-1:0] s_axis_tdata,
  input                    s_axis_tvalid,
  output                   s_axis_tready,
  input                    s_axis_tlast,
  output reg [8*BYTES-1:0] m_axis_tdata,
  output reg               m_axis_tvalid,
  input                    m_axis_tready,
  output reg               m_axis_tlast
);
`ifndef FAULT
`define FAULT 0
`endif
  localparam DROP = 1, OVERWRITE = 2, WITHDRAW = 3, CHANGE = 4, SURPLUS = 5, REFUSE = 6, MUTE = 7;

  reg [7:0]  offset;
  reg [31:0] beats;
  reg        waited;

  wire write = s_axi_awvalid & s_axi_wvalid & ~s_axi_bvalid;
  assign s_axi_awready = write & (`FAULT != MUTE);
  assign s_axi_wready = s_axi_awready;
  assign s_axi_arready = s_axi_arvalid & ~s_axi_rvalid;
  assign s_axi_bresp = `FAULT == REFUSE ? 2'b10 : 2'b00;
  assign s_axi_rresp = 2'b00;

  wire room = ~m_axis_tvalid | m_axis_tready | (`FAULT == OVERWRITE);
  assign s_axis_tready = room;
  wire take = s_axis_tvalid & s_axis_tready;
  integer i;

  always @(posedge aclk)
    if (!aresetn) begin
      offset <= 0;
      beats <= 0;
      waited <= 0;
      s_axi_bvalid <= 0;
      s_axi_rvalid <= 0;
      m_axis_tvalid <= 0;
      m_axis_tlast <= 0;
    end else begin
      if (s_axi_awready) begin
        if (s_axi_awaddr == 4) offset <= s_axi_wdata[15:8];
        s_axi_bvalid <= 1;
      end else if (s_axi_bready) s_axi_bvalid <= 0;
      if (s_axi_arready) begin
        s_axi_rdata <= s_axi_araddr == 4 ? {16'b0, offset, 8'b0} : beats;
        s_axi_rvalid <= 1;
      end else if (s_axi_rready) s_axi_rvalid <= 0;

      waited <= m_axis_tvalid & ~m_axis_tready;
      if (room) m_axis_tvalid <= take & ~(`FAULT == DROP && beats == 5);
      if (take) begin
        for (i = 0; i < BYTES; i = i + 1)
          m_axis_tdata[8*i +: 8] <= s_axis_tdata[8*i +: 8] + offset;
        m_axis_tlast <= s_axis_tlast;
        beats <= beats + 1;
      end
      if (`FAULT == WITHDRAW && waited && !m_axis_tready) m_axis_tvalid <= 0;
      if (`FAULT == CHANGE && waited && !m_axis_tready) m_axis_tdata[0] <= ~m_axis_tdata[0];
      if (`FAULT == SURPLUS && m_axis_tvalid && m_axis_tready && m_axis_tlast) m_axis_tvalid <= 1;
    end
endmodule
