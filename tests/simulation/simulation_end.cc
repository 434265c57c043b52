// How a run ends: everything is answered, everything holds, nothing is left.
#include <algorithm>

#include "tests/simulation/failure.h"
#include "tests/simulation/simulation.h"

namespace larder::simulation {
namespace {

// Clients must be answered within so many rounds, each of which lets everybody do all they can.
constexpr size_t kMostRounds = 20'000;
// How far the clock may have to move for it (a pause that ends, ...).
constexpr int64_t kMostWaitNs = 10'000'000'000;

// Says nothing by itself.
class Idler final : public Workload {
 public:
  std::string name() const override { return "the simulation itself"; }
  void speak(Client&) override {}
  void lost(size_t) override {}
};

std::unique_ptr<Workload> make_idler() {
  return std::make_unique<Idler>();
}

}  // namespace

bool Simulation::drain_clients() {
  bool moved = false;
  for (const std::unique_ptr<Client>& client : clients_) moved = client->drain() || moved;
  return moved;
}

void Simulation::heal() {
  note("healing");
  faults_ = NetworkFaults();
  give_all_shards();
  const int64_t end_ns = server_.clock().monotonic_ns() + kMostWaitNs;
  for (size_t round = 0;; ++round) {
    check(round < kMostRounds, "clients are still not answered without faults");
    server_.settle(random_);
    const bool moved = drain_clients();
    const bool is_quiet = std::all_of(clients_.begin(), clients_.end(), [](const auto& client) {
      return !client->is_connected() || client->is_quiet();
    });
    if (is_quiet && !moved) break;
    if (moved) continue;
    // Only time can help now.
    const int64_t next_ns = server_.next_wake_ns();
    check(next_ns <= end_ns, "clients wait, and the server waits for nothing");
    move_clock(std::max<int64_t>(next_ns - server_.clock().monotonic_ns(), 1'000));
  }
  server_.settle(random_);
}

void Simulation::check_rest() {
  for (const std::unique_ptr<Client>& client : clients_) {
    if (client->is_connected()) client->workload().check_end();
  }
  compare_followers();
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    server_.node().keyspace().shard(shard).verify();
  }
  check_limit();
  const auto current = server_.node().config_store().current();
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    check(server_.worker(i).dispatcher().config() == *current,
          "worker " + std::to_string(i) + " uses other settings than the others");
  }
}

void Simulation::check_queues() {
  std::vector<std::string> left;
  const auto look_into = [&](const std::string& queue) {
    for (const Value& element : ask(3, {"LRANGE", queue, "0", "-1"}).elements) {
      left.push_back(element.text);
    }
  };
  for (unsigned i = 0; i < SharedFacts::kQueues; ++i) look_into(SharedFacts::queue_name(i));
  look_into(SharedFacts::kHeld);
  facts_.check_queues(left);
}

// Nobody writes any more, and eviction has caught up.
void Simulation::check_limit() {
  server::Node& node = server_.node();
  uint64_t bytes = 0;
  for (unsigned shard = 0; shard < storage::kShardCount; ++shard) {
    bytes += node.keyspace().shard(shard).bytes();
  }
  int64_t counted = node.memory().balance();
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    counted += server_.worker(i).dispatcher().environment().memory->pending();
  }
  check(counted == static_cast<int64_t>(bytes), "the account knows of " + std::to_string(counted) +
                                                    " bytes, the shards of " +
                                                    std::to_string(bytes));
  const uint64_t limit = plan_.maxmemory_bytes;
  check(limit == 0 || bytes <= limit + limit / 256,
        "at rest the data takes " + std::to_string(bytes) + " bytes of " + std::to_string(limit));
}

void Simulation::leave() {
  for (const std::unique_ptr<Client>& client : clients_) {
    totals_.replies += client->replies();
    totals_.digest = totals_.digest * 31 + client->digest();
    client->leave();
  }
  server_.settle(random_);
  ask(0, {"CONFIG", "SET", "timeout", "0", "maxclients", "10000"});
  check_queues();
}

