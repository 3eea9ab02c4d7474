"""The Verilog of a unit under Icarus, behind a bus model that obeys commands line by line."""

import subprocess
from typing import Any

BENCH = """
module bench;
  localparam STDIN = 32'h8000_0000;
  reg aclk = 0, aresetn = 0, accepted;
  wire irq;
  reg [{address}:0] s_axi_awaddr = 0, s_axi_araddr = 0;
  reg s_axi_awvalid = 0, s_axi_wvalid = 0, s_axi_bready = 1, s_axi_arvalid = 0, s_axi_rready = 1;
  wire s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid;
  reg [31:0] s_axi_wdata = 0;
  wire [31:0] s_axi_rdata;
  wire [1:0] s_axi_bresp, s_axi_rresp;
  reg [7:0] op;
  reg [31:0] number, value;
  integer found;
{streams}
  {name} dut (
    .aclk(aclk), .aresetn(aresetn), .irq(irq), .s_axi_wstrb(4'hf),
{connections}
  );

  task tick;
    begin
      #1 aclk = 0;
      #4 aclk = 1;
      #5;
    end
  endtask

  initial begin
    repeat (4) tick;
    aresetn = 1;
    found = 1;
    while (found == 1) begin
      found = $fscanf(STDIN, " %c", op);
      if (found == 1) begin
        case (op)
          "w": begin
            found = $fscanf(STDIN, "%h %h", number, value) == 2;
            s_axi_awaddr = number;
            s_axi_wdata = value;
            s_axi_awvalid = 1;
            s_axi_wvalid = 1;
            tick;
            while (!s_axi_awready) tick;
            tick;
            s_axi_awvalid = 0;
            s_axi_wvalid = 0;
            while (!s_axi_bvalid) tick;
            $display("%h", s_axi_bresp);
            tick;
          end
          "r": begin
            found = $fscanf(STDIN, "%h", number);
            s_axi_araddr = number;
            s_axi_arvalid = 1;
            tick;
            while (!s_axi_arready) tick;
            tick;
            s_axi_arvalid = 0;
            while (!s_axi_rvalid) tick;
            $display("%h %h", s_axi_rresp, s_axi_rdata);
            tick;
          end
          "i": $display("%h", irq);
          "t": begin
            found = $fscanf(STDIN, "%h", number);
            repeat (number) tick;
            $display("0");
          end
{cases}
        endcase
        $fflush;
      end
    end
    $finish;
  end
endmodule
"""

SOURCE = """
  reg [{width}:0] {s}_queue [0:1023], {s}_beat;
  integer {s}_head = 0, {s}_tail = 0;
  reg [{width}-1:0] {s}_tdata = 0;
  reg {s}_tvalid = 0, {s}_tlast = 0;
  wire {s}_tready;
  always @(posedge aclk) if ({s}_tvalid && {s}_tready) {s}_head = {s}_head + 1;
  always @(negedge aclk) begin
    {s}_tvalid = {s}_head < {s}_tail;
    {{{s}_tlast, {s}_tdata}} = {s}_queue[{s}_head];
  end
"""

SINK = """
  reg [{width}:0] {s}_queue [0:1023];
  integer {s}_head = 0, {s}_tail = 0;
  wire [{width}-1:0] {s}_tdata;
  reg {s}_tready = 1;
  wire {s}_tvalid, {s}_tlast;
  always @(posedge aclk) if (aresetn && {s}_tvalid && {s}_tready) begin
    {s}_queue[{s}_tail] = {{{s}_tlast, {s}_tdata}};
    {s}_tail = {s}_tail + 1;
  end
"""

GIVE = """
          "{letter}": begin
            found = $fscanf(STDIN, "%h", {s}_beat);
            {s}_queue[{s}_tail] = {s}_beat;
            {s}_tail = {s}_tail + 1;
            $display("0");
          end
"""

TAKE = """
          "{letter}": begin
            if ({s}_head < {s}_tail) $display("%h", {s}_queue[{s}_head]);
            else $display("-");
            {s}_head = {s}_head + ({s}_head < {s}_tail);
          end
          "{opposite}": begin
            {s}_tready = !{s}_tready;
            $display("0");
          end
"""


class Rtl:
    """A unit after its reset; used by ``with``."""

    def __init__(self, folder, design):
        self.streams = design.manifest["streams"]
        ports = {port["name"]: port["width"] for port in design.manifest["ports"]}
        self.letters = dict(zip(self.streams, "ABCDEFGH", strict=False))
        blocks, cases = [], []
        for name, stream in self.streams.items():
            letter = self.letters[name]
            known = {"s": name, "width": 8 * stream["bytes"], "letter": letter}
            source = stream["direction"] == "in"
            blocks.append((SOURCE if source else SINK).format(**known))
            cases.append((GIVE if source else TAKE).format(**known, opposite=letter.lower()))
        plain = {"aclk", "aresetn", "irq", "s_axi_wstrb"}
        text = BENCH.format(
            name=design.name,
            address=ports["s_axi_awaddr"] - 1,
            streams="".join(blocks),
            cases="".join(cases),
            connections=",\n".join(f"    .{p}({p})" for p in ports if p not in plain),
        )
        path = folder / "rtl.v"
        path.write_text(design.verilog + design.cells + text)
        command = ["iverilog", "-g2005", "-o", "rtl.vvp", "-s", "bench", "rtl.v"]
        subprocess.run(command, cwd=folder, check=True)
        self.folder = folder

    def __enter__(self):
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(["vvp", "-n", "rtl.vvp"], cwd=self.folder, **pipes)
        self.pipes: Any = self.process.stdin, self.process.stdout
        return self

    def __exit__(self, *_):
        self.pipes[0].close()
        self.process.wait(timeout=30)
        self.pipes[1].close()

    def _ask(self, text):
        self.pipes[0].write(text + "\n")
        self.pipes[0].flush()
        return self.pipes[1].readline().split()

    def write(self, offset, value):
        """Write a register; return the response."""
        return int(self._ask(f"w {offset:x} {value:x}")[0], 16)

    def read(self, offset):
        """Return the response and the word of a register."""
        response, word = self._ask(f"r {offset:x}")
        return int(response, 16), int(word, 16)

    @property
    def irq(self):
        return self._ask("i") == ["1"]

    def wait(self, cycles):
        """Let cycles pass."""
        self._ask(f"t {cycles:x}")

    def give(self, stream, beats, last=True):
        """Queue beats of an input, with tlast at the last, if so."""
        for i, beat in enumerate(beats):
            end = int(last and i + 1 == len(beats)) << 8 * len(beat)
            self._ask(f"{self.letters[stream]} {end | int.from_bytes(beat, 'little'):x}")

    def take(self, stream):
        """Return the beats that an output has given since."""
        beats, size = [], self.streams[stream]["bytes"]
        while (found := self._ask(self.letters[stream])) != ["-"]:
            word = int(found[0], 16) & (1 << 8 * size) - 1
            beats.append(word.to_bytes(size, "little"))
        return beats

    def toggle(self, stream):
        """Let an output's beats wait, or take them again."""
        self._ask(self.letters[stream].lower())
