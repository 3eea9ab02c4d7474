// AxiReader and AxiWriter with all that is theirs free, but for what a slave must keep. A beat has
// 128 bytes, so that there are few in 4 KiB; its bits are one, 1024 times.

module reader_proof (
  input wire aclk, aresetn,
  input wire request_valid, o_ready, stop, arready, rvalid, rlast,
  input wire [16:0] request,
  input wire value,
  input wire [1:0] rresp
);
  wire request_ready, arvalid, rready, o_valid, idle, ar_kept, r_kept, o_kept;
  wire [12:0] araddr;
  wire [7:0] arlen;
  wire [2:0] arsize;
  wire [1:0] arburst;
  wire [1024:0] o;
  reader reader (
    .clk(aclk), .rst(~aresetn), .stop(stop), .idle(idle),
    .request__valid(request_valid), .request__ready(request_ready), .request__payload(request),
    .o__valid(o_valid), .o__ready(o_ready), .o__payload(o),
    .arvalid(arvalid), .arready(arready), .araddr(araddr), .arlen(arlen), .arsize(arsize),
    .arburst(arburst), .rid(1'b0), .rdata({1024{value}}), .rresp(rresp), .rlast(rlast), .rvalid(rvalid),
    .rready(rready)
  );
  source_rules #(.WIDTH(26)) ar (
    aclk, aresetn, arvalid, arready, {araddr, arlen, arsize, arburst}, ar_kept
  );
  source_rules #(.WIDTH(4), .ASSUMED(1)) r (
    aclk, aresetn, rvalid, rready, {value, rresp, rlast}, r_kept
  );
  source_rules #(.WIDTH(1025)) given (aclk, aresetn, o_valid, o_ready, o, o_kept);
  burst_rules #(.ADDRESS(13), .LOW(7), .MOST(4)) bursts (arvalid, araddr, arlen, arsize, arburst);
  wire ended = rvalid & rready & rlast;
  outstanding_rules #(.MOST(2)) limit (aclk, aresetn, arvalid, arready, ended, idle, );
  request_rules #(.ADDRESS(13), .BEATS(4), .LOW(7)) requests (
    aclk, aresetn, stop, request_valid, request_ready, request[12:0], request[16:13],
    arvalid, arready, idle, araddr, arlen
  );
  answer_rules answers (aclk, aresetn, arvalid & arready, rvalid, ended);
  wire taken = rvalid & rready;
  wire gone = o_valid & o_ready;
  reg held = 0;
  always @(posedge aclk) held <= aresetn & (held ^ taken ^ gone);
  always @* begin
    given_once: assert (!aresetn | held | taken | !gone);
    none_lost: assert (!aresetn | !held | !taken | gone);
  end
  reg begun = 0;
  always @(posedge aclk) begun <= 1;
  always @* assume (begun | !aresetn);
`ifdef REACH
  always @* all_channels: assert (!(ar_kept & r_kept & o_kept & idle & !stop));
`endif
endmodule

module writer_proof (
  input wire aclk, aresetn,
  input wire request_valid, i_valid, stop, awready, wready, bvalid,
  input wire [16:0] request,
  input wire value,
  input wire [1:0] bresp
);
  wire request_ready, i_ready, awvalid, wvalid, wlast, bready, idle, error;
  wire aw_kept, w_kept, b_kept, beats_ended;
  wire [12:0] awaddr;
  wire [7:0] awlen;
  wire [2:0] awsize;
  wire [1:0] awburst;
  wire [1023:0] wdata;
  wire [127:0] wstrb;
  writer writer (
    .clk(aclk), .rst(~aresetn), .stop(stop), .idle(idle), .error(error),
    .request__valid(request_valid), .request__ready(request_ready), .request__payload(request),
    .i__valid(i_valid), .i__ready(i_ready), .i__payload({1024{value}}),
    .awvalid(awvalid), .awready(awready), .awaddr(awaddr), .awlen(awlen), .awsize(awsize),
    .awburst(awburst), .wvalid(wvalid), .wready(wready), .wdata(wdata), .wstrb(wstrb),
    .wlast(wlast), .bid(1'b0), .bresp(bresp), .bvalid(bvalid), .bready(bready)
  );
  source_rules #(.WIDTH(26)) aw (
    aclk, aresetn, awvalid, awready, {awaddr, awlen, awsize, awburst}, aw_kept
  );
  source_rules #(.WIDTH(1153)) w (aclk, aresetn, wvalid, wready, {wdata, wstrb, wlast}, w_kept);
  source_rules #(.WIDTH(2), .ASSUMED(1)) b (aclk, aresetn, bvalid, bready, bresp, b_kept);
  burst_rules #(.ADDRESS(13), .LOW(7), .MOST(4)) bursts (awvalid, awaddr, awlen, awsize, awburst);
  wire ended = bvalid & bready;
  outstanding_rules #(.MOST(2)) limit (aclk, aresetn, awvalid, awready, ended, idle, );
  request_rules #(.ADDRESS(13), .BEATS(4), .LOW(7)) requests (
    aclk, aresetn, stop, request_valid, request_ready, request[12:0], request[16:13],
    awvalid, awready, idle, awaddr, awlen
  );
  beat_rules #(.MOST(2), .BYTES(128)) beats (
    aclk, aresetn, stop, awvalid, awready, wvalid, wready, wlast, awlen, wstrb, beats_ended
  );
  answer_rules answers (aclk, aresetn, awvalid & awready, bvalid, ended);
  answer_rules answers_to_beats (aclk, aresetn, beats_ended, bvalid, ended);
  reg begun = 0;
  always @(posedge aclk) begun <= 1;
  always @* assume (begun | !aresetn);
  always @* begin
    no_beat_when_idle: assert (!aresetn | !idle | !wvalid);
    errors_are_told: assert (error == (ended & bresp[1]));
  end
`ifdef REACH
  always @* all_channels: assert (!(aw_kept & w_kept & ended & !stop));
`endif
endmodule
