// Slots, runs and regions: what is free is used again, what is sparse moves together.
#include "storage/item_store.h"
#include "storage/list/list.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace larder::storage {
namespace {

struct World {
  ~World() {
    store.detach();
    std::vector<Object*> objects;
    while (store.release_slice(100, objects) > 0) {
    }
  }

  Item* create(size_t text_length, const std::string& key, bool deadline_room = false) {
    Item* item = store.create({.kind = Kind::text,
                               .key_length = key.size(),
                               .text_length = text_length,
                               .deadline_room = deadline_room},
                              key);
    std::memset(item->value(), key.empty() ? 'x' : key[0], text_length);
    return item;
  }

  RegionPool pool;
  Account account;
  RegionMap map;
  ItemStore store{pool, account, map};
};

TEST_CASE("items of all sizes lie apart, are found by reference and give their memory back") {
  World world;
  std::mt19937 random(1);
  std::map<std::string, Item*> items;
  for (int round = 0; round < 20'000; ++round) {
    const std::string key = std::to_string(random() % 2'000);
    const auto known = items.find(key);
    if (known == items.end()) {
      items[key] = world.create(random() % (random() % 20 == 0 ? 6'000 : 300), key);
    } else {
      Item* item = known->second;
      REQUIRE(item->key() == key);
      const std::string text(item->value(), item->text_length());
      REQUIRE(text == std::string(text.size(), key[0]));
      REQUIRE(world.store.item(world.store.ref_of(item)) == item);
      REQUIRE(world.store.value_room(item) >= text.size());
      world.store.release(item);
      items.erase(known);
    }
  }
  world.store.verify();
  CHECK(world.store.size() == items.size());
  CHECK(world.account.bytes == world.store.bytes());
  CHECK(world.store.reserved_bytes() >= world.store.bytes());
  for (const auto& [key, item] : items) world.store.release(item);
  world.store.verify();
  CHECK(world.account.bytes == 0);
  CHECK(world.store.reserved_bytes() == 0);
}

TEST_CASE("many items of one size leave little of their regions unused, whatever the size") {
  for (size_t length = 1; length < 2'000; length += length < 300 ? 1 : 37) {
    INFO("text of " << length << " bytes");
    World world;
    while (world.account.bytes < size_t{1} << 20) world.create(length, "key");
    // 7 %, and what is free in the last region.
    CHECK(world.store.reserved_bytes() < world.account.bytes * 107 / 100 + kRegionBytes);
  }
}

TEST_CASE("slots that have become sparse move together") {
  World world;
  std::map<std::string, Item*> items;
  for (int number = 0; number < 20'000; ++number) {
    const std::string key = std::to_string(number);
    items[key] = world.create(64, key, true);
    if (number % 3 == 0) {
      items[key]->set_deadline_ms(1'000 + number);
      world.store.note_deadline(items[key], 1'000 + number);
    }
  }
  const size_t full = world.store.reserved_bytes();
  for (int number = 0; number < 20'000; ++number) {
    if (number % 5 == 0) continue;
    const std::string key = std::to_string(number);
    world.store.release(items.at(key));
    items.erase(key);
  }
  CHECK(world.store.reserved_bytes() > full * 9 / 10);  // nearly every page still has items
  size_t moved = 0;
  while (world.store.is_sparse()) {
    moved += world.store.evacuate([&](Item* from, Item* to) {
      REQUIRE(items.at(std::string(from->key())) == from);
      items[std::string(to->key())] = to;
    });
  }
  world.store.verify();
  CHECK(moved > 0);
  CHECK(world.store.reserved_bytes() < full / 2);
  CHECK(world.store.bytes() * 2 > world.store.reserved_bytes());
  CHECK(world.store.earliest_deadline_ms() <= 1'000);
  for (const auto& [key, item] : items) {
    CHECK(item->key() == key);
    CHECK(item->deadline_ms() == (std::stoi(key) % 3 == 0 ? 1'000 + std::stoi(key) : kNoDeadline));
  }
}

TEST_CASE("due items are handed out, and the bound of the others is exact afterwards") {
  World world;
  for (int number = 0; number < 1'000; ++number) {
    Item* item = world.create(10, std::to_string(number), true);
    item->set_deadline_ms(number);
    world.store.note_deadline(item, number);
  }
  std::vector<Item*> due;
  while (world.store.earliest_deadline_ms() <= 499) {
    const size_t before = due.size();
    world.store.take_due(499, due);
    for (size_t index = before; index < due.size(); ++index) {
      CHECK(due[index]->deadline_ms() <= 499);
      world.store.release(due[index]);
    }
  }
  CHECK(due.size() == 500);
  CHECK(world.store.earliest_deadline_ms() == 500);
  world.store.verify();
}

TEST_CASE("a detached store is freed in slices, far bodies and blobs too; objects are handed on") {
  RegionPool pool;
  Account account;
  RegionMap map;
  ItemStore store(pool, account, map);
  for (int number = 0; number < 3'000; ++number) {
    store.create(
        {.kind = Kind::text, .key_length = 0, .text_length = number % 2 == 0 ? 10u : 5'000u}, "");
  }
  Item* item = store.create({.kind = Kind::blob, .key_length = 0}, "");
  item->set_blob(Blob::create(20'000));
  store.owns_outside(item, true);
  List* list = List::create();
  item = store.create({.kind = Kind::object, .key_length = 0}, "");
  item->set_object(list);
  store.owns_outside(item, true);
  store.detach();
  CHECK(account.bytes == 0);
  CHECK(map.is_empty());
  size_t slices = 0;
  std::vector<Object*> objects;
  while (store.release_slice(100, objects) > 0) ++slices;
  CHECK(slices >= 5);
  REQUIRE(objects.size() == 1);
  CHECK(objects[0] == list);
  Object::release(objects[0]);
}

}  // namespace
}  // namespace larder::storage
