// Counter, register and transfer: what several clients do to the same keys, with expectations that
// hold whatever the order.
#include <algorithm>

#include "protocol/number.h"
#include "tests/simulation/failure.h"
#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

constexpr std::string_view kDatabase = "3";

// Sends SELECT first on every new connection.
class SharedWorkload : public Workload {
 public:
  explicit SharedWorkload(SharedFacts& facts) : facts_(facts) {}

  void speak(Client& client) final {
    if (!has_selected_) {
      client.request({"SELECT", std::string(kDatabase)}, expect_simple("OK"));
      has_selected_ = true;
    }
    maybe_echo(client);
    speak_selected(client);
  }
  void lost(size_t unanswered) override {
    has_selected_ = false;
    lost_connection(unanswered);
  }

 protected:
  virtual void speak_selected(Client& client) = 0;
  virtual void lost_connection(size_t) {}

  SharedFacts& facts_;

 private:
  bool has_selected_ = false;
};

class Counter final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "counter"; }

  void speak_selected(Client& client) override {
    const auto index = static_cast<unsigned>(client.random().below(SharedFacts::kCounters));
    client.request({"INCR", "counter" + std::to_string(index)},
                   [this, index](const Value& reply, UnixRange) -> std::string {
                     const auto number = protocol::parse_int64(reply.text);
                     if (reply.kind != ValueKind::integer || !number) return "expected a number";
                     if (!facts_.counted[index].insert(*number).second) {
                       return "the same count was given twice";
                     }
                     return {};
                   });
  }
  void lost_connection(size_t unanswered) override { facts_.uncertain_counts += unanswered; }

  // No count is missing but those whose reply was lost.
  void check_end() override {
    size_t missing = 0;
    for (const std::set<int64_t>& counted : facts_.counted) {
      if (!counted.empty()) missing += static_cast<size_t>(*counted.rbegin()) - counted.size();
    }
    check(missing <= facts_.uncertain_counts,
          "counts are missing: " + std::to_string(missing) + ", but only " +
              std::to_string(facts_.uncertain_counts) + " replies were lost");
  }
};

std::string register_key(const SharedFacts& facts) {
  return "register" + std::to_string(facts.register_number);
}

class RegisterWriter final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "register writer"; }

  void speak_selected(Client& client) override {
    const int64_t number = ++facts_.register_sent;
    client.request({"SET", register_key(facts_), std::to_string(number)},
                   [this, number](const Value& reply, UnixRange) -> std::string {
                     facts_.register_known = std::max(facts_.register_known, number);
                     return reply.kind == ValueKind::simple ? "" : "expected +OK";
                   });
  }
  // A write under way may come later than those of a new connection.
  void lost_connection(size_t) override {
    ++facts_.register_number;
    facts_.register_sent = facts_.register_known = 0;
  }
};

class RegisterReader final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "register reader"; }

  void speak_selected(Client& client) override {
    const int64_t least = facts_.register_known;
    const unsigned number = facts_.register_number;
    client.request({"GET", register_key(facts_)},
                   [this, least, number](const Value& reply, UnixRange) -> std::string {
                     int64_t value = 0;
                     if (!reply.absent) value = protocol::parse_int64(reply.text).value_or(-1);
                     if (value < least) {
                       return "the register held " + std::to_string(least) + " before";
                     }
                     if (number != facts_.register_number) return {};
                     facts_.register_known = std::max(facts_.register_known, value);
                     return value <= facts_.register_sent ? "" : "nobody has written that yet";
                   });
  }
};

std::string account(uint64_t number) {
  return "account" + std::to_string(number);
}

