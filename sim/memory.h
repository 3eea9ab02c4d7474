// An external memory at a design's AXI4 master; sim/memory.py mirrors the structures.
#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "harness.h"

enum Link { AW, W, B, AR, R, LINKS };

// What of AXI4 a design may break; by the last three it asks for what this memory does not do.
enum Rule { IN_RESET, CROSSES, LAST, KIND, SIZE, ALIGNMENT };

// A channel of the memory, as a stream: what moved, and how it stalls.
struct Flow {
  uint64_t done;
  uint64_t first;
  uint64_t final;
  uint32_t stall;
  uint32_t random;
  uint32_t valid;
  uint32_t ready;
};

struct Memory {
  const char *name;    // prefix of the ports
  uint8_t *image;      // of `size` bytes from address `base`; what is elsewhere answers SLVERR
  uint64_t base;
  uint64_t size;
  uint64_t bad;        // address of the `bad_size` bytes that answer SLVERR
  uint64_t bad_size;
  uint64_t latency;    // cycles from an address, or the last word written, to the answer; 1 or more
  uint64_t jitter;     // further cycles at most, at random
  uint64_t address;    // and beats of the burst that broke the rule
  uint32_t beats;
  uint32_t rule;
  uint32_t bursts;     // of each direction that are taken before the first is answered
  Flow flows[LINKS];
};

// The slave. Words are read as their address is taken and written as the answer is first offered,
// the earliest and the latest that AXI allows, so that what does not wait for answers is found out.
class MemoryPort {
 public:
  MemoryPort(Model &model, const std::string &name);
  void attach(Memory &memory) { memory_ = &memory; }
  void restart();                                // as reset begins
  Status silent();                               // as reset ends
  void drive();                                  // this cycle's inputs of the design
  Status sample(uint64_t cycle, bool &moved);    // what has settled, before the clock edge
  uint32_t culprit() const { return culprit_; }  // channel that a status is about

 private:
  struct Burst {
    uint64_t address, due;
    uint32_t beats, id, done;
    std::vector<uint8_t> data, strobes;  // of each byte
    std::vector<bool> errors;            // of each beat read
  };
  struct Word {
    std::vector<uint8_t> data;
    uint64_t strobes;
    bool last;
  };
  struct Channel {
    Pin valid, ready;
    std::vector<Pin> payload;
    std::vector<uint8_t> held;
    bool waiting;  // offered and not yet taken
  };

  Pin pin(const std::string &name) { return Pin(model_, name_ + "_" + name); }
  Flow &flow(uint32_t link) { return memory_->flows[link]; }
  bool chance(uint32_t link);
  uint8_t *at(uint64_t address);
  uint64_t due(uint32_t link);
  void junk(uint32_t link);
  void offer_read();
  void offer_answer();
  Status held(uint32_t link);
  Status begin(uint32_t link, std::deque<Burst> &bursts);
  Status fill();
  Status broken(uint32_t link, Rule rule, const Burst &burst);

  Model &model_;
  const std::string name_;
  std::vector<Channel> channels_;
  uint32_t bytes_;                    // of a beat
  Memory *memory_ = nullptr;          // of the present run
  std::deque<Burst> reads_, writes_;  // in the order of their addresses
  std::deque<Word> words_;            // whose address has not come
  uint64_t now_ = 0;
  uint32_t culprit_ = 0;
};
