#include "tests/simulation/simulation.h"

#include <algorithm>
#include <cstdio>

#include "tests/simulation/failure.h"

namespace larder::simulation {
namespace {

constexpr size_t kStoryLines = 60;
// How late a ready worker may be stepped, in simulated time.
constexpr int64_t kMostDelayNs = 10'000'000;
constexpr size_t kMostFollowers = 3;

}  // namespace

Simulation::Simulation(uint64_t seed, bool is_verbose)
    : random_(seed),
      plan_(Plan::draw(random_)),
      may_be_closed_(plan_.allows_kill || plan_.has_limits),
      is_verbose_(is_verbose),
      server_(plan_.settings(), plan_.workers, random_.fork(), faults_) {
  facts_.clock = &server_.clock();
  facts_.allows_flushall = plan_.allows_flushall;
  facts_.allows_kill = plan_.allows_kill;
  facts_.allows_pause = plan_.allows_pause;
  facts_.has_limits = plan_.has_limits;
  facts_.maxmemory_bytes = plan_.maxmemory_bytes;
  if (plan_.maxmemory_bytes != 0) {
    evictions_ = std::make_unique<Evictions>(server_.node());
    facts_.evictions = evictions_.get();
  }
  note_time();
}

void Simulation::run() {
  set_up();
  faults_ = plan_.network;
  run_faults();
  if (plan_.stops_under_load) return stop_under_load();
  heal();
  check_rest();
  leave();
  check_pause();
  sleep_until_nothing_is_due();
  empty();
  check_nothing_is_left();
  shut_down();
}

// ---- set-up
// --------------------------------------------------------------------------------------

void Simulation::add_client(const std::string& kind, std::unique_ptr<Workload> workload) {
  clients_.push_back(std::make_unique<Client>(kind + std::to_string(clients_.size()),
                                              server_.network(), server_.clock(), random_.fork(),
                                              std::move(workload), may_be_closed_));
}

void Simulation::set_up() {
  Words balances{"MSET"};
  for (unsigned i = 0; i < SharedFacts::kAccounts; ++i) {
    balances.push_back("account" + std::to_string(i));
    balances.push_back(std::to_string(SharedFacts::kSumOfAccounts / SharedFacts::kAccounts));
  }
  ask(3, balances);
  for (unsigned i = 0; i < plan_.owners; ++i) add_client("owner", make_owner(facts_, i));
  for (unsigned i = 0; i < plan_.counters; ++i) add_client("counter", make_counter(facts_));
  if (plan_.register_readers > 0) add_client("writer", make_register_writer(facts_));
  for (unsigned i = 0; i < plan_.register_readers; ++i) {
    add_client("reader", make_register_reader(facts_));
  }
  for (unsigned i = 0; i < plan_.transfers; ++i) add_client("transfer", make_transfer(facts_));
  if (plan_.transfers > 0) add_client("auditor", make_auditor(facts_));
  for (unsigned i = 0; i < plan_.floods; ++i) add_client("flood", make_flood(facts_));
  for (unsigned i = 0; i < plan_.cachers; ++i) add_client("cacher", make_cacher(facts_));
  for (unsigned i = 0; i < plan_.listeners; ++i) add_client("listener", make_listener(facts_));
  for (unsigned i = 0; i < plan_.criers; ++i) add_client("crier", make_crier(facts_));
  for (unsigned i = 0; i < plan_.feeders; ++i) add_client("feeder", make_feeder(facts_));
  for (unsigned i = 0; i < plan_.waiters; ++i) add_client("waiter", make_waiter(facts_));
  for (unsigned i = 0; i < plan_.chaotic; ++i) add_client("chaos", make_chaos(facts_));
  for (unsigned i = 0; i < plan_.admins; ++i) add_client("admin", make_admin(facts_));
}

// ---- the phase with faults
// -----------------------------------------------------------------------

void Simulation::run_faults() {
  for (size_t step = 0; step < plan_.steps; ++step) {
    take_step();
    ++totals_.steps;
  }
}

void Simulation::take_step() {
  if (random_.chance(plan_.take_shard)) take_or_give_shards();
  if (random_.chance(plan_.clock_jump)) jump_clock();
  if (random_.chance(plan_.attach)) attach_or_detach();
  if (random_.chance(plan_.compare)) compare_followers();
  const uint64_t kind = random_.below(100);
  if (kind < 45) {
    step_worker();
  } else if (kind < 90) {
    act_client();
  } else {
    advance_clock();
  }
}

void Simulation::step_worker() {
  std::vector<unsigned> ready;
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    if (server_.is_ready(i) || random_.chance(plan_.spurious_step)) ready.push_back(i);
  }
  if (ready.empty()) return;
  const unsigned worker = random_.pick(ready);
  note("worker " + std::to_string(worker));
  server_.step(worker);
}

void Simulation::act_client() {
  Client& client = *clients_[random_.below(clients_.size())];
  note(client.name());
  client.act(plan_.manners);
}

