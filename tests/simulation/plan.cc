#include "tests/simulation/plan.h"

#include <iterator>

namespace larder::simulation {
namespace {

// Off in many runs, rare in some, frequent in others.
unsigned some_chance(Random& random, unsigned most) {
  if (random.chance(400)) return 0;
  return static_cast<unsigned>(random.size_up_to(most));
}

void draw_clients(Random& random, Plan& plan) {
  plan.owners = static_cast<unsigned>(random.below(5));
  plan.counters = static_cast<unsigned>(random.below(4));
  plan.register_readers = static_cast<unsigned>(random.below(4));
  plan.transfers = static_cast<unsigned>(random.below(4));
  plan.chaotic = static_cast<unsigned>(random.below(5));
  plan.admins = static_cast<unsigned>(random.below(3));
  if (plan.owners + plan.counters + plan.transfers + plan.chaotic == 0) plan.chaotic = 2;
}

void draw_network(Random& random, Plan& plan) {
  NetworkFaults& network = plan.network;
  network.split_receive = some_chance(random, 900);
  network.starve = some_chance(random, 700);
  network.short_send = some_chance(random, 900);
  network.delay_send = some_chance(random, 800);
  network.delay_close = some_chance(random, 800);
  network.fail_accept = some_chance(random, 300);
  network.delay_mail = some_chance(random, 900);
  network.receive_buffer_bytes = random.chance(500) ? 64 << 10 : 16 + random.size_up_to(8000);
  network.receive_buffer_count = random.chance(500) ? 64 : 1 + random.size_up_to(8);
  ClientManners& manners = plan.manners;
  manners.reset = some_chance(random, 20);
  manners.close = some_chance(random, 20);
  manners.finish = some_chance(random, 20);
  manners.read = random.chance(600) ? 700 : 20 + static_cast<unsigned>(random.below(300));
  manners.small_read = some_chance(random, 900);
  manners.split_write = some_chance(random, 900);
  manners.max_unanswered = random.chance(500) ? 10 : 10 + random.size_up_to(400);
  manners.to_server_bytes = random.chance(500) ? 64 << 10 : 200 + random.size_up_to(20'000);
  manners.to_client_bytes = random.chance(500) ? 256 << 10 : 200 + random.size_up_to(20'000);
}

void draw_limit(Random& random, Plan& plan) {
  using Policy = config::EvictionPolicy;
  static constexpr Policy kPolicies[] = {
      Policy::allkeys_lru,   Policy::allkeys_lfu,    Policy::allkeys_random, Policy::allkeys_fifo,
      Policy::allkeys_sieve, Policy::allkeys_s3fifo, Policy::automatic};
  plan.policy = kPolicies[random.below(std::size(kPolicies))];
  plan.maxmemory_bytes = (16 << 10) + random.size_up_to(256 << 10);
  // Only those stay who can bear that a key goes.
  if (!plan.allows_flushall) plan.owners += 1;
  plan.counters = plan.register_readers = plan.transfers = 0;
}

}  // namespace

Plan Plan::draw(Random& random) {
  Plan plan;
  plan.workers = 1 + static_cast<unsigned>(random.below(4));
  plan.steps = 400 + random.size_up_to(4000);
  draw_clients(random, plan);
  draw_network(random, plan);
  plan.take_shard = some_chance(random, 200);
  plan.clock_jump = some_chance(random, 30);
  plan.spurious_step = some_chance(random, 100);
  plan.jumps_back = random.chance(500);
  plan.allows_kill = random.chance(300);
  plan.allows_pause = random.chance(300);
  // A clock set back lets keys appear again that a pause only hid: no owner could tell.
  if (plan.allows_pause) plan.jumps_back = false;
  plan.has_limits = random.chance(150);
  plan.stops_under_load = random.chance(150);
  if (random.chance(80)) {
    plan.floods = 1 + static_cast<unsigned>(random.below(2));
    plan.manners.max_unanswered = 100;
    plan.manners.to_server_bytes = 64 << 10;
    plan.manners.to_client_bytes = 256 << 10;
  }
  plan.allows_flushall = random.chance(150);
  if (plan.allows_flushall) {
    // Only those stay who expect nothing to last.
    plan.chaotic += plan.owners + 1;
    plan.owners = plan.counters = plan.register_readers = plan.transfers = 0;
    plan.floods = 0;
  }
  if (random.chance(200)) draw_limit(random, plan);
  if (random.chance(400)) plan.cachers = 1 + static_cast<unsigned>(random.below(3));
  const bool keeps_keys = !plan.allows_flushall && plan.maxmemory_bytes == 0;
  if (keeps_keys && random.chance(500)) {
    plan.feeders = 1 + static_cast<unsigned>(random.below(3));
    plan.waiters = 1 + static_cast<unsigned>(random.below(4));
  }
  if (random.chance(500)) {
    plan.listeners = 1 + static_cast<unsigned>(random.below(4));
    plan.criers = 1 + static_cast<unsigned>(random.below(3));
  }
  return plan;
}

config::Config Plan::settings() const {
  config::Config config;
  config.maxmemory_bytes = maxmemory_bytes;
  config.maxmemory_policy = policy;
  return config;
}

std::string Plan::describe() const {
  std::string text;
  const auto add = [&text](const char* name, size_t value) {
    text += std::string(text.empty() ? "" : " ") + name + "=" + std::to_string(value);
  };
  add("workers", workers);
  add("steps", steps);
  add("owners", owners);
  add("counters", counters);
  add("readers", register_readers);
  add("transfers", transfers);
  add("chaotic", chaotic);
  add("admins", admins);
  add("floods", floods);
  add("cachers", cachers);
  add("listeners", listeners);
  add("criers", criers);
  add("feeders", feeders);
  add("waiters", waiters);
  add("split", network.split_receive);
  add("starve", network.starve);
  add("short", network.short_send);
  add("delay", network.delay_send);
  add("mail", network.delay_mail);
  add("buffer", network.receive_buffer_bytes);
  add("reset", manners.reset);
  add("close", manners.close);
  add("finish", manners.finish);
  add("take", take_shard);
  add("jump", clock_jump);
  add("back", jumps_back);
  add("kill", allows_kill);
  add("pause", allows_pause);
  add("flushall", allows_flushall);
  add("limits", has_limits);
  add("stop", stops_under_load);
  add("limit", maxmemory_bytes);
  add("policy", static_cast<size_t>(policy));
  return text;
}

}  // namespace larder::simulation
