// Rules of AXI4 (Arm IHI 0022) that are asserted of a master with one ID, besides those of
// rules.v, and what it is asked for. Reset may come in any cycle.

// A burst is INCR, of whole beats, not too long, and lies within 4 KiB.
module burst_rules #(parameter ADDRESS = 1, parameter LOW = 0, parameter MOST = 1) (
  input wire valid,
  input wire [ADDRESS-1:0] address,
  input wire [7:0] length,
  input wire [2:0] size,
  input wire [1:0] burst
);
  wire [13:0] bytes = ({6'b0, length} + 1) << LOW;
  always @* begin
    incrementing_beats: assert (!valid | (size == LOW & burst == 2'b01));
    whole_beats: assert (!valid | address % (1 << LOW) == 0);
    longest_burst: assert (!valid | length < MOST);
    within_4_kib: assert (!valid | {2'b0, address[11:0]} + bytes <= 4096);
  end
endmodule

// So many bursts are under way at most, that which is offered included, and none when idle.
module outstanding_rules #(parameter MOST = 1) (
  input wire aclk, aresetn, valid, ready, ended, idle,
  output reg [4:0] under_way
);
  initial under_way = 0;
  always @(posedge aclk)
    under_way <= aresetn ? under_way + (valid & ready) - ended : 0;
  always @* begin
    bursts_under_way: assert (under_way + valid <= MOST);
    none_when_idle: assert (!aresetn | !idle | (under_way == 0 & !valid));
  end
endmodule

// Bursts are, one behind the other, what the requests ask for, until the master is stopped; then
// none begins.
module request_rules #(parameter ADDRESS = 1, parameter BEATS = 1, parameter LOW = 0) (
  input wire aclk, aresetn, stop, request_valid, request_ready,
  input wire [ADDRESS-1:0] request_address,
  input wire [BEATS-1:0] request_beats,
  input wire valid, ready, idle,
  input wire [ADDRESS-1:0] address,
  input wire [7:0] length
);
  reg [1:0] count = 0;
  reg [ADDRESS-1:0] first_address, second_address;
  reg [BEATS-1:0] first_beats, second_beats;
  reg stopped = 0;
  reg stopping = 0;
  reg waiting = 0;
  wire taken = request_valid & request_ready;
  wire moves = valid & ready;
  wire [BEATS-1:0] one_less = first_beats - 1;
  wire [BEATS-1:0] rest = one_less - length;
  wire done = moves & rest == 0;
  always @(posedge aclk) begin
    stopping <= stop;
    stopped <= stopped | stop;
    waiting <= valid & ~ready;
    count <= count + taken - done;
    if (moves) begin
      first_address <= first_address + ((length + 1) << LOW);
      first_beats <= rest;
    end
    if (done) begin
      first_address <= second_address;
      first_beats <= second_beats;
    end
    if (taken & count - done == 0) begin
      first_address <= request_address & ~((1 << LOW) - 1);
      first_beats <= request_beats;
    end
    if (taken & count - done == 1) begin
      second_address <= request_address & ~((1 << LOW) - 1);
      second_beats <= request_beats;
    end
    if (!aresetn) begin
      count <= 0;
      stopped <= 0;
      stopping <= 0;
      waiting <= 0;
    end
  end
  always @* begin
    burst_of_a_request: assert (stopped | !valid | count != 0);
    next_address: assert (stopped | !valid | address == first_address);
    no_beat_too_many: assert (stopped | !valid | length <= one_less);
    all_when_idle: assert (stopped | !aresetn | !idle | count == 0);
    requests_at_a_time: assert (stopped | count <= 2);
    none_after_stop: assert (!(stopping & valid & !waiting));
  end
endmodule

// The beats of a burst are offered after its address, the last one with wlast, all with all
// strobes until the master is stopped, and then with all or none.
module beat_rules #(parameter MOST = 1, parameter BYTES = 1) (
  input wire aclk, aresetn, stop, address_valid, address_ready, valid, ready, last,
  input wire [7:0] length,
  input wire [BYTES-1:0] strobes,
  output wire ended
);
  reg [8*MOST-1:0] lengths;
  reg [4:0] count = 0;
  reg [7:0] beat = 0;
  reg waiting = 0;
  reg stopped = 0;
  wire begun = address_valid & ~waiting;
  wire at_end = beat == lengths[7:0];
  assign ended = valid & ready & at_end;
  wire [4:0] place = count - ended;
  wire [8*MOST-1:0] left = ended ? lengths >> 8 : lengths;
  wire [8*MOST-1:0] mask = {{(8*MOST-8){1'b0}}, 8'hff} << 8 * place;
  always @(posedge aclk) begin
    waiting <= address_valid & ~address_ready;
    stopped <= stopped | stop;
    count <= place + begun;
    lengths <= begun ? (left & ~mask) | (length << 8 * place) : left;
    if (valid & ready) beat <= at_end ? 0 : beat + 1;
    if (!aresetn) begin
      waiting <= 0;
      stopped <= 0;
      count <= 0;
      beat <= 0;
    end
  end
  always @* begin
    beat_of_a_burst: assert (!valid | count != 0);
    last_beat: assert (!valid | last == at_end);
    all_strobes: assert (!valid | stopped | &strobes);
    all_strobes_or_none: assert (!valid | &strobes | ~|strobes);
  end
endmodule

// What a slave is trusted with: it answers no more than it was asked.
module answer_rules (
  input wire aclk, aresetn, asked, valid, ended
);
  reg [4:0] count = 0;
  always @(posedge aclk) count <= aresetn ? count + asked - ended : 0;
  always @* assume (!valid | count != 0);
endmodule