// All workers must be of one mind whether writes are paused, also when two clients change it at the
// same time: of the same writes on each of them, at one instant, all or none are answered.
void Simulation::check_pause() {
  std::vector<std::unique_ptr<Client>> probes;
  // The worker with the fewest connections gets the next one, so each gets one.
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    probes.push_back(std::make_unique<Client>("probe" + std::to_string(i), server_.network(),
                                              server_.clock(), random_.fork(), make_idler(),
                                              may_be_closed_));
    probes.back()->connect(ClientManners());
  }
  const auto drain = [&] {
    bool moved = false;
    for (const std::unique_ptr<Client>& probe : probes) moved = probe->drain() || moved;
    return moved;
  };
  const auto drain_all = [&] {
    do {
      server_.settle(random_);
    } while (drain());
  };
  drain_all();
  bool is_surely_over = !plan_.allows_pause;
  if (plan_.allows_pause) {
    probes.front()->request({"CLIENT", "PAUSE", "1000", "WRITE"}, expect_kinds("+"));
    probes.back()->request({"CLIENT", "UNPAUSE"}, expect_kinds("+"));
    faults_.delay_mail = 500;
    drain_all();
    faults_ = NetworkFaults();
    // Whoever came last, nothing is left of a pause after one more end of it.
    if (random_.chance(500)) {
      probes.front()->request({"CLIENT", "UNPAUSE"}, expect_kinds("+"));
      drain_all();
      is_surely_over = true;
    }
  }
  uint64_t before = 0;
  for (const std::unique_ptr<Client>& probe : probes) {
    before += probe->replies();
    probe->request({"SET", "probe", "x"}, expect_simple("OK"));
  }
  drain_all();
  uint64_t answered = 0;
  for (const std::unique_ptr<Client>& probe : probes) answered += probe->replies();
  answered -= before;
  check((answered == 0 && !is_surely_over) || answered == probes.size(),
        "some workers are paused, others not: " + std::to_string(answered) + " of " +
            std::to_string(probes.size()) + " writes were answered");
  for (const std::unique_ptr<Client>& probe : probes) probe->leave();
  server_.settle(random_);
}

// Everybody has gone and every pause will be over: workers are awake for deadlines alone. Time
// passes until those have gone, too.
void Simulation::sleep_until_nothing_is_due() {
  // Deadlines that were given before the clock was set back are further off by that.
  const int64_t behind_ms = std::max<int64_t>(facts_.max_unix_ms - server_.clock().unix_ms(), 0);
  const int64_t end_ns = server_.clock().monotonic_ns() + kMostWaitNs + behind_ms * 1'000'000;
  while (server_.next_wake_ns() <= end_ns) {
    move_clock(std::max<int64_t>(server_.next_wake_ns() - server_.clock().monotonic_ns(), 1));
    server_.settle(random_);
  }
  compare_followers();
  const int64_t now_ms = server_.clock().unix_ms();
  // While a clock that was set back has not caught up, shards live in its future (their time never
  // goes back), and keys leave memory late; to clients they are gone in time.
  if (now_ms < facts_.max_unix_ms) return;
  for (const auto& [place, value] : contents_of(server_.node().keyspace())) {
    value.for_each_deadline(
        [&, &key = place.second](int64_t deadline_ms, const std::string& field) {
          check(deadline_ms > now_ms,
                "all workers sleep, but this is past its deadline: " + (key + field).substr(0, 60));
        });
  }
}

void Simulation::empty() {
  ask(0, {"FLUSHALL"});
  server_.settle(random_);
  compare_followers();
  for (const std::unique_ptr<Follower>& follower : followers_) {
    totals_.records += follower->records();
    totals_.expired += follower->expired_events();
  }
  followers_.clear();
  if (evictions_ != nullptr) totals_.evicted = evictions_->total();
  facts_.evictions = nullptr;
  evictions_.reset();
}

