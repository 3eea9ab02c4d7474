// The phase-locked loop of the 7 series as boards/pll.py instantiates it, and the buffer of its
// clock: the clock passes, it is locked.

/* verilator lint_off DECLFILENAME */  // one file holds all models
/* verilator lint_off UNUSEDSIGNAL */  // what a loop is told has no effect here
/* verilator lint_off UNUSEDPARAM */  // likewise

module PLLE2_BASE (
    input CLKIN1, CLKFBIN, PWRDWN, RST,
    output CLKFBOUT, CLKOUT0, LOCKED
);
    parameter real CLKIN1_PERIOD = 0.0;
    parameter DIVCLK_DIVIDE = 1;
    parameter CLKFBOUT_MULT = 5;
    parameter CLKOUT0_DIVIDE = 1;

    assign CLKFBOUT = CLKIN1;
    assign CLKOUT0 = CLKIN1;
    assign LOCKED = 1'b1;
endmodule

module BUFG (
    input I,
    output O
);
    assign O = I;
endmodule
