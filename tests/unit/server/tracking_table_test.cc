// TrackingTable: who is remembered and told; flushing; the bound.
#include <catch2/catch.hpp>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "server/session.h"
#include "server/tracking/tracking_table.h"

namespace larder::server {
namespace {

using Kind = Invalidation::Kind;

struct Node3 {
  storage::KeyHasher hasher{3};
  ChannelRegistry channels{3, hasher};
  TrackingTable table{channels, hasher};

  std::vector<Letter> take(unsigned worker) {
    std::vector<Letter> letters;
    CHECK_FALSE(channels.box(worker).take(letters));
    return letters;
  }
  void change(const std::vector<std::string>& keys, uint64_t writer = 0) {
    std::vector<KeyEvent> events;
    for (const std::string& key : keys) events.push_back({EventClass::string, "set", 0, key});
    table.invalidate(events, writer);
  }
};

Session session_with(uint64_t id) {
  Session session;
  session.id = id;
  return session;
}

}  // namespace

TEST_CASE("whoever has read a key is told of its first change, on its worker") {
  Node3 node;
  node.table.remember("k", {0, 1});
  node.table.remember("k", {2, 5});
  node.table.remember("k", {2, 6});
  node.table.remember("k", {2, 6});
  node.table.remember("j", {0, 1});
  CHECK(node.table.keys() == 2);
  CHECK(node.table.items() == 4);
  node.change({"other", "k", "k"}, 5);
  CHECK(node.take(1).empty());
  const auto first = node.take(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].invalidation->clients == std::vector<uint64_t>{1});
  const auto third = node.take(2);
  REQUIRE(third.size() == 1);
  CHECK(third[0].invalidation->keys == "*1\r\n$1\r\nk\r\n");
  CHECK(third[0].invalidation->clients == std::vector<uint64_t>{5, 6});
  CHECK(third[0].invalidation->writer == 5);
  CHECK_FALSE(third[0].invalidation->broadcast);
  node.change({"k"});
  CHECK(node.take(2).empty());
  CHECK(node.table.keys() == 1);
  CHECK(node.table.items() == 1);
}

TEST_CASE("misses and births are no changes") {
  Node3 node;
  node.table.remember("k", {0, 1});
  const std::vector<KeyEvent> events{{EventClass::key_miss, "keymiss", 0, "k"},
                                     {EventClass::key_is_new, "new", 0, "k"}};
  node.table.invalidate(events, 0);
  CHECK(node.take(0).empty());
  CHECK(node.table.keys() == 1);
}

TEST_CASE("broadcasting: all changed keys with a prefix at once, each once, in order") {
  Node3 node;
  Session one = session_with(1);
  Session other = session_with(2);
  node.table.begin(one, 0);
  node.table.begin(other, 1);
  node.table.add_prefix(one, "a");
  node.table.add_prefix(one, "b:");
  node.table.add_prefix(other, "");
  CHECK(node.table.clients() == 2);
  CHECK(node.table.prefixes() == 3);
  node.change({"b:2", "a2", "b:1", "c", "a1", "a2"});
  const auto letters = node.take(0);
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].invalidation->keys == "*2\r\n$2\r\na1\r\n$2\r\na2\r\n");
  CHECK(letters[1].invalidation->keys == "*2\r\n$3\r\nb:1\r\n$3\r\nb:2\r\n");
  CHECK(letters[0].invalidation->broadcast);
  const auto all = node.take(1);
  REQUIRE(all.size() == 1);
  CHECK(all[0].invalidation->keys.starts_with("*5\r\n$2\r\na1\r\n"));
  node.table.end(one);
  node.table.end(other);
  CHECK(node.table.prefixes() == 0);
  CHECK_FALSE(node.table.is_used());
  node.change({"a1"});
  CHECK(node.take(0).empty());
}

TEST_CASE("prefixes of any lengths are found, and none that is gone") {
  Node3 node;
  Session one = session_with(1);
  Session other = session_with(2);
  node.table.begin(one, 0);
  node.table.begin(other, 0);
  for (const char* prefix : {"abc", "abd", "ax", "abcdefgh"}) node.table.add_prefix(one, prefix);
  for (const char* prefix : {"abc", "", "zzz"}) node.table.add_prefix(other, prefix);
  const auto readers_of = [&](const std::string& key) {
    node.change({key});
    std::vector<std::vector<uint64_t>> readers;
    for (const Letter& letter : node.take(0)) readers.push_back(letter.invalidation->clients);
    return readers;
  };
  using Readers = std::vector<std::vector<uint64_t>>;
  CHECK(readers_of("abcd") == Readers{{2}, {1, 2}});
  CHECK(readers_of("abcdefghi") == Readers{{2}, {1, 2}, {1}});
  CHECK(readers_of("ab") == Readers{{2}});
  CHECK(readers_of("") == Readers{{2}});
  node.table.end(other);
  CHECK(readers_of("abcd") == Readers{{1}});
  CHECK(readers_of("ab").empty());
  CHECK(readers_of("zzz").empty());
  node.table.end(one);
}

TEST_CASE("flushing forgets everything at once, and frees it in slices") {
  Node3 node;
  for (int i = 0; i < 1000; ++i) node.table.remember("key" + std::to_string(i), {1, 1});
  CHECK(node.table.bytes() > 1000 * 10);
  node.table.invalidate_everything(7);
  CHECK(node.table.keys() == 0);
  CHECK(node.table.items() == 0);
  CHECK(node.table.bytes() == 0);
  for (unsigned worker = 0; worker < 3; ++worker) {
    const auto letters = node.take(worker);
    REQUIRE(letters.size() == 1);
    CHECK(letters[0].invalidation->kind == Kind::everything);
  }
  CHECK(node.table.release_slice(100));
  int slices = 1;
  while (node.table.release_slice(100)) ++slices;
  CHECK(slices >= 9);
  node.table.remember("k", {0, 1});
  CHECK(node.table.keys() == 1);
}

TEST_CASE("beyond its bound the table tells of keys before they change") {
  Node3 node;
  node.table.limit_keys(100);
  for (int i = 0; i < 1000; ++i) node.table.remember("key" + std::to_string(i), {0, 1});
  CHECK(node.table.keys() == 100);
  const auto letters = node.take(0);
  CHECK(letters.size() == 900);
  std::set<std::string> told;
  for (const Letter& letter : letters) told.insert(letter.invalidation->keys);
  CHECK(told.size() == 900);
  // Long names count for more.
  node.table.limit_keys(10'000);
  for (int i = 0; i < 100; ++i) {
    node.table.remember(std::string(100'000, 'x') + std::to_string(i), {0, 1});
  }
  CHECK(node.table.bytes() <= 10'000 * 256);
  CHECK(node.table.keys() < 130);
  const size_t keys = node.table.keys();
  node.table.limit_keys(std::numeric_limits<int64_t>::max());
  for (int i = 1000; i < 2000; ++i) node.table.remember("key" + std::to_string(i), {0, 1});
  CHECK(node.table.keys() == keys + 1000);
}

}  // namespace larder::server