void Simulation::check_nothing_is_left() {
  server::Node& node = server_.node();
  check(node.total_connections() == 0, "connections are left when all clients have gone");
  check(server_.network().accepted() == 0, "sockets are left when all clients have gone");
  check(node.keyspace().may_start(~uint64_t{0}), "the exclusive ticket is still out");
  check(!node.effect_log().listening(), "the log believes that somebody listens");
  for (unsigned i = 0; i < storage::kShardCount; ++i) {
    server::ShardSlot& slot = node.keyspace().slot(i);
    const std::string name = "shard " + std::to_string(i);
    check(!slot.lock.is_taken(), name + " is still locked");
    check(slot.watches.empty(), name + " is still watched");
    slot.shard.verify();
    check(slot.shard.bytes() == 0,
          name + " still holds " + std::to_string(slot.shard.bytes()) + " bytes");
  }
  check(node.tracking().clients() == 0, "somebody still tracks");
  check(node.tracking().bytes() == 0, "keys are remembered for nobody");
  for (auto kind : {server::TopicKind::channel, server::TopicKind::pattern}) {
    check(node.channels().topics(kind) == 0, "something still has subscribers");
  }
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    check(server_.wake_at_ns(i) > server_.clock().monotonic_ns() + kMostWaitNs,
          "worker " + std::to_string(i) +
              " of an empty, idle server does not sleep, but wakes in " +
              std::to_string((server_.wake_at_ns(i) - server_.clock().monotonic_ns()) / 1'000'000) +
              " ms");
    totals_.parked += server_.worker(i).dispatcher().stats().parked_commands;
  }
}

void Simulation::shut_down() {
  server_.stop(/*at_once=*/false);
  server_.settle(random_);
  check(server_.has_finished(), "the server does not stop");
  check(server_.network().connect(100, 100) == nullptr, "a stopped server still listens");
}

// Whole replies leave, to those who read them; then, or after a while, everything ends.
void Simulation::stop_under_load() {
  const bool at_once = random_.chance(300);
  note(at_once ? "stops at once" : "stops");
  may_be_closed_ = true;
  faults_ = NetworkFaults();
  give_all_shards();
  server_.stop(at_once);
  const int64_t end_ns = server_.clock().monotonic_ns() + kMostWaitNs;
  while (!server_.has_finished()) {
    server_.settle(random_);
    if (random_.chance(700)) drain_clients();
    if (random_.chance(100)) act_client();
    check(server_.clock().monotonic_ns() < end_ns, "the server does not stop under load");
    // Keys of a worker that has stopped are nobody's duty any more.
    server_.clock().advance(random_.between(1'000, 20'000'000));
    note_time();
  }
  for (const std::unique_ptr<Client>& client : clients_) {
    while (client->drain()) {
    }
    totals_.replies += client->replies();
    totals_.digest = totals_.digest * 31 + client->digest();
    check(!client->is_connected(), client->name() + " is still connected to a stopped server");
  }
  compare_followers();
  followers_.clear();
  check(server_.network().accepted() == 0, "a stopped server holds sockets");
  check(server_.node().total_connections() == 0, "a stopped server counts connections");
}

Value Simulation::ask(unsigned database, const Words& words) {
  Value answer;
  bool is_answered = false;
  const NetworkFaults before = faults_;
  faults_ = NetworkFaults();
  const bool never_closed = false;
  Client asker("asker", server_.network(), server_.clock(), random_.fork(), make_idler(),
               never_closed);
  asker.connect(ClientManners());
  asker.request({"SELECT", std::to_string(database)}, expect_simple("OK"));
  asker.request(words, [&](const Value& reply, UnixRange) -> std::string {
    answer = reply;
    is_answered = true;
    return reply.kind == transcripts::ValueKind::error ? reply.text : "";
  });
  for (size_t round = 0;; ++round) {
    if (is_answered) break;
    check(round < 1000, "the simulation's own request is not answered");
    const bool moved = asker.drain();
    server_.settle(random_);
    if (!moved && !is_answered) move_clock(10'000'000);  // a pause must end
  }
  asker.leave();
  server_.settle(random_);
  faults_ = before;
  return answer;
}

}  // namespace larder::simulation
