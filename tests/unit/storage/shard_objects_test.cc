// Objects in a shard: counted, moved with their items, freed in slices.
#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "storage/list/list.h"
#include "storage/shard.h"

namespace larder::storage {
namespace {

struct OneShard {
  Entry find(const std::string& key, unsigned db = 0) { return shard.find(db, key, hasher(key)); }
  Entry insert_list(const std::string& key, size_t elements, unsigned db = 0,
                    int64_t deadline_ms = kNoDeadline) {
    List* list = List::create();
    for (size_t i = 0; i < elements; ++i) list->push(End::back, "element " + std::to_string(i));
    return shard.insert_object(db, key, hasher(key), list, deadline_ms);
  }
  void push(const std::string& key, const std::string& element) {
    List& list = find(key).object().as<List>();
    const size_t before = list.bytes();
    list.push(End::back, element);
    shard.edited(0, before, list.bytes());
  }
  size_t elements(const std::string& key, unsigned db = 0) {
    return find(key, db).object().as<List>().size();
  }

  KeyHasher hasher{42};
  Shard shard{hasher};
};

// Calls of release_slice() until nothing is left.
size_t slices(Shard& shard, size_t max_items) {
  size_t slices = 0;
  while (shard.is_untidy()) {
    shard.release_slice(max_items);
    ++slices;
  }
  return slices;
}

}  // namespace

TEST_CASE("an entry knows that it holds a list") {
  OneShard one;
  const Entry entry = one.insert_list("list", 3);
  CHECK(entry.is_object());
  CHECK(entry.type() == Type::list);
  CHECK(entry.owns_memory());
  CHECK_FALSE(entry.is_large());
  one.shard.set(0, "text", one.hasher("text"), "value", kNoDeadline);
  CHECK(one.find("text").type() == Type::string);
  CHECK_FALSE(one.find("text").is_object());
}

TEST_CASE("what a list takes is counted while it grows, shrinks and goes") {
  OneShard one;
  one.insert_list("list", 1);
  const size_t small = one.shard.bytes();
  CHECK(one.shard.bytes_of(0, one.find("list")) > 64);
  for (int i = 0; i < 10'000; ++i) one.push("list", std::to_string(i));
  one.shard.verify();
  CHECK(one.shard.bytes() > small + 20'000);
  CHECK(one.shard.bytes_of(0, one.find("list")) > 20'000);
  one.shard.erase(0, one.find("list"));
  CHECK(one.shard.bytes() == 0);
  one.shard.verify();
}

TEST_CASE("a list of many chunks is freed in slices, however it goes") {
  OneShard one;
  one.insert_list("list", 200'000);
  one.shard.set(0, "other", one.hasher("other"), "value", kNoDeadline);
  SECTION("erased") { one.shard.erase(0, one.find("list")); }
  SECTION("overwritten by a text") {
    CHECK(one.shard.set(0, one.find("list"), "text", kNoDeadline).type() == Type::string);
  }
  SECTION("overwritten by an integer") { one.shard.set_integer(0, one.find("list"), 7); }
  SECTION("overwritten by another list") {
    List* list = List::create();
    list->push(End::back, "a");
    one.shard.set_object(0, one.find("list"), list, kNoDeadline);
  }
  SECTION("expired") {
    one.shard.set_deadline(0, one.find("list"), 1'000);
    one.shard.expire_due(2'000, 100, [&](unsigned db, Entry entry) { one.shard.erase(db, entry); });
    CHECK_FALSE(one.find("list"));
  }
  SECTION("with its database") { one.shard.clear(0); }
  CHECK(one.shard.bytes() < 2'000);
  one.shard.verify();
  CHECK(one.shard.is_untidy());
  CHECK(slices(one.shard, 20) >= 10);
  one.shard.verify();
}

TEST_CASE("a small list is freed at once") {
  OneShard one;
  one.insert_list("list", 5);
  one.shard.set(0, one.find("list"), "text", kNoDeadline);
  CHECK_FALSE(one.shard.is_untidy());
}

TEST_CASE("a list moves with its item") {
  OneShard one;
  one.insert_list("list", 500);
  SECTION("to get a deadline") { one.shard.set_deadline(0, one.find("list"), 1'000); }
  SECTION("to get a wide deadline") {
    one.shard.set_deadline(0, one.find("list"), int64_t{1} << 50);
  }
  SECTION("to get a rank") {
    one.shard.use_eviction(EvictionPolicy::lru, false);
    slices(one.shard, 10);
    CHECK(Shard::has_rank(one.find("list")));
  }
  SECTION("to another database") {
    one.shard.swap_databases(0, 3);
    one.shard.verify();
    CHECK(one.elements("list", 3) == 500);
    one.shard.swap_databases(0, 3);
  }
  one.shard.verify();
  CHECK(one.elements("list") == 500);
  one.push("list", "one more");
  one.shard.verify();
  CHECK(one.elements("list") == 501);
}

TEST_CASE("lists survive that their items are moved together") {
  OneShard one;
  constexpr int kLists = 3'000;
  for (int i = 0; i < kLists; ++i) one.insert_list("key:" + std::to_string(i), 1 + i % 3);
  for (int i = 0; i < kLists; ++i) {
    if (i % 5 != 0) one.shard.erase(0, one.find("key:" + std::to_string(i)));
  }
  CHECK(one.shard.is_untidy());
  slices(one.shard, 50);
  one.shard.verify();
  for (int i = 0; i < kLists; i += 5) {
    CHECK(one.elements("key:" + std::to_string(i)) == static_cast<size_t>(1 + i % 3));
  }
}

TEST_CASE("a list can be taken out of its entry and given to another") {
  OneShard one;
  one.insert_list("list", 100, 0, 5'000);
  Object* object = one.shard.extract(0, one.find("list"));
  CHECK(one.shard.bytes() == 0);
  CHECK(one.shard.with_deadline(0) == 0);
  one.shard.insert_object(2, "other", one.hasher("other"), object, 6'000);
  CHECK(one.elements("other", 2) == 100);
  CHECK(one.find("other", 2).deadline_ms() == 6'000);
  one.shard.verify();
}

TEST_CASE("lists and texts overwrite each other in any order") {
  OneShard one;
  std::mt19937_64 random(3);
  for (int i = 0; i < 5'000; ++i) {
    const std::string key = "key:" + std::to_string(random() % 50);
    const Entry entry = one.find(key);
    const int64_t deadline_ms = random() % 2 == 0 ? kNoDeadline : 1'000;
    switch (random() % 4) {
      case 0:
        one.shard.set(0, key, one.hasher(key), std::string(random() % 20'000, 'x'), deadline_ms);
        break;
      case 1: {
        List* list = List::create();
        for (size_t left = 1 + random() % 300; left > 0; --left) list->push(End::front, key);
        entry ? one.shard.set_object(0, entry, list, deadline_ms)
              : one.shard.insert_object(0, key, one.hasher(key), list, deadline_ms);
        break;
      }
      case 2:
        if (entry) one.shard.erase(0, entry);
        break;
      default:
        if (entry) one.shard.set_deadline(0, entry, deadline_ms);
    }
    if (i % 100 == 0) one.shard.verify();
    if (random() % 50 == 0) one.shard.release_slice(5);
    if (random() % 500 == 0) one.shard.clear(0);
  }
  one.shard.verify();
}

}  // namespace larder::storage
