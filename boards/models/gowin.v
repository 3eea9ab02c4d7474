// The phase-locked loop of Gowin as boards/pll.py instantiates it: the clock passes, it is locked.

/* verilator lint_off DECLFILENAME */  // one file holds all models
/* verilator lint_off UNUSEDSIGNAL */  // what a loop is told has no effect here
/* verilator lint_off UNUSEDPARAM */  // likewise

module rPLL (
    input CLKIN, CLKFB, RESET, RESET_P,
    input [5:0] FBDSEL, IDSEL, ODSEL,
    input [3:0] PSDA, DUTYDA, FDLY,
    output CLKOUT, LOCK
);
    parameter DEVICE = "GW1NR-9C";
    parameter FCLKIN = "27";
    parameter IDIV_SEL = 0;
    parameter FBDIV_SEL = 0;
    parameter ODIV_SEL = 8;

    assign CLKOUT = CLKIN;
    assign LOCK = 1'b1;
endmodule
