// The database as a whole: growth and shrinking, scanning while it changes, random, flushing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>

#include "storage/shard.h"

namespace larder::storage {
namespace {

class OneShard {
 public:
  void set(const std::string& key, int64_t deadline_ms = kNoDeadline) {
    shard.set(0, key, hasher(key), "v", deadline_ms);
  }
  bool erase(const std::string& key) {
    const Entry entry = shard.find(0, key, hasher(key));
    if (entry) shard.erase(0, entry);
    return static_cast<bool>(entry);
  }

  KeyHasher hasher{99};
  Shard shard{hasher};
};

std::string key_of(size_t number) {
  return "key:" + std::to_string(number);
}

TEST_CASE("a table grows and shrinks without losing an entry, and gives all memory back") {
  OneShard one;
  constexpr size_t kKeys = 60'000;
  for (size_t number = 0; number < kKeys; ++number) {
    one.set(key_of(number));
    if (number % 5'000 == 0) one.shard.verify();
  }
  one.shard.verify();
  CHECK(one.shard.size(0) == kKeys);
  const size_t full_bytes = one.shard.bytes();
  // Items are 32 bytes here; the table itself takes 16 bytes at most.
  CHECK(full_bytes < kKeys * 48);
  for (size_t number = 0; number < kKeys; ++number) {
    REQUIRE(one.erase(key_of(number)));
    if (number % 5'000 == 0) one.shard.verify();
    if (number == kKeys - kKeys / 20) CHECK(one.shard.bytes() < full_bytes / 5);
  }
  CHECK(one.shard.size(0) == 0);
  CHECK(one.shard.bytes() == 0);
  one.shard.verify();
}

TEST_CASE("what stays during a scan is visited, whatever splits and merges meanwhile") {
  const auto seed = GENERATE(uint64_t{1}, 2, 3, 4, 5, 6);
  const bool growing = GENERATE(true, false);
  std::mt19937_64 random(seed);
  OneShard one;
  std::set<std::string> missing;
  for (size_t number = 0; number < 2'000; ++number) {
    one.set("stays:" + std::to_string(number));
    missing.insert("stays:" + std::to_string(number));
  }
  constexpr size_t kOthers = 40'000;
  if (!growing) {
    for (size_t number = 0; number < kOthers; ++number) one.set(key_of(number));
  }
  size_t next_other = 0;
  uint64_t position = 0;
  size_t calls = 0;
  do {
    size_t visited = 0;
    const uint64_t before = position;
    position = one.shard.scan(0, position, [&](Entry entry) {
      missing.erase(std::string(entry.key()));
      ++visited;
    });
    ++calls;
    CHECK((position > before || position == 0));
    CHECK(position < uint64_t{1} << 45);
    CHECK(visited <= 96);
    for (size_t count = random() % 600; count > 0 && next_other < kOthers; --count, ++next_other) {
      growing ? one.set(key_of(next_other)) : void(one.erase(key_of(next_other)));
    }
  } while (position != 0);
  CHECK(missing.empty());
  CHECK(calls > 20);
  one.shard.verify();
}

TEST_CASE("a scan of nothing and of positions never handed out ends") {
  OneShard one;
  const auto fail = [](Entry) { FAIL("there is nothing to visit"); };
  CHECK(one.shard.scan(0, 0, fail) == 0);
  CHECK(one.shard.scan(0, 12'345, fail) == 0);
  CHECK(one.shard.scan(0, ~uint64_t{0}, fail) == 0);
  one.set("key");
  CHECK(one.shard.scan(0, ~uint64_t{0}, fail) == 0);
  CHECK(one.shard.scan(0, uint64_t{1} << 44, fail) == 0);
  CHECK(one.shard.scan(3, 0, fail) == 0);
}

TEST_CASE("random entries are about equally likely") {
  OneShard one;
  CHECK_FALSE(one.shard.random(0, 1));
  const size_t keys = GENERATE(size_t{1}, 60, 700);
  for (size_t number = 0; number < keys; ++number) one.set(key_of(number));
  std::mt19937_64 random(5);
  std::map<std::string, size_t> counts;
  constexpr size_t kPerKey = 400;
  for (size_t draw = 0; draw < keys * kPerKey; ++draw) {
    const Entry entry = one.shard.random(0, random());
    REQUIRE(entry);
    ++counts[std::string(entry.key())];
  }
  CHECK(counts.size() == keys);
  // The standard deviation is 20.
  for (const auto& [key, count] : counts)
    CHECK(std::max(count, kPerKey) - std::min(count, kPerKey) < 120);
}

TEST_CASE("a random entry is found in a table that is nearly empty") {
  OneShard one;
  for (size_t number = 0; number < 20'000; ++number) one.set(key_of(number));
  for (size_t number = 1; number < 20'000; ++number) one.erase(key_of(number));
  std::mt19937_64 random(6);
  for (int draw = 0; draw < 100; ++draw) CHECK(one.shard.random(0, random()).key() == key_of(0));
}

TEST_CASE("flushing is immediate and frees in slices") {
  OneShard one;
  for (size_t number = 0; number < 10'000; ++number) one.set(key_of(number), 1'000'000);
  one.shard.set(1, "other", one.hasher("other"), "survives", kNoDeadline);
  one.shard.clear(0);
  CHECK(one.shard.size(0) == 0);
  CHECK(one.shard.with_deadline(0) == 0);
  CHECK_FALSE(one.shard.find(0, key_of(1), one.hasher(key_of(1))));
  one.shard.verify();
  for (size_t number = 0; number < 100; ++number) one.set(key_of(number));
  size_t slices = 0;
  while (one.shard.release_slice(100)) {
    ++slices;
    if (slices % 10 == 0) one.shard.verify();
  }
  CHECK(slices > 60);
  CHECK(slices < 400);
  CHECK(one.shard.size(0) == 100);
  CHECK(one.shard.size(1) == 1);
  one.shard.clear(1);
  one.shard.clear(0);
  CHECK(one.shard.bytes() == 0);
  one.shard.verify();
  while (one.shard.release_slice(1'000)) {
  }
  CHECK_FALSE(one.shard.release_slice(1));
}

TEST_CASE("databases do not see each other") {
  OneShard one;
  const Hash hash = one.hasher("key");
  for (unsigned db = 0; db < kMaxDatabases; ++db) {
    one.shard.set(db, "key", hash, std::to_string(db), 1'000 + db);
  }
  one.shard.erase(7, one.shard.find(7, "key", hash));
  for (unsigned db = 0; db < kMaxDatabases; ++db) {
    const Entry entry = one.shard.find(db, "key", hash);
    REQUIRE(static_cast<bool>(entry) == (db != 7));
    if (db != 7) CHECK(entry.integer() == db);
  }
  one.shard.verify();
}

}  // namespace
}  // namespace larder::storage
