// Scripts that move money between accounts they do not declare, beside transactions and readers: no
// reader ever sees another sum, no transfer is lost, and everybody comes through.
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/stress/support/client.h"
#include "tests/stress/support/running_server.h"
#include "tests/stress/support/threads.h"

namespace larder::stress {
namespace {

constexpr int kAccounts = 16;
constexpr int64_t kOpening = 1000;
constexpr int kTransfers = 800;  // of each client

std::string account(int number) {
  return "account:" + std::to_string(number);
}

// Nothing declared; reads both, computes, writes.
const std::string kUndeclared = R"(
  local from, to, amount = 'account:' .. ARGV[1], 'account:' .. ARGV[2], tonumber(ARGV[3])
  local a = tonumber(redis.call('GET', from))
  local b = tonumber(redis.call('GET', to))
  redis.call('SET', from, a - amount)
  if ARGV[4] == 'slowly' then for i = 1, 2e4 do end end
  redis.call('SET', to, b + amount)
  return a + b
)";
// One of two is declared.
const std::string kHalfDeclared = R"(
  redis.call('DECRBY', KEYS[1], ARGV[3])
  redis.call('INCRBY', 'account:' .. ARGV[2], ARGV[3])
  return 1
)";
// Sees everything, in its own way.
const std::string kSum = R"(
  local sum = 0
  for i = 0, tonumber(ARGV[1]) - 1 do sum = sum + redis.call('GET', 'account:' .. i) end
  return sum
)";

int pick(std::mt19937_64& random, int count) {
  return static_cast<int>(random() % static_cast<unsigned>(count));
}

// Which accounts, and how much.
struct Transfer {
  int from;
  int to;
  int amount;

  explicit Transfer(std::mt19937_64& random)
      : from(pick(random, kAccounts)),
        to(pick(random, kAccounts - 1)),
        amount(1 + pick(random, 9)) {
    if (to >= from) ++to;
  }
};

void by_script(Client& client, const Transfer& transfer, int way) {
  const std::string from = std::to_string(transfer.from);
  const std::string to = std::to_string(transfer.to);
  const std::string amount = std::to_string(transfer.amount);
  switch (way) {
    case 0:
      client.must({"EVAL", kUndeclared, "0", from, to, amount, "quickly"});
      break;
    case 1:
      client.must({"EVAL", kUndeclared, "0", from, to, amount, "slowly"});
      break;
    case 2:
      client.must({"EVAL", kHalfDeclared, "1", account(transfer.from), from, to, amount});
      break;
    case 3: {
      const auto values = client.pipeline(
          {{"MULTI"},
           {"INCR", "transactions"},
           {"EVAL", kUndeclared, "0", from, to, amount, "quickly"},
           {"EXEC"}});
      require(values[3].elements.size() == 2 && !values[3].elements[1].is_error(),
              "EXEC answered " + values[3].text);
      break;
    }
    default: {
      const auto values = client.pipeline({{"MULTI"},
                                           {"DECRBY", account(transfer.from), amount},
                                           {"INCRBY", account(transfer.to), amount},
                                           {"EXEC"}});
      require(values[3].elements.size() == 2, "EXEC answered " + values[3].text);
    }
  }
}

}  // namespace

TEST_CASE("scripts that lock what they come to never change the sum") {
  RunningServer server(4);
  Client bank(server.port());
  for (int i = 0; i < kAccounts; ++i) bank.must({"SET", account(i), std::to_string(kOpening)});

  constexpr int kWriters = 5;
  std::atomic<int> writers{kWriters};
  std::vector<std::vector<int64_t>> changes(kWriters, std::vector<int64_t>(kAccounts));
  std::vector<std::function<void()>> bodies;
  for (int i = 0; i < kWriters; ++i) {
    bodies.emplace_back([&, i] {
      const Busy busy(writers);
      Client client(server.port());
      std::mt19937_64 random(static_cast<unsigned>(i));
      for (int done = 0; done < kTransfers; ++done) {
        const Transfer transfer(random);
        by_script(client, transfer, (i + done) % kWriters);
        changes[static_cast<size_t>(i)][static_cast<size_t>(transfer.from)] -= transfer.amount;
        changes[static_cast<size_t>(i)][static_cast<size_t>(transfer.to)] += transfer.amount;
      }
    });
  }
  Words all{"MGET"};
  for (int i = 0; i < kAccounts; ++i) all.push_back(account(i));
  for (const bool by_mget : {true, false}) {
    bodies.emplace_back([&, by_mget] {
      Client client(server.port());
      for (int reads = 0; reads < 300 || writers > 0; ++reads) {
        int64_t sum = 0;
        if (by_mget) {
          for (const Value& balance : client.must(all).elements) sum += balance.number();
        } else {
          sum = client.must({"EVAL_RO", kSum, "0", std::to_string(kAccounts)}).number();
        }
        require(sum == kAccounts * kOpening, "a reader saw the sum " + std::to_string(sum));
      }
    });
  }
  // Wants all shards now and then, from inside of a script and from outside.
  bodies.emplace_back([&] {
    Client client(server.port());
    for (int done = 0; done < 200; ++done) {
      const Words words = done % 2 == 0
                              ? Words{"EVAL", "return redis.call('DBSIZE')", "0"}
                              : Words{"DBSIZE"};
      require(client.must(words).number() >= kAccounts, "accounts are missing");
      client.must({"SCRIPT", "EXISTS", "none"});
    }
  });
  run_threads(bodies);

  for (int i = 0; i < kAccounts; ++i) {
    int64_t expected = kOpening;
    for (const auto& of_one : changes) expected += of_one[static_cast<size_t>(i)];
    CHECK(bank.must({"GET", account(i)}).number() == expected);
  }
}

TEST_CASE("long scripts on one worker do not stop the others") {
  RunningServer server(4);
  std::atomic<bool> ended{false};
  std::vector<std::function<void()>> bodies;
  bodies.emplace_back([&] {
    Client client(server.port());
    const Value value = client.call({"EVAL", "redis.call('GET', 'held') while true do end", "0"});
    require(value.is_error() && value.text.find("killed") != std::string::npos,
            "the script was not killed: " + value.text);
    ended = true;
  });
  for (int i = 0; i < 4; ++i) {
    bodies.emplace_back([&, i] {
      Client client(server.port());
      const std::string key = "free:" + std::to_string(i);
      for (int done = 0; done < 500; ++done) client.must({"INCR", key});
      if (i > 0) return;
      while (!ended) {
        const Value value = client.call({"SCRIPT", "KILL"});
        require(!value.is_error() || value.text.find("NOTBUSY") != std::string::npos, value.text);
      }
    });
  }
  run_threads(bodies);
  Client after(server.port());
  CHECK(after.must({"EVAL", "return redis.call('INCR', 'held')", "0"}).number() == 1);
}

}  // namespace larder::stress