// Up to the next moment for which a worker asked, or less far. Nobody who is ready is kept waiting
// for long.
void Simulation::advance_clock() {
  server_.refresh();
  const int64_t now_ns = server_.clock().monotonic_ns();
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    if (now_ns - server_.ready_since_ns(i) > kMostDelayNs) server_.step(i);
  }
  server_.refresh();
  int64_t most_ns = random_.chance(100) ? 1'000'000'000 : 20'000'000;
  bool somebody_is_ready = false;
  for (unsigned i = 0; i < server_.worker_count(); ++i) {
    somebody_is_ready = somebody_is_ready || server_.is_ready(i);
  }
  if (somebody_is_ready) {
    most_ns = kMostDelayNs / 4;
  } else {
    most_ns = std::min(most_ns, server_.next_wake_ns() - now_ns + kMostDelayNs / 4);
  }
  move_clock(static_cast<int64_t>(random_.size_up_to(static_cast<size_t>(most_ns))));
}

void Simulation::jump_clock() {
  const int64_t most_us = random_.chance(200) ? 3'600'000'000 : 2'000'000;
  int64_t by_us = random_.between(1, most_us);
  if (plan_.jumps_back && random_.chance(500)) by_us = -by_us;
  note("clock jumps by " + std::to_string(by_us) + " us");
  server_.clock().jump(by_us);
  note_time();
}

void Simulation::move_clock(int64_t duration_ns) {
  server_.clock().advance(duration_ns);
  note_time();
  check_expiry();
}

void Simulation::note_time() {
  facts_.max_unix_ms = std::max(facts_.max_unix_ms, server_.clock().unix_ms());
  for (const std::unique_ptr<Client>& client : clients_) client->note_time();
}

// A worker is at most this late: the tick of 64 ms, and the steps' own delay.
void Simulation::check_expiry() {
  if (!plan_.is_expiry_punctual()) return;
  // Nothing expires in what a script holds.
  if (has_paused_script()) return overdue_since_ns_.clear();
  constexpr int64_t kMostLateNs = 150'000'000;
  const int64_t now_ns = server_.clock().monotonic_ns();
  std::map<std::pair<unsigned, std::string>, int64_t> overdue;
  for (const auto& [place, value] : contents_of(server_.node().keyspace())) {
    value.for_each_deadline([&, database = place.first, &key = place.second](
                                int64_t deadline_ms, const std::string& field) {
      if (deadline_ms > server_.clock().unix_ms()) return;
      const std::pair what(database, key + field);
      const auto known = overdue_since_ns_.find(what);
      const int64_t since_ns = known == overdue_since_ns_.end() ? now_ns : known->second;
      check(now_ns - since_ns <= kMostLateNs,
            "a key or field is still there " + std::to_string((now_ns - since_ns) / 1'000'000) +
                " ms after its deadline was seen to be over: db " + std::to_string(database) + " " +
                what.second.substr(0, 60));
      overdue.emplace(what, since_ns);
    });
  }
  overdue_since_ns_ = std::move(overdue);
}

// Shards look taken, as if a thread that holds them had been put off its core.
void Simulation::take_or_give_shards() {
  server::Keyspace& keyspace = server_.node().keyspace();
  if (!taken_.empty() && random_.chance(600)) return give_all_shards();
  const size_t count = random_.chance(300) ? random_.size_up_to(storage::kShardCount) : 1;
  for (size_t i = 0; i < count; ++i) {
    const auto shard = static_cast<unsigned>(random_.below(storage::kShardCount));
    if (taken_.contains(shard)) continue;
    if (!keyspace.try_lock(shard)) {
      check(has_paused_script(), "a shard is taken between two steps");
      continue;
    }
    taken_.add(shard);
  }
  note("takes shards");
}

void Simulation::give_all_shards() {
  if (taken_.empty()) return;
  server_.node().keyspace().unlock(taken_);
  taken_.clear();
  note("gives shards");
}

// It holds shards between two steps, and what it has done is not told yet.
bool Simulation::has_paused_script() {
  server::ScriptEngine& scripts = server_.node().scripts();
  if (!scripts.try_take()) return true;
  scripts.give_back();
  return false;
}

void Simulation::attach_or_detach() {
  give_all_shards();
  if (has_paused_script()) return;
  if (followers_.size() == kMostFollowers || (!followers_.empty() && random_.chance(300))) {
    note("detaches a follower");
    Follower& follower = *followers_.front();
    follower.compare();
    totals_.records += follower.records();
    totals_.expired += follower.expired_events();
    followers_.erase(followers_.begin());
    return;
  }
  note("attaches a follower");
  followers_.push_back(std::make_unique<Follower>(server_.node(), random_.next()));
}

void Simulation::compare_followers() {
  if (has_paused_script()) return;
  for (const std::unique_ptr<Follower>& follower : followers_) follower->compare();
}

// ---- telling
// -------------------------------------------------------------------------------------

void Simulation::note(std::string event) {
  for (const char c : event) totals_.digest = totals_.digest * 1099511628211ULL + uint8_t(c);
  if (is_verbose_) std::fprintf(stderr, "%s\n", event.c_str());
  story_.push_back(std::move(event));
  if (story_.size() > kStoryLines) story_.pop_front();
}

std::string Simulation::story() const {
  std::string text = "plan: " + plan_.describe() + "\nlast:";
  for (const std::string& event : story_) text += " [" + event + "]";
  for (const std::unique_ptr<Client>& client : clients_) text += "\n" + client->describe();
  return text + "\n";
}

}  // namespace larder::simulation
