// A Verilated board top between two ends of a serial line. boards/simulator.py calls it.
#include "Vtop.h"

#include <cstdint>
#include <memory>

namespace {

// Counts parts of bits without error: a bit is `hertz` parts, and a cycle `baud` of them.
struct Rate {
  uint64_t hertz, baud;
};

// Gives the line's level, a cycle after the other; bytes follow each other without a gap.
class Sender {
 public:
  explicit Sender(Rate rate) : rate_(rate) {}

  bool idle() const { return left_ == 0; }

  void start(uint8_t byte) {
    // A start bit, eight bits, a stop bit.
    shift_ = 1u << 9 | uint32_t{byte} << 1;
    left_ = 10;
  }

  bool level() const { return left_ == 0 || (shift_ & 1); }

  void step() {
    if (left_ == 0) {
      phase_ = 0;
      return;
    }
    phase_ += rate_.baud;
    if (phase_ < rate_.hertz) return;
    phase_ -= rate_.hertz;
    shift_ >>= 1;
    --left_;
  }

 private:
  Rate rate_;
  uint64_t phase_ = 0;
  uint32_t shift_ = 0, left_ = 0;
};

// Takes bytes from the line's levels, each bit from its middle.
class Receiver {
 public:
  explicit Receiver(Rate rate) : rate_(rate) {}

  bool idle() const { return left_ == 0; }

  // Returns whether a byte is complete.
  bool step(bool level, uint8_t &byte) {
    if (left_ == 0) {
      if (level) return false;
      left_ = 10;
      wait_ = rate_.hertz / 2;
      phase_ = 0;
    }
    phase_ += rate_.baud;
    if (phase_ < wait_) return false;
    phase_ -= wait_;
    wait_ = rate_.hertz;
    shift_ = shift_ >> 1 | uint32_t{level} << 9;
    if (left_ == 10 && level) {
      left_ = 0;
      return false;
    }
    if (--left_) return false;
    byte = static_cast<uint8_t>(shift_ >> 1);
    return level;
  }

 private:
  Rate rate_;
  uint64_t phase_ = 0, wait_ = 0;
  uint32_t shift_ = 0, left_ = 0;
};

struct Board {
  VerilatedContext context;
  std::unique_ptr<Vtop> top;
  Sender sender;
  Receiver receiver;

  Board(uint32_t seed, Rate rate) : sender(rate), receiver(rate) {
    // What is never reset starts at random, so that a design that reads it is found out.
    context.randReset(2);
    context.randSeed(static_cast<int>(seed));
    top = std::make_unique<Vtop>(&context, "");
    top->rx = 1;
  }

  ~Board() { top->final(); }
};

// boards/simulator.py mirrors it.
struct Run {
  uint64_t cycles;      // to run at most, then run
  const uint8_t *in;    // bytes for rx
  uint64_t in_size;     // their number, then how many were sent
  uint8_t *out;         // bytes from tx
  uint64_t out_size;    // places, then bytes; the run ends when there is no place, or after a zero
  uint64_t quiet;       // cycles since the lines were last in use
  uint64_t leds;        // levels in the end: of led_busy, and twice that of led_error
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Board *board_open(uint32_t seed, uint64_t hertz, uint64_t baud) {
  return new Board(seed, {hertz, baud});
}

EXPORT void board_run(Board *board, Run *run) {
  Vtop &top = *board->top;
  uint64_t cycle = 0, sent = 0, got = 0;
  bool whole = false;
  while (cycle < run->cycles && got < run->out_size && !whole) {
    if (board->sender.idle() && sent < run->in_size) board->sender.start(run->in[sent++]);
    top.rx = board->sender.level();
    board->sender.step();
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    ++cycle;
    uint8_t byte;
    if (board->receiver.step(top.tx, byte)) {
      run->out[got++] = byte;
      whole = byte == 0;
    }
    const bool used = !board->sender.idle() || !board->receiver.idle();
    run->quiet = used ? 0 : run->quiet + 1;
  }
  run->cycles = cycle;
  run->in_size = sent;
  run->out_size = got;
  run->leds = top.led_busy | top.led_error << 1;
}

EXPORT void board_close(Board *board) { delete board; }
