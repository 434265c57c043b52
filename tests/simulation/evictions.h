// Evictions: listens to the effects of a run with a limit on memory, and counts for each key how
// often it was evicted, so that a key's owner knows when it may have gone by itself.
//
// Thread: the simulation's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "server/effects.h"
#include "server/node.h"

namespace larder::simulation {

class Evictions final : public server::EffectListener {
 public:
  // REQUIRES: no shard is taken, here and when it goes.
  explicit Evictions(server::Node& node) : node_(node) { node_.effect_log().attach(*this); }
  ~Evictions() override { node_.effect_log().detach(*this); }
  Evictions(const Evictions&) = delete;
  Evictions& operator=(const Evictions&) = delete;

  void on_record(const server::EffectRecord& record) override {
    for (const server::KeyEvent& event : record.events) {
      if (event.event_class != server::EventClass::evicted) continue;
      ++counts_[{event.database, event.key}];
      ++total_;
    }
  }

  uint64_t count(unsigned database, const std::string& key) const {
    const auto place = counts_.find({database, key});
    return place == counts_.end() ? 0 : place->second;
  }
  uint64_t total() const { return total_; }

 private:
  server::Node& node_;
  std::map<std::pair<unsigned, std::string>, uint64_t> counts_;
  uint64_t total_ = 0;
};

}  // namespace larder::simulation
