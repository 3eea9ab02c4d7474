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
  uint64_t time = 0;
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

  void dump() override {
#if WAVES
    if (trace.isOpen()) trace.dump(time += 5);
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

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Model *gradgate_open(uint32_t seed, const char *waves) { return new Top(seed, waves); }

EXPORT int gradgate_run(Model *model, Job *job) { return run_job(*model, *job); }

EXPORT void gradgate_close(Model *model) { delete model; }
