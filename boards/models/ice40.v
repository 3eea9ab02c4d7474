// The phase-locked loop of iCE40 as boards/pll.py instantiates it: the clock passes, it is locked.

/* verilator lint_off DECLFILENAME */  // one file holds all models
/* verilator lint_off UNUSEDSIGNAL */  // what a loop is told has no effect here
/* verilator lint_off UNUSEDPARAM */  // likewise

module SB_PLL40_PAD (
    input PACKAGEPIN, RESETB, BYPASS,
    output PLLOUTGLOBAL, LOCK
);
    parameter FEEDBACK_PATH = "SIMPLE";
    parameter [3:0] DIVR = 4'd0;
    parameter [6:0] DIVF = 7'd0;
    parameter [2:0] DIVQ = 3'd1;
    parameter [2:0] FILTER_RANGE = 3'd1;

    assign PLLOUTGLOBAL = PACKAGEPIN;
    assign LOCK = 1'b1;
endmodule
