// The small parts that workers are made of: shard sets, spin locks, mailboxes, input buffers and
// watch tables.
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/input_buffer.h"
#include "server/mailbox.h"
#include "server/shard_set.h"
#include "server/spin_lock.h"
#include "server/watch_table.h"

namespace larder::server {
namespace {

std::vector<unsigned> members(const ShardSet& set) {
  std::vector<unsigned> found;
  set.for_each([&](unsigned shard) {
    found.push_back(shard);
    return true;
  });
  return found;
}

std::string text(InputBuffer& buffer) {
  return {buffer.data(), buffer.size()};
}

}  // namespace

TEST_CASE("a shard set visits its members in ascending order") {
  ShardSet set;
  CHECK(set.empty());
  for (const unsigned shard : {255u, 64u, 0u, 63u, 64u, 128u}) set.add(shard);
  CHECK(members(set) == std::vector<unsigned>{0, 63, 64, 128, 255});
  CHECK(set.contains(63));
  CHECK_FALSE(set.contains(62));
  set.remove(63);
  set.remove(62);
  CHECK(members(set) == std::vector<unsigned>{0, 64, 128, 255});

  std::vector<unsigned> until_64;
  CHECK_FALSE(set.for_each([&](unsigned shard) {
    until_64.push_back(shard);
    return shard != 64;
  }));
  CHECK(until_64 == std::vector<unsigned>{0, 64});
  CHECK(members(ShardSet::all()).size() == storage::kShardCount);
  CHECK(set != ShardSet::all());
  set.clear();
  CHECK(set == ShardSet());
}

TEST_CASE("a spin lock is held by one at a time") {
  SpinLock lock;
  REQUIRE(lock.try_lock());
  CHECK(lock.is_taken());
  CHECK_FALSE(lock.try_lock());
  CHECK_FALSE(lock.try_lock_for(10));
  lock.unlock();
  CHECK_FALSE(lock.is_taken());

  int counter = 0;  // guarded by the lock
  const auto count = [&] {
    for (int i = 0; i < 10'000; ++i) {
      lock.lock();
      ++counter;
      lock.unlock();
    }
  };
  std::thread other(count);
  count();
  other.join();
  CHECK(counter == 20'000);
}

TEST_CASE("a mailbox hands over everything, in order, once") {
  Mailbox box;
  std::vector<Mail> mail{StopMail{true}};
  box.take_all(mail);
  CHECK(mail.empty());
  box.post(RoundDone{{1, 2}});
  box.post(StopMail{true});
  box.take_all(mail);
  REQUIRE(mail.size() == 2);
  CHECK(std::get<RoundDone>(mail[0]).connection == ConnectionId{1, 2});
  CHECK(std::get<StopMail>(mail[1]).at_once);
  box.take_all(mail);
  CHECK(mail.empty());
  box.post(StopMail{false});
  box.take_all(mail);
  CHECK(mail.size() == 1);
}

TEST_CASE("an input buffer keeps a client's bytes in order") {
  InputBuffer buffer;
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == 0);
  buffer.append("", 0);
  CHECK(buffer.capacity() == 0);
  buffer.append("hello ", 6);
  buffer.append("world", 5);
  CHECK(text(buffer) == "hello world");
  buffer.consume(6);
  CHECK(text(buffer) == "world");
  buffer.append("!", 1);
  CHECK(text(buffer) == "world!");
  buffer.consume(6);
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == 0);  // an idle client costs nothing
}

TEST_CASE("an input buffer is moved once for a request of known size") {
  InputBuffer buffer;
  buffer.append("abc", 3);
  buffer.reserve(1000);
  const size_t capacity = buffer.capacity();
  CHECK(capacity >= 1000);
  const std::string rest(997, 'x');
  buffer.append(rest.data(), rest.size());
  CHECK(buffer.capacity() == capacity);
  CHECK(text(buffer) == "abc" + rest);
  buffer.reserve(10);  // there is more than that already
  CHECK(buffer.capacity() == capacity);
}

