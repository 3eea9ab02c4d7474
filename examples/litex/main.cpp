// Clock of the SoC: prints what its master reads, and the cycles of each job.
#include <cstdio>

#include "Vtop.h"

int main() {
  Vtop top;
  for (long cycle = 0; cycle < 1000000; ++cycle) {
    top.sys_clk = 0;
    top.eval();
    top.sys_clk = 1;
    top.eval();
    if (top.got) std::printf("%08x\n", top.data);
    if (top.taken) std::printf("cycles %u\n", top.cycles);
    if (top.failed) return 2;
    if (top.ended) return 0;
  }
  return 1;
}
