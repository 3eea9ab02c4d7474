// The batch harness: a whole run of one design in one call. sim/batch.py mirrors the structures.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

// A port of the design; the data of a Verilated port are little endian, unused upper bits zero.
struct Port {
  uint8_t *data;
  uint32_t bits;
};

class MemoryPort;

// The Verilated design; the implementation is generated for each top.
struct Model {
  std::shared_ptr<MemoryPort> memory;  // of the runs so far; null where there was none

  virtual ~Model() = default;
  virtual Port port(const char *name) = 0;  // data is null where there is no such port
  virtual void eval() = 0;
  virtual void dump() = 0;  // half a cycle later than the last time
};

// A port that may be absent: reads as `otherwise`, writes go nowhere.
class Pin {
 public:
  Pin(Model &model, const std::string &name, uint32_t otherwise = 0)
      : port_(model.port(name.c_str())), otherwise_(otherwise) {}
  bool exists() const { return port_.data != nullptr; }
  uint64_t get() const {
    if (!exists()) return otherwise_;
    uint64_t value = 0;
    std::memcpy(&value, port_.data, std::min<uint32_t>(8, bytes()));
    return value;
  }
  void set(uint64_t value) {
    if (!exists()) return;
    if (port_.bits < 64) value &= (uint64_t(1) << port_.bits) - 1;
    std::memcpy(port_.data, &value, std::min<uint32_t>(8, bytes()));
  }
  void load(const uint8_t *from, uint32_t count) {
    std::memcpy(port_.data, from, count);
    if (port_.bits % 8) port_.data[count - 1] &= (1u << (port_.bits % 8)) - 1;
  }
  const uint8_t *data() const { return port_.data; }
  uint32_t bytes() const { return (port_.bits + 7) / 8; }

 private:
  Port port_;
  uint32_t otherwise_;
};

// Steps a generator of 32 bits that is not 0.
inline uint32_t step(uint32_t &x) {
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return x;
}

struct Stream {
  const char *name;    // prefix of the ports
  uint8_t *data;       // beats of `bytes` bytes: read for an input, written for an output
  uint8_t *last;       // one byte a beat, null without tlast
  uint64_t beats;      // to move
  uint64_t done;       // moved
  uint64_t first;      // cycle of the first handshake
  uint64_t final;      // cycle of the last handshake
  uint32_t bytes;
  uint32_t input;      // 1: the harness is the source
  uint32_t stall;      // chance, in 2**-32, of a cycle without tvalid (input) or tready (output)
  uint32_t random;     // state of the generator behind the stalls, not 0
  uint32_t valid;      // tvalid and tready of the latest cycle
  uint32_t ready;
};

struct Access {
  uint32_t address;
  uint32_t value;      // written, or read back
  uint32_t response;
  uint64_t cycle;      // of streaming, from which on a later write is made
};

enum Status { DONE, WATCHDOG, SURPLUS, HOLD, RESPONSE, STOPPED, RULE, LATE };

struct Memory;

struct Job {
  Stream *streams;
  Access *writes;
  Access *reads;
  Access *later;         // writes while the streams move
  Memory *memory;        // null for none
  uint32_t stream_count;
  uint32_t write_count;
  uint32_t read_count;
  uint32_t later_count;
  uint32_t reset_cycles;   // 0 to go on from the state in which the last run ended
  uint64_t reset_after;  // streaming cycles before a second reset and start, 0 for none
  uint64_t watchdog;     // cycles without a handshake
  uint64_t settle;       // cycles after the last beat in which another one is an error
  uint64_t irq_within;   // streaming cycles within which irq must rise, 0 not to wait for it
  uint64_t worked;       // streaming cycles before settling
  uint64_t cycle;        // simulated so far
  uint32_t resets;       // done so far
  uint32_t phase;        // 0 writes, 1 streams, 2 settling, 3 reads, 4 a later write
  uint32_t culprit;      // index of the stream or access that a status other than DONE is about;
                         // channels of the memory are counted after the streams
  volatile uint32_t stop;  // set from another thread to end the run
};

int run_job(Model &model, Job &job);
