// A Verilated top behind the harness. Before it: WAVES, and PORTS(PORT) as PORT(name, bits) ...
#include "Vtop.h"
#if WAVES
#include "verilated_vcd_c.h"
#endif

#include <cstring>
#include <memory>

namespace {

struct Top final : Model {
  VerilatedContext context;
  std::unique_ptr<Vtop> top;
#if WAVES
  VerilatedVcdC trace;
#endif

  Top(uint32_t seed, const char *waves) {
    // What is never reset starts at random, so that a design that reads it is found out.
    context.randReset(2);
    context.randSeed(static_cast<int>(seed));
    context.traceEverOn(WAVES);
    top = std::make_unique<Vtop>(&context, "");
#if WAVES
    if (waves) {
      top->trace(&trace, 99);
      trace.open(waves);
    }
#endif
  }

  ~Top() override {
#if WAVES
    trace.close();
#endif
    top->final();
  }

  void eval() override { top->eval(); }

  void dump(uint64_t time) override {
#if WAVES
    if (trace.isOpen()) trace.dump(time);
#endif
  }

  Port port(const char *name) override {
#define PORT(port_name, bits)        \
  if (!std::strcmp(name, #port_name)) \
    return {reinterpret_cast<uint8_t *>(&top->port_name), bits};
    PORTS(PORT)
    return {nullptr, 0};
  }
};

}  // namespace

extern "C" __attribute__((visibility("default")))
int gradgate_run(Job *job, uint32_t seed, const char *waves) {
  Top top(seed, waves);
  return run_job(top, *job);
}
