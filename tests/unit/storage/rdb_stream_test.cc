#include "storage/rdb/stream.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

constexpr uint64_t kAnyLength = uint64_t{1} << 40;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t at = 0; at < hex.size(); at += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(at, 2)), nullptr, 16));
  }
  return bytes;
}

class Restored {
 public:
  explicit Restored(std::string_view body, uint64_t max_bytes = kAnyLength)
      : object_(read_object_body(body, max_bytes, KeyHasher(1))) {
    if (object_ != nullptr) object_->verify();
  }
  ~Restored() {
    if (object_ != nullptr) Object::release(object_);
  }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

  explicit operator bool() const { return object_ != nullptr; }
  Stream& operator*() const { return object_->as<Stream>(); }
  Stream* operator->() const { return &object_->as<Stream>(); }

 private:
  Object* object_;
};

// What redis-server 7.0 answers to DUMP after
//   XADD s 1-1 a 1 b two; XADD s 1-5 a 300 b -7; XADD s 2-0 c hello;
//   XADD s 9-9 a x b y*70; XDEL s 1-5; XGROUP CREATE s g 1-1; XGROUP CREATE s h 0 ENTRIESREAD 3
//   XREADGROUP GROUP g alice COUNT 1 STREAMS s >; XGROUP CREATECONSUMER s g bob
//   XCLAIM s g alice 0 2-0 TIME 1000000 RETRYCOUNT 5
const std::string kFromRedis = from_hex(
    "13011000000000000000010000000000000001c3405b409b129b0000001f0003010101020181610281620200200900"
    "0020010901018374776f04050103200c080401c12c02dff90205200b110101dfff0201018163028568656c6c6f0606"
    "20310008200105817802e04679e03c0003480501ff0309090101010504020167020081ffffffffffffffff01000000"
    "0000000002000000000000000040420f0000000000050205616c6963651a80dafea101000001000000000000000200"
    "0000000000000003626f621080dafea101000000016800000300000a00b8cd0b02b5043949");

std::string body_of(const std::string& payload) {
  return payload.substr(0, payload.size() - kFooterBytes);
}

// A listpack of what are integers or texts.
std::string listpack_of(const std::vector<std::string>& values) {
  std::string entries;
  for (const std::string& value : values) {
    const listpack::NewEntry entry(value);
    entries.resize(entries.size() + entry.size());
    entry.write(entries.data() + entries.size() - entry.size());
  }
  std::string listpack;
  listpack::append_listpack(entries, values.size(), listpack);
  return listpack;
}

std::string raw_id(uint8_t ms, uint8_t seq) {
  std::string id(16, '\0');
  id[7] = static_cast<char>(ms);
  id[15] = static_cast<char>(seq);
  return id;
}

void append_id(uint64_t ms, uint64_t seq, std::string& body) {
  append_length(ms, body);
  append_length(seq, body);
}

struct Node {
  std::string id;
  std::vector<std::string> values;
};

// A body of type stream_listpacks without groups.
std::string old_body(const std::vector<Node>& nodes, uint64_t length, uint64_t last_ms) {
  std::string body(1, static_cast<char>(ValueType::stream_listpacks));
  append_length(nodes.size(), body);
  for (const Node& node : nodes) {
    append_string(node.id, body);
    append_string(listpack_of(node.values), body);
  }
  append_length(length, body);
  append_id(last_ms, 0, body);
  append_length(0, body);
  return body;
}

// Two entries, 1-0 and 2-0, with the master's only field and with two others.
const std::vector<std::string> kTwo{"2", "0", "1", "f", "0", "2", "0", "0", "v",    "4",
                                    "0", "1", "0", "2", "a", "b", "c", "d", "8"};

}  // namespace

TEST_CASE("a stream's payload is the one that redis-server 7.0 writes") {
  const Restored stream(*verified_body(kFromRedis));
  REQUIRE(stream);
  CHECK(dump_object(*stream) == kFromRedis);
  CHECK(stream->size() == 3);
  CHECK(stream->last_id() == StreamId{9, 9});
  CHECK(stream->max_deleted_id() == StreamId{1, 5});
  CHECK(stream->entries_added() == 4);
  CHECK_FALSE(stream->contains({1, 5}));
  const stream::Group& group = *stream->groups().find("g");
  CHECK(group.last_id == StreamId{2, 0});
  CHECK_FALSE(group.entries_read);
  CHECK(group.consumers().size() == 2);
  const stream::Pending& pending = *group.find_pending({2, 0});
  CHECK(pending.deliveries == 5);
  CHECK(pending.delivered_ms == 1'000'000);
  CHECK(pending.consumer->name() == "alice");
  CHECK(stream->groups().find("h")->entries_read == 3);
}