// Reads two accounts, then moves money by what it read; or moves it blindly, in one pipeline.
class Transfer final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "transfer"; }

  void speak_selected(Client& client) override {
    Random& random = client.random();
    if (stage_ == Stage::waits) {
      return client.request({"PING"}, expect_simple("PONG"));
    }
    if (stage_ == Stage::knows) return finish(client);
    from_ = random.below(SharedFacts::kAccounts);
    to_ = (from_ + 1 + random.below(SharedFacts::kAccounts - 1)) % SharedFacts::kAccounts;
    if (random.chance(300)) return move_by_script(client);
    if (random.chance(400)) return move_blindly(client);
    stage_ = Stage::waits;
    client.request({"WATCH", account(from_), account(to_)}, expect_simple("OK"));
    client.request({"MGET", account(from_), account(to_)},
                   [this](const Value& reply, UnixRange) -> std::string {
                     if (reply.elements.size() != 2) return "expected two balances";
                     from_balance_ = protocol::parse_int64(reply.elements[0].text).value_or(-1);
                     to_balance_ = protocol::parse_int64(reply.elements[1].text).value_or(-1);
                     stage_ = Stage::knows;
                     return {};
                   });
  }
  void lost_connection(size_t) override { stage_ = Stage::idle; }

 private:
  enum class Stage : uint8_t { idle, waits, knows };

  void move_blindly(Client& client) {
    const std::string amount = std::to_string(client.random().between(1, 9));
    client.request({"MULTI"}, expect_simple("OK"));
    client.request({"DECRBY", account(from_), amount}, expect_simple("QUEUED"));
    client.request({"INCRBY", account(to_), amount}, expect_simple("QUEUED"));
    client.request({"EXEC"}, expect_kinds("*"));
  }

  // Of the two accounts it declares one, or none; now and then it takes its time in between.
  void move_by_script(Client& client) {
    Random& random = client.random();
    const std::string script = R"(
      local from, to = KEYS[1] or ARGV[3], ARGV[1]
      local a, b = redis.call('GET', from), redis.call('GET', to)
      redis.call('SET', from, a - ARGV[2])
      for i = 1, tonumber(ARGV[4]) do end
      redis.call('SET', to, b + ARGV[2])
      return 1
    )";
    Words words{"EVAL", script, "0"};
    if (random.chance(500)) {
      words[2] = "1";
      words.push_back(account(from_));
    }
    const std::string pause = random.chance(30) ? "3000000" : "0";
    const std::string amount = std::to_string(random.between(1, 9));
    for (const std::string& word : {account(to_), amount, account(from_), pause}) {
      words.push_back(word);
    }
    if (random.chance(700)) return client.request(words, expect_kinds(":"));
    client.request({"MULTI"}, expect_simple("OK"));
    client.request(words, expect_simple("QUEUED"));
    client.request({"GET", account(from_)}, expect_simple("QUEUED"));
    client.request({"EXEC"}, expect_kinds("*"));
  }

  // Writes what it computed from the balances it read: a lost update would change the sum.
  void finish(Client& client) {
    stage_ = Stage::waits;
    const int64_t amount = client.random().between(1, 9);
    client.request({"MULTI"}, expect_simple("OK"));
    client.request({"SET", account(from_), std::to_string(from_balance_ - amount)},
                   expect_simple("QUEUED"));
    client.request({"SET", account(to_), std::to_string(to_balance_ + amount)},
                   expect_simple("QUEUED"));
    client.request({"EXEC"}, [this](const Value& reply, UnixRange) -> std::string {
      stage_ = Stage::idle;
      const bool is_aborted = reply.absent || reply.kind == ValueKind::null;
      return is_aborted || reply.elements.size() == 2 ? "" : "expected two results or null";
    });
  }

  Stage stage_ = Stage::idle;
  uint64_t from_ = 0, to_ = 0;
  int64_t from_balance_ = 0, to_balance_ = 0;
};

class Auditor final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "auditor"; }

  void speak_selected(Client& client) override {
    Words words{"MGET"};
    if (client.random().chance(200)) {
      words = {"EVAL_RO",
               "local r = {} for i = 1, #ARGV do r[i] = redis.call('GET', ARGV[i]) end return r",
               "0"};
    }
    for (unsigned i = 0; i < SharedFacts::kAccounts; ++i) words.push_back(account(i));
    client.request(words, [](const Value& reply, UnixRange) -> std::string {
      int64_t sum = 0;
      for (const Value& element : reply.elements) {
        sum += protocol::parse_int64(element.text).value_or(0);
      }
      return sum == SharedFacts::kSumOfAccounts ? "" : "the sum is " + std::to_string(sum);
    });
  }
};

// Asks for and brings so much at once that buffers fill and both sides have to wait.
class Flood final : public SharedWorkload {
 public:
  using SharedWorkload::SharedWorkload;
  std::string name() const override { return "flood"; }

  void speak_selected(Client& client) override {
    Random& random = client.random();
    if (random.chance(600)) {
      const auto letter = static_cast<char>('a' + random.below(26));
      return client.request({"SET", key(random), std::string(kValueBytes, letter)},
                            expect_simple("OK"));
    }
    Words words{"MGET"};
    for (unsigned i = 0; i < kKeys; ++i) words.push_back(key(random));
    client.request(words, [](const Value& reply, UnixRange) -> std::string {
      if (reply.elements.size() != kKeys) return "expected as many values as keys";
      for (const Value& element : reply.elements) {
        const std::string& text = element.text;
        if (text.empty()) continue;
        const bool is_whole =
            text.size() == kValueBytes && text.find_first_not_of(text[0]) == std::string::npos;
        if (!is_whole) return "a value is not one that was written";
      }
      return {};
    });
  }

 private:
  static constexpr unsigned kKeys = 5;
  static constexpr size_t kValueBytes = 30'000;
  static std::string key(Random& random) { return "flood" + std::to_string(random.below(kKeys)); }
};

}  // namespace

std::unique_ptr<Workload> make_flood(SharedFacts& facts) {
  return std::make_unique<Flood>(facts);
}
std::unique_ptr<Workload> make_counter(SharedFacts& facts) {
  return std::make_unique<Counter>(facts);
}
std::unique_ptr<Workload> make_register_writer(SharedFacts& facts) {
  return std::make_unique<RegisterWriter>(facts);
}
std::unique_ptr<Workload> make_register_reader(SharedFacts& facts) {
  return std::make_unique<RegisterReader>(facts);
}
std::unique_ptr<Workload> make_transfer(SharedFacts& facts) {
  return std::make_unique<Transfer>(facts);
}
std::unique_ptr<Workload> make_auditor(SharedFacts& facts) {
  return std::make_unique<Auditor>(facts);
}

}  // namespace larder::simulation
