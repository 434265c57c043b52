// What a worker's turn costs per request, from received bytes to replies ready to be sent:
// everything but the kernel. Also what a listener on the effect stream adds, and what one key read
// by everybody costs against many.
//
// Each iteration is one turn: the next requests of every connection arrive, and the sends of the
// turn before are reported as done. "items_per_second" counts requests.
//
// Not measured here: sockets and system calls (bench/compare does), several workers.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/driver/precise_clock.h"
#include "server/effects.h"
#include "server/node.h"
#include "server/worker.h"

namespace {

using larder::server::EffectListener;
using larder::server::EffectRecord;
using larder::server::Event;
using larder::server::EventKind;
using larder::server::kReceiveHeadroom;
using larder::server::Node;
using larder::server::NodeOptions;
using larder::server::Now;
using larder::server::OpKind;
using larder::server::Ops;
using larder::server::ShardSet;
using larder::server::Worker;

constexpr uint32_t kConnections = 20;  // ready in one turn
constexpr uint64_t kSeed = 42;

enum class Load : uint8_t { get, set, incr };

// Counts what it hears, as the cheapest imaginable listener.
class CountingListener : public EffectListener {
 public:
  void on_record(const EffectRecord& record) override { bytes_ += record.bytes.size(); }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_ = 0;
};

class Turns {
 public:
  Turns(Load load, size_t pipeline, uint64_t keys)
      : node_(options()), worker_(node_, 0, kSeed), load_(load), pipeline_(pipeline), keys_(keys) {
    open_connections();
    const std::string zero = load == Load::incr ? "0" : std::string(64, 'x');
    fill(zero);
    for (auto& bytes : inputs_) bytes.resize(kReceiveHeadroom + pipeline * 128);
  }

  Node& node() { return node_; }

  // One turn of all connections; returns the requests it answered.
  size_t run() {
    events_.clear();
    for (uint32_t i = 0; i < kConnections; ++i) {
      add_sent(i);
      Event event{.kind = EventKind::received};
      event.connection = connections_[i];
      event.bytes = inputs_[i].data() + kReceiveHeadroom;
      event.result = static_cast<int32_t>(write_requests(event.bytes));
      events_.push_back(event);
    }
    step();
    return kConnections * pipeline_;
  }

 private:
  static NodeOptions options() {
    NodeOptions options;
    options.seed = kSeed;
    options.services.precise_ns = larder::server::make_precise_clock();
    return options;
  }

  void step() {
    ops_.clear();
    now_.monotonic_ns += 1000;
    now_.unix_us += 1;
    worker_.step(now_, events_, ops_);
    for (const auto& op : ops_.list) {
      if (op.kind == OpKind::adopt) connections_.push_back(op.connection);
      if (op.kind != OpKind::send) continue;
      size_t size = 0;
      for (uint32_t i = 0; i < op.piece_count; ++i) size += ops_.pieces[op.first_piece + i].size;
      unsent_[op.connection.slot] = size;
    }
  }

  void open_connections() {
    const larder::server::Addresses addresses{"127.0.0.1:1", "127.0.0.1:2"};
    for (uint32_t i = 0; i < kConnections; ++i) {
      Event event{.kind = EventKind::accepted};
      event.handle = static_cast<int>(i);
      event.addresses = &addresses;
      events_.push_back(event);
    }
    step();
  }

  void add_sent(uint32_t i) {
    if (unsent_[i] == 0) return;
    Event event{.kind = EventKind::sent};
    event.connection = connections_[i];
    event.result = static_cast<int32_t>(unsent_[i]);
    events_.push_back(event);
    unsent_[i] = 0;
  }

  void fill(std::string_view value) {
    auto& keyspace = node_.keyspace();
    for (uint64_t number = 0; number < keys_; ++number) {
      char key[32];  // the compiler allows for more digits than there are
      std::snprintf(key, sizeof key, "key:%012llu", static_cast<unsigned long long>(number));
      const std::string_view text(key, 16);
      const auto hash = keyspace.hasher()(text);
      keyspace.shard(larder::storage::shard_of(hash))
          .set(0, text, hash, value, larder::storage::kNoDeadline);
    }
  }

  uint64_t next_key() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ % keys_;
  }

  size_t write_requests(char* out) {
    const char* const begin = out;
    for (size_t i = 0; i < pipeline_; ++i) {
      const auto key = static_cast<unsigned long long>(next_key());
      constexpr size_t kRoom = 128;
      int size = 0;
      if (load_ == Load::get) {
        size = std::snprintf(out, kRoom, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012llu\r\n", key);
      } else if (load_ == Load::incr) {
        size = std::snprintf(out, kRoom, "*2\r\n$4\r\nINCR\r\n$16\r\nkey:%012llu\r\n", key);
      } else {
        size = std::snprintf(out, kRoom,
                             "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012llu\r\n$64\r\n%064d\r\n", key, 0);
      }
      out += size;
    }
    return static_cast<size_t>(out - begin);
  }

  Node node_;
  Worker worker_;
  Load load_;
  size_t pipeline_;
  uint64_t keys_;
  Now now_{.monotonic_ns = 1, .unix_us = 1'700'000'000'000'000};
  Ops ops_;
  std::vector<Event> events_;
  std::vector<larder::server::ConnectionId> connections_;
  std::vector<char> inputs_[kConnections];
  size_t unsent_[kConnections] = {};
  uint64_t random_ = kSeed;
};

void run(benchmark::State& state, Turns& turns) {
  size_t requests = 0;
  for (auto _ : state) requests += turns.run();
  state.SetItemsProcessed(static_cast<int64_t>(requests));
}

template <Load load>
void step(benchmark::State& state) {
  Turns turns(load, static_cast<size_t>(state.range(0)), static_cast<uint64_t>(state.range(1)));
  run(state, turns);
}

void step_with_listener(benchmark::State& state) {
  Turns turns(Load::set, static_cast<size_t>(state.range(0)),
              static_cast<uint64_t>(state.range(1)));
  CountingListener listener;
  if (!turns.node().keyspace().try_lock(ShardSet::all())) std::abort();
  turns.node().effect_log().attach(listener);
  turns.node().keyspace().unlock(ShardSet::all());
  run(state, turns);
  if (listener.bytes() == 0) state.SkipWithError("the listener heard nothing");
}

// Requests include being written by snprintf, about 100 ns each and the same in all rows: compare
// rows.
BENCHMARK(step<Load::get>)->ArgNames({"pipeline", "keys"})->ArgsProduct({{1, 16, 64}, {1000000}});
BENCHMARK(step<Load::set>)->ArgNames({"pipeline", "keys"})->ArgsProduct({{1, 16, 64}, {1000000}});
BENCHMARK(step<Load::incr>)->ArgNames({"pipeline", "keys"})->ArgsProduct({{1, 16, 64}, {1000000}});
BENCHMARK(step_with_listener)->ArgNames({"pipeline", "keys"})->Args({16, 1000000});
BENCHMARK(step<Load::get>)->ArgNames({"pipeline", "keys"})->Args({16, 1});

}  // namespace

BENCHMARK_MAIN();
