// Money between accounts: whatever several clients on several workers do at once, no reader ever
// sees a sum other than the one that was put in, and nobody's transfer is lost.
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

constexpr int kAccounts = 12;
constexpr int64_t kOpening = 1000;
constexpr int kTransfers = 1000;  // of each client
constexpr int kReads = 1000;      // of each reader, and on until the clients are done

std::string account(int number) {
  return "account:" + std::to_string(number);
}

struct Transfer {
  int from;
  int to;
  int64_t amount;
};

// A client's transfers, and what they come to in the end.
class Ledger {
 public:
  explicit Ledger(uint64_t seed) : random_(seed) {}

  Transfer next() {
    Transfer transfer{pick(kAccounts), pick(kAccounts - 1), 1 + pick(9)};
    if (transfer.to >= transfer.from) ++transfer.to;
    return transfer;
  }
  void record(const Transfer& transfer) {
    changes_[static_cast<size_t>(transfer.from)] -= transfer.amount;
    changes_[static_cast<size_t>(transfer.to)] += transfer.amount;
  }
  int64_t change(int number) const { return changes_[static_cast<size_t>(number)]; }
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }

 private:
  std::mt19937_64 random_;
  std::vector<int64_t> changes_ = std::vector<int64_t>(kAccounts);
};

// Reads, computes and writes under WATCH, and again until nobody came between.
void transfer_watching(Client& client, const Transfer& transfer) {
  const std::string from = account(transfer.from);
  const std::string to = account(transfer.to);
  for (int tries = 0;; ++tries) {
    require(tries < 100'000, "a transfer under WATCH never goes through");
    client.must({"WATCH", from, to});
    const int64_t from_balance = client.must({"GET", from}).number();
    const int64_t to_balance = client.must({"GET", to}).number();
    const std::vector<Value> values =
        client.pipeline({{"MULTI"},
                         {"SET", from, std::to_string(from_balance - transfer.amount)},
                         {"SET", to, std::to_string(to_balance + transfer.amount)},
                         {"EXEC"}});
    require(values[1].text == "QUEUED" && values[2].text == "QUEUED", "SET was not queued");
    if (values[3].is_null()) continue;
    require(values[3].elements.size() == 2, "EXEC answered " + values[3].text);
    return;
  }
}

// Lets the server compute: no WATCH, nothing to repeat.
void transfer_blindly(Client& client, const Transfer& transfer) {
  const std::string amount = std::to_string(transfer.amount);
  const std::vector<Value> values = client.pipeline({{"MULTI"},
                                                     {"DECRBY", account(transfer.from), amount},
                                                     {"INCRBY", account(transfer.to), amount},
                                                     {"EXEC"}});
  require(values[3].elements.size() == 2, "EXEC answered " + values[3].text);
}

int64_t sum(const std::vector<Value>& balances) {
  require(balances.size() == kAccounts, "a read lacks accounts");
  int64_t total = 0;
  for (const Value& balance : balances) total += balance.number();
  return total;
}

int64_t sum_by_mget(Client& client) {
  Words words{"MGET"};
  for (int i = 0; i < kAccounts; ++i) words.push_back(account(i));
  return sum(client.must(words).elements);
}

int64_t sum_by_exec(Client& client) {
  std::vector<Words> requests{{"MULTI"}};
  for (int i = 0; i < kAccounts; ++i) requests.push_back({"GET", account(i)});
  requests.push_back({"EXEC"});
  return sum(client.pipeline(requests).back().elements);
}

}  // namespace

TEST_CASE("transfers never change the sum") {
  RunningServer server(4);
  Client bank(server.port());
  for (int i = 0; i < kAccounts; ++i) bank.must({"SET", account(i), std::to_string(kOpening)});

  std::vector<Ledger> ledgers;
  for (uint64_t seed = 0; seed < 5; ++seed) ledgers.emplace_back(seed);
  std::atomic<int> writers{static_cast<int>(ledgers.size())};
  std::vector<std::function<void()>> bodies;
  for (size_t i = 0; i < ledgers.size(); ++i) {
    bodies.emplace_back([&, i] {
      const Busy busy(writers);
      Client client(server.port());
      Ledger& ledger = ledgers[i];
      for (int done = 0; done < kTransfers; ++done) {
        const Transfer transfer = ledger.next();
        // Two clients do the one, two the other, and one does both in turn.
        const bool watches = i < 2 || (i == 4 && done % 2 == 0);
        watches ? transfer_watching(client, transfer) : transfer_blindly(client, transfer);
        ledger.record(transfer);
      }
    });
  }
  for (const auto& read : {sum_by_mget, sum_by_exec}) {
    bodies.emplace_back([&, read] {
      Client client(server.port());
      for (int reads = 0; reads < kReads || writers > 0; ++reads) {
        const int64_t total = read(client);
        require(total == kAccounts * kOpening, "a reader saw the sum " + std::to_string(total));
      }
    });
  }
  // Shares the shards without touching the accounts, and now and then wants all of them.
  bodies.emplace_back([&] {
    Client client(server.port());
    Ledger noise(99);
    for (int done = 0; done < kTransfers; ++done) {
      const std::string key = "noise:" + std::to_string(noise.pick(500));
      client.must({"SET", key, "x", "PX", "5"});
      if (done % 16 == 0) {
        require(client.must({"DBSIZE"}).number() >= kAccounts, "accounts are missing");
      }
    }
  });
  run_threads(bodies);

  for (int i = 0; i < kAccounts; ++i) {
    int64_t expected = kOpening;
    for (const Ledger& ledger : ledgers) expected += ledger.change(i);
    CHECK(bank.must({"GET", account(i)}).number() == expected);
  }
}

}  // namespace larder::stress
