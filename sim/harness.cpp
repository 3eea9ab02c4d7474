#include "harness.h"

#include <vector>

#include "memory.h"

namespace {

struct Channel {
  Stream &stream;
  Pin data, valid, ready, last;
  std::vector<uint8_t> held;  // an output's beat that waits for tready
  uint32_t held_last = 0;
  bool waiting = false;

  Channel(Model &model, Stream &s)
      : stream(s),
        data(model, s.name + std::string("_tdata")),
        valid(model, s.name + std::string("_tvalid")),
        ready(model, s.name + std::string("_tready"), 1),
        last(model, s.name + std::string("_tlast")),
        held(s.bytes) {}

  bool chance() {
    return stream.stall && step(stream.random) <= stream.stall;
  }

  void restart() {
    stream.done = 0;
    waiting = false;
    (stream.input ? valid : ready).set(0);
  }

  // Drives this cycle's tvalid or tready; a source never takes back a beat that it has offered.
  void drive(bool streaming) {
    if (!stream.input) {
      ready.set(streaming && (stream.done >= stream.beats || !chance()));
      return;
    }
    if (waiting) return;
    if (streaming && stream.done < stream.beats && !chance()) {
      data.load(stream.data + stream.done * stream.bytes, stream.bytes);
      if (stream.last) last.set(stream.last[stream.done]);
      valid.set(1);
      waiting = true;
    } else {
      // Junk beside a low tvalid uncovers a design that takes it.
      std::memset(held.data(), static_cast<int>(stream.random & 255), stream.bytes);
      data.load(held.data(), stream.bytes);
      valid.set(0);
    }
  }

  // Looks at the settled signals before the clock edge; returns a status, and whether a beat moved.
  Status sample(uint64_t cycle, bool &moved) {
    stream.valid = valid.get();
    stream.ready = ready.get();
    const bool shake = stream.valid && stream.ready;
    if (!stream.input) {
      if (waiting && (!stream.valid || std::memcmp(held.data(), data.data(), stream.bytes) ||
                      held_last != last.get()))
        return HOLD;
      if (shake) {
        if (stream.done >= stream.beats) return SURPLUS;
        std::memcpy(stream.data + stream.done * stream.bytes, data.data(), stream.bytes);
        if (stream.last) stream.last[stream.done] = static_cast<uint8_t>(last.get());
      } else if (stream.valid && !waiting) {
        std::memcpy(held.data(), data.data(), stream.bytes);
        held_last = last.get();
      }
      waiting = stream.valid && !shake;
    }
    if (!shake) return DONE;
    moved = true;
    if (stream.input) waiting = false;
    if (stream.done++ == 0) stream.first = cycle;
    stream.final = cycle;
    return DONE;
  }
};

class Run {
 public:
  Run(Model &model, Job &job)
      : model_(model),
        job_(job),
        clock_(model, "aclk"),
        reset_(model, "aresetn"),
        irq_(model, "irq") {
    for (uint32_t i = 0; i < job.stream_count; ++i)
      channels_.push_back(std::make_unique<Channel>(model, job.streams[i]));
    if (!job.memory) return;
    if (!model.memory) model.memory = std::make_shared<MemoryPort>(model, job.memory->name);
    memory_ = model.memory.get();
    memory_->attach(*job.memory);
  }

  int go() {
    int status = start();
    bool again = job_.reset_after != 0;
    while (status == DONE && !(finished() && later_ == job_.later_count)) {
      if (job_.irq_within && streamed_ >= job_.irq_within) {
        status = LATE;
      } else if (again && streamed_ >= job_.reset_after) {
        again = false;
        status = start();
      } else if (later_ < job_.later_count && streamed_ >= job_.later[later_].cycle) {
        job_.phase = 4;
        job_.culprit = later_;
        status = write(job_.later[later_++]);
        if (status == DONE) job_.phase = 1;
      } else {
        status = cycle(true);
      }
    }
    job_.worked = streamed_;
    if (status != DONE) return status;
    job_.phase = 2;
    for (uint64_t i = 0; i < job_.settle && status == DONE; ++i) {
      quiet_ = 0;
      status = cycle(true);
    }
    if (status != DONE) return status;
    job_.phase = 3;
    for (uint32_t i = 0; i < job_.read_count && status == DONE; ++i) {
      job_.culprit = i;
      status = read(job_.reads[i]);
    }
    return status;
  }