TEST_CASE("the same entries added here make the same payload") {
  Stream* stream = Stream::create();
  const auto add = [stream](StreamId id, std::vector<std::string_view> fields) {
    stream->append(id, fields, {});
  };
  add({1, 1}, {"a", "1", "b", "two"});
  add({1, 5}, {"a", "300", "b", "-7"});
  add({2, 0}, {"c", "hello"});
  const std::string text(70, 'y');
  add({9, 9}, {"a", "x", "b", text});
  CHECK(stream->erase({1, 5}));
  stream::Group& group = stream->groups().add("g");
  group.last_id = {2, 0};
  stream::Consumer& alice = group.add_consumer("alice", 0);
  const Restored from_redis(*verified_body(kFromRedis));
  const stream::Group& other = *from_redis->groups().find("g");
  alice.seen_ms = other.find_consumer("alice")->seen_ms;
  group.add_consumer("bob", other.find_consumer("bob")->seen_ms);
  group.set_pending(
      {.id = {2, 0}, .delivered_ms = 1'000'000, .deliveries = 5, .consumer = &alice});
  stream->groups().add("h").entries_read = 3;
  stream->verify();
  CHECK(dump_object(*stream) == kFromRedis);
  Object::release(stream);
}

TEST_CASE("streams in the type of older Redis are read, and what they do not say is made up") {
  const Restored stream(old_body({{raw_id(1, 0), kTwo}}, 2, 7));
  REQUIRE(stream);
  CHECK(stream->size() == 2);
  CHECK(stream->first_id() == StreamId{1, 0});
  CHECK(stream->last_id() == StreamId{7, 0});
  CHECK(stream->entries_added() == 2);
  CHECK(stream->max_deleted_id().is_zero());
  CHECK(stream->contains({2, 0}));
  CHECK(Restored(old_body({}, 0, 0)));
}

