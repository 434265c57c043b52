// Effects under threads: several workers run every write command on the same keys, keys expire, and
// a follower that knows nothing but the stream of effects ends with the same data; one that was
// attached in the middle of it, too.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/stress/support/threads.h"
#include "tests/support/actor.h"
#include "tests/support/follower.h"
#include "tests/support/random_commands.h"

namespace larder::stress {
namespace {

using server::Outcome;
using support::Actor;
using support::Follower;
using support::RandomCommands;
using support::Words;

constexpr unsigned kThreads = 3;
constexpr unsigned kKeys = 60;
constexpr unsigned kDatabases = 3;
constexpr int kSteps = 10000;  // of each thread; some are several commands
constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kLongAfterMs = kStartMs + 1'000'000'000'000;

// Runs `work` while all shards are held, as whoever attaches a listener must.
template <typename Work>
void with_all_shards(server::Node& node, Work&& work) {
  const uint64_t holder = node.next_session_id();
  while (!node.keyspace().take_exclusive_ticket(holder)) std::this_thread::yield();
  while (!node.keyspace().try_lock(server::ShardSet::all())) std::this_thread::yield();
  work();
  node.keyspace().unlock(server::ShardSet::all());
  node.keyspace().return_exclusive_ticket(holder);
}

class Load {
 public:
  Load(server::Node& node, unsigned thread, std::atomic<int64_t>& clock_ms)
      : actor_(node, thread, thread), random_(1000 + thread, kKeys), clock_ms_(clock_ms) {}

  void step() {
    now_ms_ = clock_ms_.fetch_add(1) + 1;
    actor_.set_time_ms(now_ms_);
    switch (random_.pick(40)) {
      case 0:
        if (random_.pick(25) == 0) actor_.run(random_.flush());
        break;
      case 1:
      case 2:
        actor_.run(random_.select(kDatabases));
        break;
      case 3:
      case 4:
      case 5:
      case 6:
        transaction();
        break;
      default:
        actor_.run(random_.data(now_ms_));
    }
    actor_.turn();
  }

  // Time goes on until nothing is due any more.
  void outlive_everything() {
    actor_.set_time_ms(kLongAfterMs);
    while (actor_.duty().earliest_ms() != server::ExpiryDuty::kNothingDue) actor_.turn();
  }

  Actor& actor() { return actor_; }

 private:
  void transaction() {
    if (random_.pick(2) == 0) actor_.run({"WATCH", random_.key(), random_.key()});
    actor_.run({"MULTI"});
    for (uint64_t left = random_.pick(6); left > 0; --left) {
      if (random_.pick(8) == 0) actor_.run(random_.select(kDatabases));
      if (random_.pick(200) == 0) actor_.run(random_.flush());
      actor_.run(random_.data(now_ms_));
    }
    actor_.run({random_.pick(10) == 0 ? "DISCARD" : "EXEC"});
  }

  Actor actor_;
  RandomCommands random_;
  std::atomic<int64_t>& clock_ms_;
  int64_t now_ms_ = 0;
};

uint64_t calls(const std::vector<std::unique_ptr<Load>>& loads, unsigned command) {
  uint64_t total = 0;
  for (const auto& load : loads) {
    total += load->actor().dispatcher().stats().commands[command].calls;
  }
  return total;
}

}  // namespace

TEST_CASE("followers of the effects end equal to the primary") {
  server::Node primary(support::node_options(kThreads, 7));
  // One follower's clock lags behind the primary's, the other's is far ahead: neither may matter.
  Follower from_the_start(11, kStartMs - 1'000'000);
  Follower from_the_middle(12, kLongAfterMs);
  with_all_shards(primary, [&] { from_the_start.attach(primary); });

  std::atomic<int64_t> clock_ms{kStartMs};
  std::vector<std::unique_ptr<Load>> loads;
  for (unsigned i = 0; i < kThreads; ++i) {
    loads.push_back(std::make_unique<Load>(primary, i, clock_ms));
  }
  std::vector<std::function<void()>> bodies;
  for (unsigned i = 0; i < kThreads; ++i) {
    bodies.emplace_back([&, i] {
      for (int step = 0; step < kSteps; ++step) {
        if (i == 0 && step == kSteps / 3) {
          with_all_shards(primary, [&] { from_the_middle.attach(primary); });
        }
        loads[i]->step();
      }
    });
  }
  run_threads(bodies);

  for (Follower* follower : {&from_the_start, &from_the_middle}) {
    follower->apply();
    CHECK(follower->applied() > 1000);
    CHECK(support::difference(primary, follower->node()) == "");
  }
  CHECK(!support::contents_of(primary).empty());
  for (unsigned i = 0; i < primary.commands().size(); ++i) {
    const server::Command& command = primary.commands()[i];
    INFO(command.full_name << " never ran: teach RandomCommands");
    if (command.row->has_flag(server::kWrite)) CHECK(calls(loads, i) > 0);
  }

  // Every deadline is some worker's duty: in the end only what has none is left.
  bodies.clear();
  for (unsigned i = 0; i < kThreads; ++i) {
    bodies.emplace_back([&, i] { loads[i]->outlive_everything(); });
  }
  run_threads(bodies);
  for (const auto& [name, stored] : support::contents_of(primary)) {
    INFO(name.second << " in database " << name.first);
    CHECK(stored.deadline_ms == storage::kNoDeadline);
    if (stored.type != storage::Type::hash) continue;
    for (size_t i = 0; i < stored.elements.size(); i += 3) {
      CHECK(std::stoll(stored.elements[i + 2]) == storage::kNoDeadline);
    }
  }
  for (Follower* follower : {&from_the_start, &from_the_middle}) {
    follower->apply();
    CHECK(support::difference(primary, follower->node()) == "");
  }
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    primary.keyspace().shard(shard).verify();
    CHECK(primary.keyspace().slot(shard).watches.empty());
  }
}

}  // namespace larder::stress