 private:
  int start() {
    reset_.set(0);
    for (auto &channel : channels_) channel->restart();
    for (const char *name : {"awvalid", "wvalid", "bready", "arvalid", "rready"}) axi(name).set(0);
    if (memory_ && job_.reset_cycles) memory_->restart();
    for (uint32_t i = 0; i < job_.reset_cycles; ++i) {
      low();
      high();
    }
    if (memory_ && job_.reset_cycles) {
      const int status = blamed(memory_->silent());
      if (status != DONE) return status;
    }
    reset_.set(1);
    ++job_.resets;
    quiet_ = streamed_ = 0;
    later_ = 0;
    job_.phase = 0;
    int status = DONE;
    for (uint32_t i = 0; i < job_.write_count && status == DONE; ++i) {
      job_.culprit = i;
      status = write(job_.writes[i]);
    }
    if (status == DONE) job_.phase = 1;
    return status;
  }

  bool finished() const {
    for (auto &channel : channels_)
      if (channel->stream.done < channel->stream.beats) return false;
    return !job_.irq_within || irq_.get();
  }

  // Names the memory's channel as the culprit, if there is one.
  int blamed(Status status) {
    if (status != DONE) job_.culprit = job_.stream_count + memory_->culprit();
    return status;
  }

  Pin axi(const char *name) { return Pin(model_, std::string("s_axi_") + name); }

  void low() {
    clock_.set(0);
    model_.eval();
    model_.dump();
  }

  void high() {
    clock_.set(1);
    model_.eval();
    ++job_.cycle;
    model_.dump();
  }

  void drive(bool streaming) {
    for (auto &channel : channels_) channel->drive(streaming);
    if (memory_) memory_->drive();
    streamed_ += streaming;
    low();
  }

  int finish(bool moved) {
    for (uint32_t i = 0; i < channels_.size(); ++i) {
      const Status status = channels_[i]->sample(job_.cycle, moved);
      if (status != DONE) {
        job_.culprit = i;
        return status;
      }
    }
    if (memory_) {
      const int status = blamed(memory_->sample(job_.cycle, moved));
      if (status != DONE) return status;
    }
    high();
    quiet_ = moved ? 0 : quiet_ + 1;
    if (job_.stop) return STOPPED;
    return quiet_ >= job_.watchdog ? WATCHDOG : DONE;
  }

  int cycle(bool streaming) {
    drive(streaming);
    return finish(false);
  }

  int write(Access &access) {
    axi("awaddr").set(access.address);
    axi("wdata").set(access.value);
    axi("wstrb").set(15);
    Pin request[] = {axi("awvalid"), axi("wvalid")};
    Pin accept[] = {axi("awready"), axi("wready")};
    for (auto &pin : request) pin.set(1);
    axi("bready").set(1);
    return respond(request, accept, 2, "bvalid", [&] { access.response = axi("bresp").get(); });
  }

  int read(Access &access) {
    axi("araddr").set(access.address);
    Pin request[] = {axi("arvalid")};
    Pin accept[] = {axi("arready")};
    request[0].set(1);
    axi("rready").set(1);
    return respond(request, accept, 1, "rvalid", [&] {
      access.value = axi("rdata").get();
      access.response = axi("rresp").get();
    });
  }

  template <typename Take>
  int respond(Pin *request, Pin *accept, int count, const char *valid, Take take) {
    Pin answer = axi(valid);
    bool taken = false;
    while (!taken) {
      drive(job_.phase != 0);
      bool moved = false, accepted[2] = {false, false};
      for (int i = 0; i < count; ++i) moved |= accepted[i] = request[i].get() && accept[i].get();
      if (answer.get()) {
        take();
        taken = moved = true;
      }
      const int status = finish(moved);
      if (status != DONE) return status;
      for (int i = 0; i < count; ++i)
        if (accepted[i]) request[i].set(0);
    }
    axi("bready").set(0);
    axi("rready").set(0);
    const Access *accesses[] = {job_.writes, nullptr, nullptr, job_.reads, job_.later};
    const Access &access = accesses[job_.phase][job_.culprit];
    return access.response ? RESPONSE : DONE;
  }

  Model &model_;
  Job &job_;
  Pin clock_, reset_, irq_;
  std::vector<std::unique_ptr<Channel>> channels_;
  MemoryPort *memory_ = nullptr;
  uint64_t quiet_ = 0, streamed_ = 0;
  uint32_t later_ = 0;
};

}  // namespace

int run_job(Model &model, Job &job) { return Run(model, job).go(); }
