// Feeder and waiter: work that some put into queues, and others wait for. Nothing is given to two;
// what one feeder put into a queue is taken from it in that order; a wait that ends without
// anything was as long as it was meant to be. Whether something got lost is seen at the end
// (SharedFacts::check_queues()).
#include <algorithm>
#include <map>

#include "protocol/number.h"
#include "tests/simulation/failure.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

constexpr size_t kMostAtOnce = 3;  // pushed or taken by one request
constexpr size_t kMostWaits = 5;   // requests that wait one after the other
constexpr uint64_t kLongestWaitMs = 200;

std::string queue_name(Random& random) {
  return SharedFacts::queue_name(static_cast<unsigned>(random.below(SharedFacts::kQueues)));
}

class Feeder final : public Workload {
 public:
  explicit Feeder(SharedFacts& facts) : facts_(facts), name_(++facts.feeders) {}
  std::string name() const override { return "feeder"; }

  void speak(Client& client) override {
    if (!has_selected_) client.request({"SELECT", "3"}, expect_simple("OK"));
    has_selected_ = true;
    maybe_echo(client);
    Random& random = client.random();
    if (random.chance(20)) return unblock_somebody(client);
    // More than is taken would leave nobody waiting.
    if (random.chance(700)) return client.request({"PING"}, expect_simple("PONG"));
    const bool in_transaction = random.chance(150);
    if (in_transaction) client.request({"MULTI"}, expect_simple("OK"));
    const size_t pushes = in_transaction ? 1 + random.below(kMostAtOnce) : 1;
    std::vector<std::string> elements;
    for (size_t i = 0; i < pushes; ++i) push(client, in_transaction, elements);
    if (!in_transaction) return;
    client.request({"EXEC"}, [this, elements](const Value& reply, UnixRange) -> std::string {
      if (reply.elements.empty()) return "expected the replies of the transaction";
      facts_.queued.insert(elements.begin(), elements.end());
      return {};
    });
  }

  // What was under way may still come: somebody else goes on.
  void lost(size_t) override {
    name_ = ++facts_.feeders;
    next_ = 1;
    has_selected_ = false;
  }

 private:
  void push(Client& client, bool in_transaction, std::vector<std::string>& elements) {
    Random& random = client.random();
    Words words{"LPUSH", queue_name(random)};
    if (random.chance(200)) {
      words = {"EVAL",
               "for i = 1, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[i]) end "
               "return redis.call('LLEN', KEYS[1])",
               "1", words[1]};
    }
    std::vector<std::string> pushed;
    for (size_t count = 1 + random.below(kMostAtOnce); count > 0; --count) {
      pushed.push_back(std::to_string(name_) + ":" + std::to_string(next_++));
    }
    words.insert(words.end(), pushed.begin(), pushed.end());
    elements.insert(elements.end(), pushed.begin(), pushed.end());
    if (in_transaction) return client.request(words, expect_simple("QUEUED"));
    client.request(words, [this, pushed](const Value& reply, UnixRange) -> std::string {
      const auto length = protocol::parse_int64(reply.text);
      if (reply.kind != ValueKind::integer || !length) return "expected a length";
      if (*length < static_cast<int64_t>(pushed.size())) return "shorter than what was pushed";
      facts_.queued.insert(pushed.begin(), pushed.end());
      return {};
    });
  }

  void unblock_somebody(Client& client) {
    Words words{"CLIENT", "UNBLOCK", std::to_string(facts_.some_waiter(client.random()))};
    if (client.random().chance(300)) words.push_back("ERROR");
    ++facts_.unblocks;
    client.request(words, expect_kinds(":"));
  }

  SharedFacts& facts_;
  int64_t name_;
  int64_t next_ = 1;
  bool has_selected_ = false;
};

class Waiter final : public Workload {
 public:
  explicit Waiter(SharedFacts& facts) : facts_(facts) {}
  std::string name() const override { return "waiter"; }

  void speak(Client& client) override {
    if (!has_greeted_) greet(client);
    maybe_echo(client);
    if (waits_ >= kMostWaits) return client.request({"PING"}, expect_simple("PONG"));
    Random& random = client.random();
    const uint64_t timeout_ms = 1 + random.below(kLongestWaitMs);
    const std::string fraction = std::to_string(1000 + timeout_ms).substr(1);
    const std::string timeout = "0." + fraction;
    const std::string first = queue_name(random);
    const std::string second = random.chance(200) ? SharedFacts::kHeld : queue_name(random);
    if (random.chance(250)) {
      const std::string end = random.chance(500) ? "LEFT" : "RIGHT";
      ask(client, {"BLMOVE", first, SharedFacts::kHeld, "RIGHT", end, timeout}, timeout_ms, 0);
    } else if (random.chance(300)) {
      ask(client,
          {"BLMPOP", timeout, "2", first, second, "RIGHT", "COUNT", std::to_string(kMostAtOnce)},
          timeout_ms, kMostAtOnce);
    } else {
      ask(client, {"BRPOP", first, second, timeout}, timeout_ms, 1);
    }
  }

