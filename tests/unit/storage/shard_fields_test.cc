// Deadlines within objects: a shard finds the hashes whose fields are due, wherever their items go.
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>

#include "storage/hash/hash_object.h"
#include "storage/shard.h"

namespace larder::storage {
namespace {

struct OneShard {
  Entry find(const std::string& key) { return shard.find(0, key, hasher(key)); }
  void set_field(const std::string& key, const std::string& name, int64_t deadline_ms) {
    const Entry entry = find(key);
    if (!entry) {
      HashObject* hash = HashObject::create();
      hash->set(name, "value", deadline_ms, hasher);
      shard.insert_object(0, key, hasher(key), hash, kNoDeadline);
      return;
    }
    auto& hash = entry.object().as<HashObject>();
    const size_t before = hash.bytes();
    hash.set(name, "value", deadline_ms, hasher);
    shard.edited(0, before, hash.bytes());
    shard.note_object_deadline(0, entry);
  }
  // Takes out what is due, up to `at_once` fields of a hash at a time; returns how many went.
  size_t expire(int64_t now_ms, size_t budget = SIZE_MAX, size_t at_once = 16) {
    size_t taken = 0;
    shard.expire_due(
        now_ms, budget, [&](unsigned db, Entry entry) { shard.erase(db, entry); },
        [&](unsigned db, Entry entry) {
          auto& hash = entry.object().as<HashObject>();
          const size_t before = hash.bytes();
          const size_t gone = hash.take_due(now_ms, at_once, [](std::string_view) {});
          shard.edited(db, before, hash.bytes());
          taken += gone;
          if (hash.is_empty()) {
            shard.erase(db, entry);
          } else {
            shard.note_object_deadline(db, entry);
          }
          return gone;
        });
    return taken;
  }

  KeyHasher hasher{42};
  Shard shard{hasher};
};

}  // namespace

TEST_CASE("fields go when they are due, and the entry with the last") {
  OneShard one;
  one.set_field("h", "a", 1'000);
  one.set_field("h", "b", 5'000);
  one.set_field("h", "c", kNoDeadline);
  one.set_field("g", "a", 3'000);
  CHECK(one.shard.next_due_ms() == 1'024);
  CHECK(one.expire(999) == 0);
  CHECK(one.expire(1'024) == 1);
  one.shard.verify();
  CHECK(one.shard.next_due_ms() == 3'008);
  CHECK(one.expire(6'000) == 2);
  one.shard.verify();
  CHECK_FALSE(one.find("g"));
  CHECK(one.find("h").object().as<HashObject>().size() == 1);
  CHECK(one.shard.next_due_ms() == INT64_MAX);
}

TEST_CASE("many fields of one hash go in slices") {
  OneShard one;
  for (int i = 0; i < 5'000; ++i) one.set_field("h", "f" + std::to_string(i), 1'000 + i % 7);
  one.set_field("h", "stays", kNoDeadline);
  size_t taken = 0;
  size_t runs = 0;
  while (one.shard.next_due_ms() <= 2'000) {
    const size_t slice = one.expire(2'000, 100);
    CHECK(slice <= 120);
    taken += slice;
    ++runs;
  }
  CHECK(taken == 5'000);
  CHECK(runs >= 40);
  one.shard.verify();
  CHECK(one.find("h").object().as<HashObject>().size() == 1);
}

TEST_CASE("an entry's own deadline and those of its fields are both kept") {
  OneShard one;
  one.set_field("h", "a", 1'000);
  one.set_field("h", "b", kNoDeadline);
  one.shard.set_deadline(0, one.find("h"), 2'000);  // moves the item
  one.shard.verify();
  CHECK(one.expire(1'100) == 1);
  CHECK(one.find("h"));
  one.shard.verify();
  one.expire(2'100);
  CHECK_FALSE(one.find("h"));
}

TEST_CASE("deadlines of fields hold while items come, go and are moved together") {
  const auto seed = static_cast<uint64_t>(GENERATE(1, 2, 3));
  std::mt19937_64 random(seed);
  OneShard one;
  std::map<std::string, std::map<std::string, int64_t>> model;
  int64_t now = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "key " + std::to_string(random() % 3'000);
    const std::string name = "f" + std::to_string(random() % 3);
    if (random() % 3 != 0) {
      const int64_t deadline =
          random() % 2 == 0 ? kNoDeadline : now + 1 + static_cast<int64_t>(random() % 5'000);
      one.set_field(key, name, deadline);
      model[key][name] = deadline;
    } else if (const Entry entry = one.find(key)) {
      one.shard.erase(0, entry);
      model.erase(key);
    }
    if (random() % 4 == 0) one.shard.release_slice(64);
    if (i % 100 == 0) {
      now += 64;
      one.expire(now);
      for (auto hash = model.begin(); hash != model.end();) {
        std::erase_if(hash->second, [now](const auto& field) {
          return field.second != kNoDeadline && field.second <= now;
        });
        hash = hash->second.empty() ? model.erase(hash) : std::next(hash);
      }
      // What is due in the tick that has begun may be there still.
      REQUIRE(one.shard.size(0) == model.size());
    }
    if (i % 2'000 == 0) one.shard.verify();
  }
  one.shard.verify();
}

}  // namespace larder::storage
