// What the table costs per operation with real memory traffic: keys of 16 bytes, values of 64, in
// random order over 256 shards, as a batch of pipelined requests meets them (prefetch the buckets
// of all, then their entries, then run) and one by one.
//
// `replace` measures one full shard under each eviction policy.
//
// The hash is computed beforehand, as the dispatcher has it. Not measured here: locks, replies.
//
// `micro_storage --growth=<keys> [--deadlines]` times every single insertion up to that many keys,
// those that split a block (a growth step) apart from the others, and weighs the result.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "storage/shard.h"

namespace {

using larder::storage::Entry;
using larder::storage::Hash;
using larder::storage::ItemRef;
using larder::storage::KeyHasher;
using larder::storage::kNoDeadline;
using larder::storage::kShardCount;
using larder::storage::NumberText;
using larder::storage::Shard;
using larder::storage::shard_of;

constexpr size_t kKeyBytes = 16;
constexpr size_t kValueBytes = 64;

struct Key {
  char bytes[kKeyBytes];
  std::string_view view() const { return {bytes, kKeyBytes}; }
};

Key key_number(size_t number) {
  Key key;
  char text[kKeyBytes + 1];
  std::snprintf(text, sizeof text, "key:%012zu", number);
  std::memcpy(key.bytes, text, kKeyBytes);
  return key;
}

class Keyspace {
 public:
  Keyspace() {
    for (unsigned shard = 0; shard < kShardCount; ++shard) {
      std::construct_at(shards_ + shard, hasher);
    }
  }
  ~Keyspace() {
    std::destroy_n(shards_, kShardCount);
    std::allocator<Shard>().deallocate(shards_, kShardCount);
  }
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;
  Shard& shard(Hash hash) { return shards_[shard_of(hash)]; }
  size_t bytes() const {
    size_t sum = 0;
    for (unsigned shard = 0; shard < kShardCount; ++shard) sum += shards_[shard].bytes();
    return sum;
  }

  const KeyHasher hasher{1};

