// A shard against std::map: random operations, the same answers, exact account, deep check.
#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "storage/shard.h"

namespace larder::storage {
namespace {

struct ModelValue {
  std::string text;
  int64_t deadline_ms = kNoDeadline;
};
using Model = std::map<std::string, ModelValue>;

class Run {
 public:
  Run(uint64_t seed, unsigned key_count) : random_(seed), key_count_(key_count) {}

  // `erase_share` of 100 operations delete.
  void operate(unsigned erase_share) {
    const unsigned db = below(10) == 0 ? 5 : 0;
    const std::string key = "key:" + std::to_string(below(key_count_));
    const Hash hash = hasher_(key);
    Model& model = models_[db];
    const auto known = model.find(key);
    const Entry entry = shard_.find(db, key, hash);
    REQUIRE(static_cast<bool>(entry) == (known != model.end()));
    if (entry) compare(entry, key, known->second);
    if (below(100) < erase_share) {
      if (!entry) return;
      shard_.erase(db, entry);
      model.erase(known);
      return;
    }
    Entry result;
    if (!entry) {
      ModelValue value{some_text(), some_deadline()};
      result = below(2) == 0 ? shard_.set(db, key, hash, value.text, value.deadline_ms)
                             : shard_.insert(db, key, hash, value.text, value.deadline_ms);
      compare(result, key, model[key] = value);
      return;
    }
    change(db, entry, known->second, hash, key);
  }

  void change(unsigned db, Entry entry, ModelValue& model, Hash hash, const std::string& key) {
    Entry result;
    switch (below(6)) {
      case 0:
        model = {some_text(), some_deadline()};
        result = shard_.set(db, key, hash, model.text, model.deadline_ms);
        break;
      case 1:
        model = {some_text(), some_deadline()};
        result = shard_.set(db, entry, model.text, model.deadline_ms);
        break;
      case 2: {
        const auto number = static_cast<int64_t>(random_()) >> below(60);
        model.text = std::to_string(number);
        result = shard_.set_integer(db, entry, number);
        break;
      }
      case 3: {
        const std::string tail = some_text();
        model.text += tail;
        result = shard_.append(db, entry, tail);
        break;
      }
      case 4: {
        const size_t offset = below(300);
        const std::string patch = some_text();
        if (model.text.size() < offset + patch.size()) model.text.resize(offset + patch.size());
        model.text.replace(offset, patch.size(), patch);
        result = shard_.set_range(db, entry, offset, patch);
        break;
      }
      default:
        model.deadline_ms = some_deadline();
        result = shard_.set_deadline(db, entry, model.deadline_ms);
    }
    compare(result, key, model);
  }

  void expire(int64_t passed_ms) {
    now_ms_ += passed_ms;
    const size_t slice = 1 + below(200);
    while (shard_.expire_due(now_ms_, slice, [this](unsigned db, Entry entry) {
      REQUIRE(entry.is_due(now_ms_));
      REQUIRE(models_[db].erase(std::string(entry.key())) == 1);
      shard_.erase(db, entry);
    }) > 0) {
    }
    for (const auto& [db, model] : models_) {
      for (const auto& [key, value] : model) {
        // Whole ticks are over, so nothing is left that was due 64 ms ago.
        REQUIRE((value.deadline_ms == kNoDeadline || value.deadline_ms > now_ms_ - 64));
      }
    }
  }

  void compare_all() {
    shard_.verify();
    for (const auto& [db, model] : models_) {
      REQUIRE(shard_.size(db) == model.size());
      size_t with_deadline = 0;
      for (const auto& [key, value] : model) {
        const Entry entry = shard_.find(db, key, hasher_(key));
        REQUIRE(entry);
        compare(entry, key, value);
        with_deadline += value.deadline_ms != kNoDeadline;
      }
      REQUIRE(shard_.with_deadline(db) == with_deadline);
      size_t visited = 0;
      shard_.for_each(db, [&, &known = model](Entry entry) {
        ++visited;
        REQUIRE(known.count(std::string(entry.key())) == 1);
      });
      REQUIRE(visited == model.size());
    }
  }

  void clear(unsigned db) {
    shard_.clear(db);
    models_[db].clear();
  }
  Shard& shard() { return shard_; }
  size_t size(unsigned db) { return models_[db].size(); }

 private:
  void compare(Entry entry, const std::string& key, const ModelValue& value) {
    NumberText scratch;
    REQUIRE(entry.key() == key);
    REQUIRE(entry.text(scratch) == value.text);
    REQUIRE(entry.length() == value.text.size());
    REQUIRE(entry.deadline_ms() == value.deadline_ms);
  }
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  std::string some_text() {
    const unsigned kind = below(200);
    if (kind < 60) return std::to_string(static_cast<int64_t>(random_()) >> below(63));
    const size_t length = kind == 199 ? below(40'000) : below(kind < 150 ? 20 : 300);
    return std::string(length, static_cast<char>('a' + below(26)));
  }
  int64_t some_deadline() {
    if (below(2) == 0) return kNoDeadline;
    if (below(100) == 0) return (int64_t{1} << 46) + below(1000);
    return now_ms_ + 1 + static_cast<int64_t>(random_() % (uint64_t{1} << (4 + below(28))));
  }

  std::mt19937_64 random_;
  const unsigned key_count_;
  KeyHasher hasher_{random_()};
  Shard shard_{hasher_};
  std::map<unsigned, Model> models_;
  int64_t now_ms_ = 1'700'000'000'000;
};

TEST_CASE("a shard answers like a map") {
  const auto seed = GENERATE(uint64_t{1}, 2, 3, 4);
  const auto key_count = GENERATE(20u, 3'000u);
  CAPTURE(seed, key_count);
  Run run(seed, key_count);
  for (int round = 0; round < 12; ++round) {
    const unsigned erase_share = round % 4 == 3 ? 80 : 15;
    for (int step = 0; step < 2'000; ++step) run.operate(erase_share);
    run.expire(int64_t{1} << (round * 3));
    run.compare_all();
  }
  run.clear(0);
  run.compare_all();
  while (run.shard().release_slice(100)) {
  }
  run.clear(5);
  while (run.shard().release_slice(100)) {
  }
  run.compare_all();
  CHECK(run.shard().bytes() == 0);
}

}  // namespace
}  // namespace larder::storage