TEST_CASE("an input buffer reuses the room of what was consumed") {
  InputBuffer buffer;
  std::string expected;
  char next = 'a';
  size_t largest = 0;
  for (int round = 0; round < 1000; ++round) {
    const std::string piece(17, next);
    next = next == 'z' ? 'a' : static_cast<char>(next + 1);
    buffer.append(piece.data(), piece.size());
    expected += piece;
    if (expected.size() > 100) {
      buffer.consume(50);
      expected.erase(0, 50);
    }
    REQUIRE(text(buffer) == expected);
    largest = std::max(largest, buffer.capacity());
  }
  CHECK(largest < 1000);
}

TEST_CASE("an input buffer gives a large text away where it lies, and goes on elsewhere") {
  InputBuffer buffer;
  const std::string large(100'000, 'x');
  buffer.reserve(4 + large.size() + 4);
  buffer.append("head", 4);
  buffer.append(large.data(), large.size());
  buffer.append("tail", 4);
  const char* begin = buffer.data() + 4;
  const std::string elsewhere = large;
  CHECK(buffer.share(elsewhere) == nullptr);
  CHECK(buffer.share({buffer.data(), 4}) == nullptr);  // not worth the memory

  storage::Blob* blob = buffer.share({begin, large.size()});
  REQUIRE(blob != nullptr);
  const storage::Pin pin = blob->pin();
  CHECK(buffer.share({begin, large.size()}) == nullptr);  // it has been given away
  CHECK(pin.data == begin);
  buffer.consume(4 + large.size());
  CHECK(text(buffer) == "tail");
  buffer.append(" and more", 9);
  CHECK(text(buffer) == "tail and more");
  CHECK(std::string_view(pin.data, pin.size) == large);
  buffer.free_memory();
  CHECK(std::string_view(pin.data, pin.size) == large);
  pin.release(pin.owner);
}

TEST_CASE("an input buffer whose text nobody has kept can give another one away") {
  InputBuffer buffer;
  const std::string large(100'000, 'x');
  buffer.reserve(4 + large.size());
  buffer.append("head", 4);
  buffer.append(large.data(), large.size());
  CHECK(buffer.share({buffer.data() + 4, large.size()}) != nullptr);
  buffer.consume(4 + large.size() - 3);
  CHECK(text(buffer) == "xxx");
  const std::string other(large.size(), 'y');
  buffer.append(other.data(), other.size());
  CHECK(text(buffer) == "xxx" + other);
  const storage::Blob* blob = buffer.share({buffer.data() + 3, other.size()});
  REQUIRE(blob != nullptr);
  CHECK(std::string_view(blob->data(), blob->size()) == other);
}

TEST_CASE("a watched key's version rises when it changes") {
  WatchTable watches;
  CHECK(watches.empty());
  watches.touch(0, "k");  // nobody watches
  CHECK(watches.empty());
  const uint64_t first = watches.watch(0, "k");
  const uint64_t second = watches.watch(0, "k");
  CHECK(first == second);
  watches.touch(1, "k");
  watches.touch(0, "j");
  CHECK(watches.version(0, "k") == first);
  watches.touch(0, "k");
  CHECK(watches.version(0, "k") != first);
  CHECK(watches.watch(0, "k") == watches.version(0, "k"));

  for (int watchers = 3; watchers > 0; --watchers) {
    CHECK_FALSE(watches.empty());
    watches.unwatch(0, "k");
  }
  CHECK(watches.empty());
}

TEST_CASE("emptying a database touches the watched keys that were there") {
  WatchTable watches;
  for (const char* key : {"", "here", "not here", "\xff"}) {
    watches.watch(0, key);
    watches.watch(1, key);
    watches.watch(2, key);
  }
  std::set<std::string> asked;
  watches.touch_existing(1, [&](std::string_view key) {
    asked.emplace(key);
    return key != "not here";
  });
  CHECK(asked == std::set<std::string>{"", "here", "not here", "\xff"});
  CHECK(watches.version(1, "here") == 1);
  CHECK(watches.version(1, "") == 1);
  CHECK(watches.version(1, "\xff") == 1);
  CHECK(watches.version(1, "not here") == 0);
  CHECK(watches.version(0, "here") == 0);
  CHECK(watches.version(2, "here") == 0);
}

}  // namespace larder::server