 private:
  // In one piece, as the server has them.
  Shard* const shards_ = std::allocator<Shard>().allocate(kShardCount);
};

// A filled keyspace and an order in which to visit its keys; made once per size and deadline.
struct Filled {
  Filled(size_t keys, bool deadlines) {
    const std::string value(kValueBytes, 'v');
    for (size_t number = 0; number < keys; ++number) {
      const Key key = key_number(number);
      const Hash hash = keyspace.hasher(key.view());
      const int64_t deadline_ms =
          deadlines ? 1'700'000'000'000 + static_cast<int64_t>(number % 3'600'000) : kNoDeadline;
      keyspace.shard(hash).insert(0, key.view(), hash, value, deadline_ms);
    }
    std::mt19937_64 random(7);
    constexpr size_t kVisits = size_t{1} << 20;
    for (size_t visit = 0; visit < kVisits; ++visit) {
      order.push_back(key_number(random() % keys));
      hashes.push_back(keyspace.hasher(order.back().view()));
    }
  }
  Keyspace keyspace;
  std::vector<Key> order;
  std::vector<Hash> hashes;
};

Filled& filled(size_t keys) {
  static std::unique_ptr<Filled> kept;
  static size_t kept_keys = 0;
  if (kept_keys != keys) {
    kept.reset();
    kept = std::make_unique<Filled>(keys, false);
    kept_keys = keys;
  }
  return *kept;
}

// Arguments: keys, batch (0: no prefetch). `operate` gets shard, key, hash.
template <typename Operate>
void run_batches(benchmark::State& state, Operate operate) {
  Filled& data = filled(static_cast<size_t>(state.range(0)));
  const auto batch = static_cast<size_t>(state.range(1));
  const size_t step = batch == 0 ? 1 : batch;
  std::vector<ItemRef> guesses(step);
  size_t at = 0;
  for (auto _ : state) {
    if (at + step > data.order.size()) at = 0;
    for (size_t each = at; batch > 0 && each < at + step; ++each) {
      data.keyspace.shard(data.hashes[each]).prefetch_bucket(0, data.hashes[each]);
    }
    for (size_t each = at; batch > 0 && each < at + step; ++each) {
      guesses[each - at] =
          data.keyspace.shard(data.hashes[each]).prefetch_region(0, data.hashes[each]);
    }
    for (size_t each = at; batch > 0 && each < at + step; ++each) {
      data.keyspace.shard(data.hashes[each]).prefetch_item(0, guesses[each - at]);
    }
    for (size_t each = at; each < at + step; ++each) {
      operate(data.keyspace.shard(data.hashes[each]), data.order[each].view(), data.hashes[each]);
    }
    at += step;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(step));
  state.counters["time_per_op"] =
      benchmark::Counter(static_cast<double>(state.iterations() * static_cast<int64_t>(step)) / 1e9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The value is copied out, as into a reply.
void find(benchmark::State& state) {
  char out[kValueBytes];
  run_batches(state, [&out](Shard& shard, std::string_view key, Hash hash) {
    NumberText scratch;
    const Entry entry = shard.find(0, key, hash);
    const std::string_view text = entry.text(scratch);
    std::memcpy(out, text.data(), std::min(sizeof out, text.size()));
    benchmark::DoNotOptimize(out);
  });
}

void find_absent(benchmark::State& state) {
  run_batches(state, [](Shard& shard, std::string_view key, Hash hash) {
    Key other;
    std::memcpy(other.bytes, key.data(), kKeyBytes);
    other.bytes[0] = 'K';  // the same hash, so that the bucket is the prefetched one
    benchmark::DoNotOptimize(shard.find(0, other.view(), hash ^ 0xff << 21));
  });
}

void set_in_place(benchmark::State& state) {
  const std::string value(kValueBytes, 'w');
  run_batches(state, [&value](Shard& shard, std::string_view key, Hash hash) {
    benchmark::DoNotOptimize(shard.set(0, key, hash, value, kNoDeadline));
  });
}

void hash_key(benchmark::State& state) {
  const KeyHasher hasher(1);
  Key key = key_number(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(key);
    benchmark::DoNotOptimize(hasher(key.view()));
  }
}

// ---- eviction -----------------------------------------------------------------------------------

using larder::storage::EvictionPolicy;

constexpr EvictionPolicy kPolicies[] = {
    EvictionPolicy::fifo,  EvictionPolicy::lru,    EvictionPolicy::lfu, EvictionPolicy::s3fifo,
    EvictionPolicy::sieve, EvictionPolicy::random, EvictionPolicy::ttl};
const char* name_of(EvictionPolicy policy) {
  constexpr const char* kNames[] = {"none",   "fifo",  "lru",    "lfu",
                                    "s3fifo", "sieve", "random", "ttl"};
  return kNames[static_cast<size_t>(policy)];
}

// One shard that is full, in which keys are read and new ones push others out.
class FullShard {
 public:
  FullShard(EvictionPolicy policy, size_t entries) : policy_(policy) {
    shard_.use_eviction(policy, policy == EvictionPolicy::ttl);
    for (size_t number = 0; number < entries; ++number) insert();
  }

  void insert() {
    pass();
    const Key key = key_number(next_++);
    const int64_t deadline_ms = policy_ == EvictionPolicy::ttl
                                    ? static_cast<int64_t>(random_() % 1'000'000'000)
                                    : kNoDeadline;
    shard_.insert(0, key.view(), hasher_(key.view()), value_, deadline_ms);
  }
  // Newer keys are asked for more often, some are gone.
  void hit() {
    const size_t back = std::min(random_() % shard_.size(0), random_() % shard_.size(0));
    const Key key = key_number(next_ - 1 - back);
    pass();
    if (const Entry entry = shard_.find(0, key.view(), hasher_(key.view()))) shard_.touch(0, entry);
  }
  // Returns how many candidates were judged.
  size_t evict() {
    size_t steps = 0;
    bool is_gone = false;
    while (!is_gone) {
      const unsigned segment = next_segment();
      // As far as the other segment's candidates allow, where the order is one over both.
      const uint64_t limit = has_queues() ? UINT64_MAX - 1
                                          : std::min(shard_.least_key(1 - segment), UINT64_MAX - 1);
      shard_.evict_step(segment, limit, random_(), [&](unsigned db, Entry entry) {
        shard_.erase(db, entry);
        is_gone = true;
      });
      ++steps;
    }
    return steps;
  }

 private:
  void pass() {
    ++now_.ticks;
    now_.aging += 4;
    shard_.set_rank_clock(now_);
  }
  bool has_queues() const {
    return policy_ == EvictionPolicy::s3fifo || policy_ == EvictionPolicy::sieve;
  }
  unsigned next_segment() {
    if (policy_ == EvictionPolicy::sieve) {
      if (shard_.segment_size(front_) == 0) shard_.set_front(front_ ^= 1);
      return front_;
    }
    if (policy_ == EvictionPolicy::s3fifo) {
      return shard_.segment_size(0) * 4 > shard_.size(0) || shard_.segment_size(1) == 0 ? 0 : 1;
    }
    return shard_.least_key(1) < shard_.least_key(0) ? 1 : 0;
  }

  const KeyHasher hasher_{1};
  const std::string value_ = std::string(kValueBytes, 'v');
  const EvictionPolicy policy_;
  Shard shard_{hasher_};
  larder::storage::RankClock now_;
  unsigned front_ = 0;
  size_t next_ = 0;
  std::mt19937_64 random_{9};
};

// A hit, an eviction and an insertion in a full shard of 64 Ki entries: what a miss costs under
// each policy. `steps` is how often a candidate was looked for per eviction.
void replace(benchmark::State& state) {
  constexpr size_t kEntries = 65'536;
  const EvictionPolicy policy = kPolicies[state.range(0)];
  state.SetLabel(name_of(policy));
  FullShard shard(policy, kEntries);
  size_t steps = 0;
  size_t rounds = 0;
  // Until hits and evictions are in balance.
  for (size_t warm_up = 0; warm_up < 2 * kEntries; ++warm_up) {
    shard.hit();
    shard.evict();
    shard.insert();
  }
  for (auto _ : state) {
    shard.hit();
    steps += shard.evict();
    shard.insert();
    ++rounds;
  }
  state.counters["steps"] = static_cast<double>(steps) / static_cast<double>(rounds);
}

void batches(benchmark::internal::Benchmark* benchmark) {
  for (const int64_t batch : {0, 4, 8, 16, 32, 64}) benchmark->Args({1'000'000, batch});
}

BENCHMARK(hash_key);
BENCHMARK(find)->Apply(batches);
BENCHMARK(find_absent)->Args({1'000'000, 0})->Args({1'000'000, 16});
BENCHMARK(replace)->DenseRange(0, std::size(kPolicies) - 1);
BENCHMARK(set_in_place)->Args({1'000'000, 0})->Args({1'000'000, 8})->Args({1'000'000, 16});

// Resident memory of this process in bytes.
size_t resident_bytes() {
  size_t pages = 0;
  size_t resident = 0;
  FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  const int fields = std::fscanf(file, "%zu %zu", &pages, &resident);
  std::fclose(file);
  return fields == 2 ? resident * 4096 : 0;
}

// Processor time, so that what else runs on the machine does not count as a slow step.
uint64_t thread_cpu_ns() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

// Prints how long some operations took, and how many took more than 100 us.
void print_times(const char* what, std::vector<uint32_t>& times_ns) {
  std::sort(times_ns.begin(), times_ns.end());
  const auto share = [&times_ns](double part) {
    return times_ns[static_cast<size_t>(part * static_cast<double>(times_ns.size() - 1))] / 1e3;
  };
  std::printf("  %s: %zu; median %.2f, 99 %% %.1f, 99.9 %% %.1f, worst %.1f us; %td above 100 us\n",
              what, times_ns.size(), share(.5), share(.99), share(.999), share(1),
              times_ns.end() - std::lower_bound(times_ns.begin(), times_ns.end(), 100'000u));
}

void measure_growth(size_t keys, bool deadlines) {
  auto keyspace = std::make_unique<Keyspace>();
  const std::string value(kValueBytes, 'v');
  // Written beforehand, so that their pages are not taken for the table's.
  std::vector<uint32_t> plain_ns(keys, 1);
  std::vector<uint32_t> steps_ns(keys, 1);
  plain_ns.clear();
  steps_ns.clear();
  const size_t resident_before = resident_bytes();
  for (size_t number = 0; number < keys; ++number) {
    const Key key = key_number(number);
    const Hash hash = keyspace->hasher(key.view());
    Shard& shard = keyspace->shard(hash);
    const int64_t deadline_ms =
        deadlines ? 1'700'000'000'000 + static_cast<int64_t>(number % 3'600'000) : kNoDeadline;
    const size_t bytes_before = shard.bytes();
    const uint64_t begin_ns = thread_cpu_ns();
    shard.insert(0, key.view(), hash, value, deadline_ms);
    const auto time_ns = static_cast<uint32_t>(thread_cpu_ns() - begin_ns);
    // Only a split takes a block's 512 bytes.
    (shard.bytes() - bytes_before >= 512 ? steps_ns : plain_ns).push_back(time_ns);
  }
  const size_t resident = resident_bytes() - resident_before;
  const auto payload = static_cast<double>(keys * (kKeyBytes + kValueBytes));
  std::printf("%zu keys%s: bytes per key over key and value: %.1f resident, %.1f by the account\n",
              keys, deadlines ? " with deadlines" : "",
              (static_cast<double>(resident) - payload) / static_cast<double>(keys),
              (static_cast<double>(keyspace->bytes()) - payload) / static_cast<double>(keys));
  print_times("insertions that split a block", steps_ns);
  print_times("other insertions", plain_ns);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::string_view kGrowth = "--growth=";
  if (argc > 1 && std::string_view(argv[1]).substr(0, kGrowth.size()) == kGrowth) {
    const size_t keys = std::strtoull(argv[1] + kGrowth.size(), nullptr, 10);
    const bool deadlines = argc > 2 && std::string_view(argv[2]) == "--deadlines";
    measure_growth(std::max<size_t>(keys, 1'000), deadlines);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
