// Crier and listener: messages on a few channels, numbered by who publishes them. A listener hears
// each number once and none is left out between, from the confirmation of its SUBSCRIBE to that of
// its UNSUBSCRIBE; nobody hears more than PUBLISH counted.
#include "protocol/number.h"
#include "tests/simulation/failure.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

std::string channel_name(uint64_t number) {
  return "sim:" + std::to_string(number);
}

class Crier final : public Workload {
 public:
  explicit Crier(SharedFacts& facts) : facts_(facts), name_(++facts.criers) {}
  std::string name() const override { return "crier"; }

  void speak(Client& client) override {
    maybe_echo(client);
    const std::string channel = channel_name(client.random().below(SharedFacts::kChannels));
    const int64_t number = ++sent_[channel];
    std::string text = std::to_string(name_) + ":" + std::to_string(number) + ":";
    if (client.random().chance(50)) text.resize(text.size() + 5000, 'x');
    const SharedFacts::Cry cry{channel, name_, number};
    client.request({"PUBLISH", channel, text},
                   [this, cry](const Value& reply, UnixRange) -> std::string {
                     const auto count = protocol::parse_int64(reply.text);
                     if (reply.kind != ValueKind::integer || !count) return "expected a number";
                     facts_.cries_counted[cry] = *count;
                     facts_.cries_acknowledged[{cry.channel, cry.crier}] = cry.number;
                     return {};
                   });
  }
  // What was under way may or may not have been published: somebody else goes on.
  void lost(size_t) override {
    name_ = ++facts_.criers;
    sent_.clear();
  }
  void check_end() override {
    for (const auto& [cry, heard] : facts_.cries_heard) {
      const auto counted = facts_.cries_counted.find(cry);
      if (counted == facts_.cries_counted.end()) continue;  // its reply was lost
      check(heard <= counted->second, "a message was heard more often than it was counted");
    }
  }

 private:
  SharedFacts& facts_;
  int64_t name_;
  std::map<std::string, int64_t> sent_;
};

class Listener final : public Workload {
 public:
  explicit Listener(SharedFacts& facts) : facts_(facts) {}
  std::string name() const override { return "listener"; }

  void speak(Client& client) override {
    if (!has_greeted_) {
      client.request({"HELLO", "3"}, expect_kinds("%"));
      has_greeted_ = true;
    }
    maybe_echo(client);
    Random& random = client.random();
    const bool by_pattern = random.chance(300);
    std::string name = channel_name(random.below(SharedFacts::kChannels));
    if (by_pattern) name += "*";
    const std::string prefix = by_pattern ? "p" : "";
    const bool ends = random.chance(400);
    const Words words{prefix + (ends ? "unsubscribe" : "subscribe"), name};
    client.request(words, [this, words, ends](const Value& reply, UnixRange) -> std::string {
      if (reply.kind != ValueKind::push || reply.elements.size() != 3 ||
          reply.elements[0].text != words[0] || reply.elements[1].text != words[1]) {
        return "expected the confirmation of " + words[0];
      }
      if (ends) {
        last_heard_.erase(words[1]);
      } else {
        last_heard_.try_emplace(words[1]);
      }
      return {};
    });
  }

  bool on_push(const Value& push) override {
    const std::string& kind = push.elements.at(0).text;
    if (kind != "message" && kind != "pmessage") return false;
    const size_t at = push.elements.size() - 2;
    const std::string& channel = push.elements[at].text;
    const std::string& text = push.elements[at + 1].text;
    const size_t colon = text.find(':');
    const int64_t crier = std::stoll(text.substr(0, colon));
    const int64_t number = std::stoll(text.substr(colon + 1));
    const auto subscription = last_heard_.find(push.elements[1].text);
    check(subscription != last_heard_.end(), "a message without a subscription: " + text);
    int64_t& last = subscription->second[{channel, crier}];
    check(last == 0 || number == last + 1,
          "after " + std::to_string(last) + " came " + text.substr(0, 40));
    last = number;
    ++facts_.cries_heard[{channel, crier, number}];
    return true;
  }

  void lost(size_t) override {
    has_greeted_ = false;
    last_heard_.clear();
  }

  // Whom it has begun to hear it has heard to the end.
  void check_end() override {
    for (const auto& [name, by_crier] : last_heard_) {
      for (const auto& [source, last] : by_crier) {
        const auto acknowledged = facts_.cries_acknowledged.find(source);
        if (acknowledged == facts_.cries_acknowledged.end()) continue;
        check(last >= acknowledged->second, "of " + source.first + " it heard " +
                                                std::to_string(last) + " of " +
                                                std::to_string(acknowledged->second));
      }
    }
  }

 private:
  SharedFacts& facts_;
  bool has_greeted_ = false;
  // By subscription: the last number of each crier on each channel.
  std::map<std::string, std::map<std::pair<std::string, int64_t>, int64_t>> last_heard_;
};

}  // namespace

std::unique_ptr<Workload> make_crier(SharedFacts& facts) {
  return std::make_unique<Crier>(facts);
}
std::unique_ptr<Workload> make_listener(SharedFacts& facts) {
  return std::make_unique<Listener>(facts);
}

}  // namespace larder::simulation
