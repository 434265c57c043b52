// Cacher: a client that tracks the keys it reads, of those that counters write, and keeps
// what it read until it is told. A reply never shows another value than the one that is kept; and
// when all is quiet, what is kept is what is there.
#include <map>
#include <optional>

#include "tests/simulation/failure.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

class Cacher final : public Workload {
 public:
  explicit Cacher(SharedFacts& facts) : facts_(facts) {}
  std::string name() const override { return "cacher"; }

  void speak(Client& client) override {
    Random& random = client.random();
    if (!is_tracking_) {
      is_tracking_ = true;
      client.request({"SELECT", "3"}, expect_simple("OK"));
      client.request({"HELLO", "3"}, expect_kinds("%"));
      Words words{"CLIENT", "TRACKING", "ON"};
      if (random.chance(300)) words.push_back("BCAST");
      client.request(words, expect_simple("OK"));
    }
    maybe_echo(client);
    const std::string key = "counter" + std::to_string(random.below(SharedFacts::kCounters));
    if (random.chance(100)) return read_in_transaction(client, key);
    client.request({"GET", key},
                   [this, key](const Value& reply, UnixRange) { return read(key, reply); });
  }

  bool on_push(const Value& push) override {
    check(push.elements.at(0).text == "invalidate", "an unexpected push");
    const Value& keys = push.elements.at(1);
    if (keys.absent || keys.kind == ValueKind::null) cache_.clear();
    for (const Value& key : keys.elements) cache_.erase(key.text);
    return true;
  }

  void lost(size_t) override {
    is_tracking_ = false;
    cache_.clear();
  }

  void check_end() override {
    for (unsigned i = 0; i < SharedFacts::kCounters; ++i) {
      const auto cached = cache_.find("counter" + std::to_string(i));
      if (cached == cache_.end() || facts_.counted[i].empty()) continue;
      check(number(cached->second) >= *facts_.counted[i].rbegin() || facts_.evictions != nullptr,
            cached->first + " is still cached as " + cached->second.value_or("nothing"));
    }
  }

 private:
  using Text = std::optional<std::string>;

  static int64_t number(const Text& value) { return value ? std::stoll(*value) : 0; }

  std::string read(const std::string& key, const Value& reply) {
    Text value;
    if (!reply.absent && reply.kind != ValueKind::null) value = reply.text;
    const auto [place, is_new] = cache_.try_emplace(key, value);
    if (place->second != value) {
      return "it is cached as " + place->second.value_or("nothing") + " and nobody said otherwise";
    }
    return {};
  }

  void read_in_transaction(Client& client, const std::string& key) {
    client.request({"MULTI"}, expect_simple("OK"));
    client.request({"GET", key}, expect_simple("QUEUED"));
    client.request({"EXEC"}, [this, key](const Value& reply, UnixRange) -> std::string {
      if (reply.elements.size() != 1) return "expected one value";
      return read(key, reply.elements[0]);
    });
  }

  SharedFacts& facts_;
  bool is_tracking_ = false;
  std::map<std::string, Text> cache_;
};

}  // namespace

std::unique_ptr<Workload> make_cacher(SharedFacts& facts) {
  return std::make_unique<Cacher>(facts);
}

}  // namespace larder::simulation
