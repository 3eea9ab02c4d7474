#include "memory.h"

namespace {

constexpr uint32_t SLVERR = 2;
constexpr uint32_t AHEAD = 4;  // words that are taken before their address
constexpr uint64_t PAGE = 4096;

const char *const NAMES[LINKS] = {"aw", "w", "b", "ar", "r"};
const std::vector<const char *> REQUEST = {"addr", "len", "size", "burst", "id",
                                           "cache", "prot", "lock", "qos"};
const std::vector<const char *> PAYLOADS[LINKS] = {
    REQUEST, {"data", "strb", "last"}, {"resp", "id"}, REQUEST, {"data", "last", "resp", "id"}};

}  // namespace

MemoryPort::MemoryPort(Model &model, const std::string &name) : model_(model), name_(name) {
  for (uint32_t link = 0; link < LINKS; ++link) {
    const std::string prefix = NAMES[link];
    channels_.push_back({pin(prefix + "valid"), pin(prefix + "ready"), {}, {}, false});
    for (const char *part : PAYLOADS[link]) channels_[link].payload.push_back(pin(prefix + part));
  }
  bytes_ = pin("wdata").bytes();
}

void MemoryPort::restart() {
  reads_.clear();
  writes_.clear();
  words_.clear();
  for (uint32_t link = 0; link < LINKS; ++link) {
    const bool source = link == B || link == R;
    (source ? channels_[link].valid : channels_[link].ready).set(0);
    channels_[link].waiting = false;
  }
}

Status MemoryPort::silent() {
  for (uint32_t link : {AW, W, AR})
    if (channels_[link].valid.get()) return broken(link, IN_RESET, {});
  return DONE;
}

void MemoryPort::drive() {
  channels_[AW].ready.set(writes_.size() < memory_->bursts && !chance(AW));
  channels_[W].ready.set(words_.size() < AHEAD && !chance(W));
  channels_[AR].ready.set(reads_.size() < memory_->bursts && !chance(AR));
  if (!channels_[B].waiting) offer_answer();
  if (!channels_[R].waiting) offer_read();
}

Status MemoryPort::sample(uint64_t cycle, bool &moved) {
  bool shake[LINKS];
  for (uint32_t link = 0; link < LINKS; ++link) {
    Channel &channel = channels_[link];
    Flow &f = flow(link);
    f.valid = channel.valid.get();
    f.ready = channel.ready.get();
    shake[link] = f.valid && f.ready;
    if (link != B && link != R && held(link) != DONE) return HOLD;
    if (!shake[link]) continue;
    moved = true;
    channel.waiting = false;
    if (f.done++ == 0) f.first = cycle;
    f.final = cycle;
  }
  if (shake[B]) writes_.pop_front();
  if (shake[R] && ++reads_.front().done == reads_.front().beats) reads_.pop_front();
  Status status = shake[AR] ? begin(AR, reads_) : DONE;
  if (status == DONE && shake[AW]) status = begin(AW, writes_);
  if (shake[W]) {
    auto &payload = channels_[W].payload;
    const uint8_t *data = payload[0].data();
    words_.push_back({{data, data + bytes_}, payload[1].get(), payload[2].get() != 0});
  }
  if (status == DONE) status = fill();
  ++now_;
  return status;
}

bool MemoryPort::chance(uint32_t link) {
  return flow(link).stall && step(flow(link).random) <= flow(link).stall;
}

// Returns where the word of an address is; null for one that answers SLVERR.
uint8_t *MemoryPort::at(uint64_t address) {
  const Memory &m = *memory_;
  if (address < m.base || address + bytes_ > m.base + m.size) return nullptr;
  if (address + bytes_ > m.bad && address < m.bad + m.bad_size) return nullptr;
  return m.image + (address - m.base);
}

uint64_t MemoryPort::due(uint32_t link) {
  const uint64_t jitter = memory_->jitter;
  return now_ + memory_->latency + (jitter ? step(flow(link).random) % (jitter + 1) : 0);
}