  bool is_waiting() const override { return waits_ > 0; }

  void lost(size_t) override {
    facts_.uncertain_takes += may_take_;
    facts_.waiters.erase(id_);
    waits_ = may_take_ = 0;
    id_ = 0;
    has_greeted_ = false;
    last_.clear();
  }

 private:
  void greet(Client& client) {
    has_greeted_ = true;
    client.request({"SELECT", "3"}, expect_simple("OK"));
    client.request({"CLIENT", "ID"}, [this](const Value& reply, UnixRange) -> std::string {
      id_ = protocol::parse_int64(reply.text).value_or(0);
      if (id_ <= 0) return "expected an ID";
      facts_.waiters.insert(id_);
      return {};
    });
  }

  // `most`: so many elements go if it is served; 0: they only move.
  void ask(Client& client, const Words& words, uint64_t timeout_ms, size_t most) {
    ++waits_;
    may_take_ += most;
    const bool in_transaction = client.random().chance(100);
    const int64_t begin_ns = in_transaction ? INT64_MIN : facts_.clock->monotonic_ns();
    const ReplyCheck check = [this, begin_ns, timeout_ms, most](const Value& reply, UnixRange) {
      --waits_;
      may_take_ -= most;
      return take(reply, begin_ns, timeout_ms, most);
    };
    if (!in_transaction) return client.request(words, check);
    client.request({"MULTI"}, expect_simple("OK"));
    client.request(words, expect_simple("QUEUED"));
    client.request({"EXEC"}, [check](const Value& reply, UnixRange range) -> std::string {
      if (reply.elements.size() != 1) return "expected the reply of the transaction";
      return check(reply.elements[0], range);
    });
  }

  // Monotonic time when it was asked; INT64_MIN: it may not wait at all.
  std::string take(const Value& reply, int64_t begin_ns, uint64_t timeout_ms, size_t most) {
    if (reply.kind == ValueKind::error) {
      const bool was_unblocked = facts_.unblocks > 0 && reply.text.starts_with("UNBLOCKED");
      return was_unblocked ? "" : "expected an element";
    }
    if (reply.absent) {
      const bool may_end = begin_ns == INT64_MIN || facts_.unblocks > 0;
      const int64_t waited_ns = may_end ? 0 : facts_.clock->monotonic_ns() - begin_ns;
      const bool is_early = waited_ns < static_cast<int64_t>(timeout_ms) * 1'000'000;
      return !may_end && is_early ? "its time was not over" : "";
    }
    if (most == 0) return reply.kind == ValueKind::bulk ? "" : "expected an element";
    if (reply.elements.size() != 2) return "expected a key and what was taken";
    const std::string& queue = reply.elements[0].text;
    const Value& taken = reply.elements[1];
    if (taken.kind == ValueKind::bulk) return take_element(queue, taken.text);
    if (taken.elements.empty() || taken.elements.size() > most) return "a wrong number of elements";
    for (const Value& element : taken.elements) {
      const std::string wrong = take_element(queue, element.text);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string take_element(const std::string& queue, const std::string& element) {
    if (!facts_.taken.insert(element).second) return element + " was taken twice";
    if (queue == SharedFacts::kHeld) return {};
    const size_t colon = element.find(':');
    const int64_t number = std::stoll(element.substr(colon + 1));
    int64_t& last = last_[{queue, element.substr(0, colon)}];
    if (number <= last) return element + " comes after " + std::to_string(last);
    last = number;
    return {};
  }

  SharedFacts& facts_;
  int64_t id_ = 0;
  size_t waits_ = 0;
  size_t may_take_ = 0;  // elements that unanswered requests may take
  bool has_greeted_ = false;
  // By queue and feeder: the last number that was taken on this connection.
  std::map<std::pair<std::string, std::string>, int64_t> last_;
};

}  // namespace

int64_t SharedFacts::some_waiter(Random& random) const {
  if (waiters.empty()) return 0;
  return *std::next(waiters.begin(), static_cast<std::ptrdiff_t>(random.below(waiters.size())));
}

void SharedFacts::check_queues(const std::vector<std::string>& left) const {
  std::set<std::string> found = taken;
  for (const std::string& element : left) {
    check(found.insert(element).second, element + " is there twice, or was taken and is there");
  }
  const auto missing = static_cast<size_t>(
      std::count_if(queued.begin(), queued.end(),
                    [&](const std::string& element) { return !found.contains(element); }));
  check(missing <= uncertain_takes, std::to_string(missing) + " elements are lost, and only " +
                                        std::to_string(uncertain_takes) +
                                        " may have gone with a lost reply");
}

std::unique_ptr<Workload> make_feeder(SharedFacts& facts) {
  return std::make_unique<Feeder>(facts);
}
std::unique_ptr<Workload> make_waiter(SharedFacts& facts) {
  return std::make_unique<Waiter>(facts);
}

}  // namespace larder::simulation
