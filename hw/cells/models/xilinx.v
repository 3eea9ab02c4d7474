// The cells of Xilinx 7 that hw/cells instantiates: look-up tables and the carry chain (UG474).

/* verilator lint_off DECLFILENAME */  // one file holds all models

module LUT1 (output O, input I0);
    parameter [1:0] INIT = 0;
    assign O = INIT[I0];
endmodule

module LUT2 (output O, input I0, I1);
    parameter [3:0] INIT = 0;
    assign O = INIT[{I1, I0}];
endmodule

module LUT3 (output O, input I0, I1, I2);
    parameter [7:0] INIT = 0;
    assign O = INIT[{I2, I1, I0}];
endmodule

module LUT4 (output O, input I0, I1, I2, I3);
    parameter [15:0] INIT = 0;
    assign O = INIT[{I3, I2, I1, I0}];
endmodule

module LUT5 (output O, input I0, I1, I2, I3, I4);
    parameter [31:0] INIT = 0;
    assign O = INIT[{I4, I3, I2, I1, I0}];
endmodule

module LUT6 (output O, input I0, I1, I2, I3, I4, I5);
    parameter [63:0] INIT = 0;
    assign O = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

module LUT6_2 (output O6, O5, input I0, I1, I2, I3, I4, I5);
    parameter [63:0] INIT = 0;
    assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
    assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
endmodule

module CARRY4 (output [3:0] CO, O, input CI, CYINIT, input [3:0] DI, S);
    // Wires of their own: no vector whose bits depend on one another.
    wire first = CI | CYINIT;
    wire carry0 = S[0] ? first : DI[0];
    wire carry1 = S[1] ? carry0 : DI[1];
    wire carry2 = S[2] ? carry1 : DI[2];
    wire carry3 = S[3] ? carry2 : DI[3];
    assign O = S ^ {carry2, carry1, carry0, first};
    assign CO = {carry3, carry2, carry1, carry0};
endmodule