TEST_CASE("the type of Redis 7.2 is read, with when its consumers were active") {
  std::string body(1, static_cast<char>(ValueType::stream_listpacks_3));
  append_length(0, body);
  append_length(0, body);
  for (int i = 0; i < 3; ++i) append_id(5, 0, body);  // last, first, deleted
  append_length(9, body);
  append_length(1, body);
  append_string("g", body);
  append_id(4, 0, body);
  append_length(8, body);
  append_length(0, body);
  append_length(1, body);
  append_string("c", body);
  append_little_endian(1'000, 8, body);
  append_little_endian(900, 8, body);
  append_length(0, body);
  const Restored stream(body);
  REQUIRE(stream);
  CHECK(stream->entries_added() == 9);
  const stream::Consumer& consumer = *stream->groups().find("g")->find_consumer("c");
  CHECK(consumer.seen_ms == 1'000);
  CHECK(consumer.active_ms == 900);
  CHECK(stream->first_id().is_zero());
}

TEST_CASE("a stream's node that contradicts itself is malformed") {
  const auto is_sound = [](std::vector<std::string> values, uint64_t length = 2) {
    return static_cast<bool>(Restored(old_body({{raw_id(1, 0), std::move(values)}}, length, 7)));
  };
  const auto changed = [](size_t at, std::string value) {
    std::vector<std::string> values = kTwo;
    values[at] = std::move(value);
    return values;
  };
  CHECK(is_sound(kTwo));
  CHECK_FALSE(is_sound(kTwo, 3));
  CHECK_FALSE(is_sound(changed(0, "3")));    // more entries than there are
  CHECK_FALSE(is_sound(changed(1, "1")));    // or deleted ones
  CHECK_FALSE(is_sound(changed(0, "x")));    // no number
  CHECK_FALSE(is_sound(changed(2, "-1")));   // of fields
  CHECK_FALSE(is_sound(changed(2, "2")));
  CHECK_FALSE(is_sound(changed(4, "1")));    // the end of the master
  CHECK_FALSE(is_sound(changed(5, "4")));    // flags
  CHECK_FALSE(is_sound(changed(5, "3")));    // deleted, but not counted so
  CHECK_FALSE(is_sound(changed(6, "1")));    // the first entry is not the node's
  CHECK_FALSE(is_sound(changed(11, "0")));   // not behind the one before
  CHECK_FALSE(is_sound(changed(11, "-1")));
  CHECK_FALSE(is_sound(changed(9, "5")));    // the number of values in it
  CHECK_FALSE(is_sound(changed(18, "7")));
  CHECK_FALSE(is_sound(changed(13, "3")));
  CHECK_FALSE(is_sound(changed(13, "99999999999")));
  CHECK_FALSE(is_sound({"0", "0", "1", "f", "0"}, 0));
  for (size_t size = 0; size < kTwo.size(); ++size) {
    CHECK_FALSE(is_sound({kTwo.begin(), kTwo.begin() + static_cast<ptrdiff_t>(size)}));
  }
  CHECK_FALSE(Restored(old_body({{raw_id(1, 0), kTwo}, {raw_id(1, 0), kTwo}}, 4, 7)));
  CHECK_FALSE(Restored(old_body({{raw_id(1, 0), kTwo}, {raw_id(2, 0), kTwo}}, 4, 7)));
  CHECK(Restored(old_body({{raw_id(1, 0), kTwo}, {raw_id(2, 1), kTwo}}, 4, 7)));
  CHECK_FALSE(Restored(old_body({{raw_id(1, 0).substr(1), kTwo}}, 2, 7)));
  CHECK_FALSE(Restored(old_body({{raw_id(1, 0), kTwo}}, 2, 1)));  // the last id
}

TEST_CASE("a stream with anything missing, changed or behind it is malformed or sound") {
  const std::string body = body_of(kFromRedis);
  for (size_t length = 0; length < body.size(); ++length) {
    REQUIRE_FALSE(Restored(body.substr(0, length)));
  }
  CHECK_FALSE(Restored(body + '\0'));
  CHECK_FALSE(Restored(body, 20));
  size_t sound = 0;
  for (size_t at = 1; at < body.size(); ++at) {
    for (const int change : {1, 2, 128}) {
      std::string other = body;
      other[at] = static_cast<char>(other[at] ^ change);
      sound += Restored(other) ? 1 : 0;  // which verifies it
    }
  }
  CHECK(sound > 0);
}

TEST_CASE("what is pending in a group is one consumer's, and each group and consumer is one") {
  struct Owner {
    std::string name;
    std::vector<uint8_t> pending;
  };
  const auto is_sound = [](const std::vector<uint8_t>& pending, const std::vector<Owner>& owners,
                           int groups = 1) {
    std::string body = old_body({{raw_id(1, 0), kTwo}}, 2, 7);
    body.pop_back();
    append_length(static_cast<uint64_t>(groups), body);
    for (int i = 0; i < groups; ++i) {
      append_string("g", body);
      append_id(2, 0, body);
      append_length(pending.size(), body);
      for (const uint8_t id : pending) {
        body += raw_id(id, 0);
        append_little_endian(1, 8, body);
        append_length(1, body);
      }
      append_length(owners.size(), body);
      for (const Owner& owner : owners) {
        append_string(owner.name, body);
        append_little_endian(1, 8, body);
        append_length(owner.pending.size(), body);
        for (const uint8_t id : owner.pending) body += raw_id(id, 0);
      }
    }
    return static_cast<bool>(Restored(body));
  };
  CHECK(is_sound({}, {}));
  CHECK(is_sound({1, 2, 3}, {{"a", {1, 3}}, {"b", {2}}, {"c", {}}}));
  CHECK_FALSE(is_sound({1, 2, 3}, {{"a", {1}}, {"b", {2}}}));
  CHECK_FALSE(is_sound({1, 2}, {{"a", {1, 2}}, {"b", {2}}}));
  CHECK_FALSE(is_sound({1, 2}, {{"a", {1, 3}}}));
  CHECK_FALSE(is_sound({1, 2}, {{"a", {1, 1}}}));
  CHECK_FALSE(is_sound({1, 1}, {{"a", {1}}}));
  CHECK_FALSE(is_sound({2, 1}, {{"a", {1, 2}}}));
  CHECK_FALSE(is_sound({1, 2}, {{"a", {1}}, {"a", {2}}}));
  CHECK_FALSE(is_sound({}, {}, 2));
}

}  // namespace larder::storage::rdb
