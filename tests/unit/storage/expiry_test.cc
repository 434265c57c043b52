// Expiry: not early, not late, nothing left behind, in slices.

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/shard.h"

namespace larder::storage {
namespace {

constexpr int64_t kTickMs = 64;
constexpr int64_t kStart = 1'700'000'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class OneShard {
 public:
  void set(const std::string& key, int64_t deadline_ms, unsigned db = 0) {
    shard.set(db, key, hasher(key), "v", deadline_ms);
  }
  // Returns what expired.
  std::vector<std::string> expire(int64_t now_ms, size_t slice = 1'000) {
    std::vector<std::string> keys;
    while (shard.expire_due(now_ms, slice, [&](unsigned db, Entry entry) {
      REQUIRE(entry.is_due(now_ms));
      keys.emplace_back(entry.key());
      shard.erase(db, entry);
    }) > 0) {
    }
    return keys;
  }

  KeyHasher hasher{11};
  Shard shard{hasher};
};

TEST_CASE("deadlines at all distances expire within a tick, and never early") {
  const bool started = GENERATE(true, false);  // whether time had passed before
  OneShard one;
  if (started) one.expire(kStart);
  std::map<int64_t, std::string> deadlines;
  std::mt19937_64 random(1);
  for (unsigned bits = 0; bits < 36; ++bits) {
    for (int count = 0; count < 20; ++count) {
      const int64_t distance =
          (int64_t{1} << bits) + static_cast<int64_t>(random() % (uint64_t{1} << bits));
      deadlines[kStart + distance] = std::to_string(distance);
    }
  }
  for (const auto& [deadline_ms, key] : deadlines) one.set(key, deadline_ms);
  one.shard.verify();
  const size_t count = one.shard.size(0);
  REQUIRE(count == deadlines.size());
  size_t expired = 0;
  int64_t now_ms = kStart;
  for (auto next = deadlines.begin(); next != deadlines.end();) {
    // The shard asks to be looked at no later than a tick after the next deadline.
    const int64_t asked_ms = one.shard.next_due_ms();
    REQUIRE(asked_ms < next->first + kTickMs);
    now_ms = std::max(now_ms, asked_ms);
    for (const std::string& key : one.expire(now_ms)) {
      const int64_t deadline_ms = kStart + std::stoll(key);
      REQUIRE(deadline_ms <= now_ms);
      REQUIRE(deadline_ms + kTickMs > now_ms);
      ++expired;
    }
    while (next != deadlines.end() && next->first <= now_ms / kTickMs * kTickMs) {
      ++next;
    }
    if (one.shard.size(0) == 0) break;
  }
  CHECK(expired == count);
  CHECK(one.shard.next_due_ms() == kNever);
  CHECK(one.shard.bytes() == 0);
}

TEST_CASE("deadlines already passed expire at the next look") {
  OneShard one;
  one.expire(kStart);
  one.set("past", kStart - 1'000'000);
  one.set("zero", 0);
  CHECK(one.shard.next_due_ms() <= kStart);
  CHECK(one.expire(kStart).size() == 2);
}

TEST_CASE("a long absence is caught up with") {
  OneShard one;
  one.expire(kStart);
  for (int number = 0; number < 1'000; ++number) {
    one.set(std::to_string(number), kStart + int64_t{number} * 3'600'000);  // 41 days
  }
  const auto expired = one.expire(kStart + int64_t{20} * 24 * 3'600'000);
  CHECK(expired.size() == 20 * 24 + 1);
  one.shard.verify();
  CHECK(one.expire(kStart + int64_t{50} * 24 * 3'600'000).size() == 1'000 - expired.size());
}

TEST_CASE("changing a deadline again and again costs no memory") {
  OneShard one;
  one.expire(kStart);
  const auto bytes_after = [&one](auto change) {
    one.set("key", kStart + 3'600'000);
    change(0);
    const size_t before = one.shard.bytes();
    for (int repeat = 1; repeat < 10'000; ++repeat) change(repeat);
    one.shard.verify();
    return one.shard.bytes() - before;
  };
  const auto entry = [&one] { return one.shard.find(0, "key", one.hasher("key")); };
  // Later and later.
  CHECK(bytes_after([&](int repeat) {
          one.shard.set_deadline(0, entry(), kStart + 3'600'000 + repeat * 100);
        }) == 0);
  // Up and down between two.
  CHECK(bytes_after([&](int repeat) {
          one.shard.set_deadline(0, entry(), kStart + (repeat % 2 == 0 ? 7'200'000 : 3'600'000));
        }) == 0);
  // SET, which takes the deadline away, and EXPIRE; with values that change size.
  CHECK(bytes_after([&](int repeat) {
          one.shard.set(0, entry(), std::string(repeat % 2 == 0 ? 10 : 100, 'x'), kNoDeadline);
          one.shard.set(0, entry(), "ten bytes.", kNoDeadline);
          one.shard.set_deadline(0, entry(), kStart + 3'600'000);
        }) == 0);
  // DEL and SET in a shard without other entries.
  CHECK(bytes_after([&](int) {
          one.shard.erase(0, entry());
          one.set("key", kStart + 3'600'000);
        }) == 0);
}

TEST_CASE("keys that are deleted before their time leave nothing behind") {
  OneShard one;
  one.expire(kStart);
  int64_t now_ms = kStart;
  for (int number = 0; number < 1'000; ++number) {
    one.set("stays " + std::to_string(number), kStart + 50'000 + number * 1'000);
  }
  const size_t before = one.shard.bytes();
  size_t expired = 0;
  for (int number = 0; number < 100'000; ++number) {
    const std::string key = "goes " + std::to_string(number);
    one.set(key, now_ms + 1'000 + (number * int64_t{7'919'777}) % 90'000'000);
    one.shard.erase(0, one.shard.find(0, key, one.hasher(key)));
    if (number % 1'000 == 0) {
      expired += one.expire(now_ms += 3'000).size();
      one.shard.verify();
    }
  }
  CHECK(one.shard.bytes() < before);
  CHECK(expired == 251);
  one.expire(kStart + 50'000 + 1'000 * 1'000);
  CHECK(one.shard.size(0) == 0);
}

TEST_CASE("an entry whose deadline moved expires at the new one") {
  OneShard one;
  one.expire(kStart);
  const auto entry = [&one] { return one.shard.find(0, "key", one.hasher("key")); };
  one.set("key", kStart + 10'000);
  one.shard.set_deadline(0, entry(), kStart + 100'000);
  CHECK(one.expire(kStart + 50'000).empty());
  one.shard.set_deadline(0, entry(), kStart + 60'000);
  CHECK(one.expire(kStart + 59'999).empty());
  CHECK(one.expire(kStart + 60'100).size() == 1);
  one.set("key", kStart + 70'000);
  one.set("anchor", kNoDeadline);
  one.shard.set_deadline(0, entry(), kNoDeadline);
  CHECK(one.expire(kStart + 80'000).empty());
  one.shard.set_deadline(0, entry(), kStart + 90'000);
  one.shard.verify();
  CHECK(one.expire(kStart + 90'100).size() == 1);
  // Deleted and made again: the first record must not be taken for the second entry's.
  one.set("key", kStart + 100'000);
  one.shard.erase(0, entry());
  one.set("key", kStart + 120'000);
  CHECK(one.expire(kStart + 110'000).empty());
  CHECK(one.expire(kStart + 120'100).size() == 1);
}

TEST_CASE("the callback may give a later deadline instead of erasing") {
  OneShard one;
  one.expire(kStart);
  one.set("key", kStart + 1'000);
  size_t calls = 0;
  for (int64_t now_ms = kStart; now_ms < kStart + 100'000; now_ms += 500) {
    one.shard.expire_due(now_ms, 100, [&](unsigned db, Entry entry) {
      ++calls;
      one.shard.set_deadline(db, entry, now_ms + 10'000);
    });
    one.shard.verify();
  }
  CHECK(calls == 10);
  CHECK(one.shard.size(0) == 1);
}

TEST_CASE("everything due at once is taken in slices") {
  constexpr size_t kSlotsPerRun =
      600;  // a run is looked at whole, and has about so many of these small items
  OneShard one;
  one.expire(kStart);
  constexpr size_t kKeys = 50'000;
  for (size_t number = 0; number < kKeys; ++number) {
    one.set(std::to_string(number), kStart + 5'000'000, number % 3 == 0 ? 2 : 0);
  }
  CHECK(one.shard.next_due_ms() <= kStart + 5'000'000 + kTickMs);
  size_t expired = 0;
  size_t calls = 0;
  for (;;) {
    const size_t looked =
        one.shard.expire_due(kStart + 5'000'064, 100, [&](unsigned db, Entry entry) {
          ++expired;
          one.shard.erase(db, entry);
        });
    if (looked == 0) break;
    REQUIRE(looked <= 100 + kSlotsPerRun);
    ++calls;
    // A write between two slices.
    one.set("between " + std::to_string(calls % 7), kStart + 6'000'000);
    if (expired < kKeys) CHECK(one.shard.next_due_ms() <= kStart + 5'000'064);
  }
  CHECK(expired == kKeys);
  CHECK(calls >= kKeys / (100 + kSlotsPerRun));
  one.shard.verify();
  CHECK(one.expire(kStart + 6'000'064).size() == 7);
}

TEST_CASE("clearing all databases forgets all deadlines") {
  OneShard one;
  one.expire(kStart);
  for (int number = 0; number < 5'000; ++number) {
    one.set(std::to_string(number), kStart + number * 10'000, static_cast<unsigned>(number) % 2);
  }
  one.shard.clear(0);
  CHECK(one.shard.next_due_ms() != kNever);
  one.shard.verify();
  one.shard.clear(1);
  CHECK(one.shard.next_due_ms() == kNever);
  CHECK(one.shard.bytes() == 0);
  one.set("new", kStart + 500);
  CHECK(one.expire(kStart + 600).size() == 1);
  while (one.shard.release_slice(100)) {
  }
}

}  // namespace
}  // namespace larder::storage
