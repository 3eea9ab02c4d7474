// The carry cell of ECP5 as hw/cells instantiates it: two bits of a ripple adder (FPGA-TN-02200).
// A half sums its LUT4 and the carry. Where the LUT4 is 0 the carry becomes the LUT2 of A and B,
// which is the LUT4's table at C = D = 0. Without INJECT1 of NO a half takes no carry.

/* verilator lint_off DECLFILENAME */  // one file holds all models

module CCU2C (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    parameter [15:0] INIT0 = 16'h0000;
    parameter [15:0] INIT1 = 16'h0000;
    parameter INJECT1_0 = "YES";
    parameter INJECT1_1 = "YES";

    wire carry_in = CIN & (INJECT1_0 == "NO");
    wire propagate0 = INIT0[{D0, C0, B0, A0}];
    wire generate0 = INIT0[{2'b00, B0, A0}] & (INJECT1_0 == "NO");
    wire carry = propagate0 ? CIN : generate0;
    wire carry_on = carry & (INJECT1_1 == "NO");
    wire propagate1 = INIT1[{D1, C1, B1, A1}];
    wire generate1 = INIT1[{2'b00, B1, A1}] & (INJECT1_1 == "NO");

    assign S0 = propagate0 ^ carry_in;
    assign S1 = propagate1 ^ carry_on;
    assign COUT = propagate1 ? carry : generate1;
endmodule