// Drives a source that has nothing to offer; junk uncovers a design that takes it.
void MemoryPort::junk(uint32_t link) {
  const std::vector<uint8_t> noise(bytes_, static_cast<uint8_t>(step(flow(link).random)));
  for (Pin &part : channels_[link].payload)
    if (part.exists()) part.load(noise.data(), part.bytes());
  channels_[link].valid.set(0);
}

void MemoryPort::offer_read() {
  if (reads_.empty() || now_ < reads_.front().due || chance(R)) return junk(R);
  const Burst &burst = reads_.front();
  auto &payload = channels_[R].payload;
  payload[0].load(&burst.data[burst.done * bytes_], bytes_);
  payload[1].set(burst.done + 1 == burst.beats);
  payload[2].set(burst.errors[burst.done] ? SLVERR : 0);
  payload[3].set(burst.id);
  channels_[R].valid.set(1);
  channels_[R].waiting = true;
}

void MemoryPort::offer_answer() {
  const bool none = writes_.empty() || writes_.front().done < writes_.front().beats;
  if (none || now_ < writes_.front().due || chance(B)) return junk(B);
  const Burst &burst = writes_.front();
  uint32_t response = 0;
  for (uint32_t i = 0; i < burst.data.size(); ++i) {
    uint8_t *word = at(burst.address + i / bytes_ * bytes_);
    if (!word) response = SLVERR;
    if (word && burst.strobes[i]) word[i % bytes_] = burst.data[i];
  }
  channels_[B].payload[0].set(response);
  channels_[B].payload[1].set(burst.id);
  channels_[B].valid.set(1);
  channels_[B].waiting = true;
}

// Compares with what was offered and not taken.
Status MemoryPort::held(uint32_t link) {
  Channel &channel = channels_[link];
  const bool valid = channel.valid.get();
  if (!channel.waiting && !valid) return DONE;
  std::vector<uint8_t> offered;
  for (const Pin &part : channel.payload)
    if (part.exists()) offered.insert(offered.end(), part.data(), part.data() + part.bytes());
  culprit_ = link;
  if (channel.waiting && (!valid || offered != channel.held)) return HOLD;
  channel.held = std::move(offered);
  channel.waiting = valid;
  return DONE;
}

// Takes an address, and what is read there.
Status MemoryPort::begin(uint32_t link, std::deque<Burst> &bursts) {
  auto &payload = channels_[link].payload;
  Burst burst = {};
  burst.address = payload[0].get();
  burst.beats = static_cast<uint32_t>(payload[1].get()) + 1;
  burst.id = static_cast<uint32_t>(payload[4].get());
  if (payload[3].get() != 1) return broken(link, KIND, burst);
  if (uint64_t(1) << payload[2].get() != bytes_) return broken(link, SIZE, burst);
  if (burst.address % bytes_) return broken(link, ALIGNMENT, burst);
  if (burst.address % PAGE + uint64_t(burst.beats) * bytes_ > PAGE)
    return broken(link, CROSSES, burst);
  if (link == AR) {
    burst.due = due(R);
    for (uint32_t beat = 0; beat < burst.beats; ++beat) {
      const uint8_t *word = at(burst.address + beat * bytes_);
      const std::vector<uint8_t> noise(bytes_, static_cast<uint8_t>(step(flow(R).random)));
      if (!word) word = noise.data();
      burst.errors.push_back(word == noise.data());
      burst.data.insert(burst.data.end(), word, word + bytes_);
    }
  }
  bursts.push_back(std::move(burst));
  return DONE;
}

// Gives words to the bursts whose addresses have come.
Status MemoryPort::fill() {
  for (Burst &burst : writes_) {
    for (; burst.done < burst.beats && !words_.empty(); words_.pop_front()) {
      const Word &word = words_.front();
      burst.data.insert(burst.data.end(), word.data.begin(), word.data.end());
      for (uint32_t i = 0; i < bytes_; ++i) burst.strobes.push_back(word.strobes >> i & 1);
      if (word.last != (++burst.done == burst.beats)) return broken(W, LAST, burst);
      burst.due = due(B);
    }
  }
  return DONE;
}

Status MemoryPort::broken(uint32_t link, Rule rule, const Burst &burst) {
  culprit_ = link;
  memory_->rule = rule;
  memory_->address = burst.address;
  memory_->beats = burst.beats;
  return RULE;
}
