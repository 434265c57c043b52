#include "storage/stream/stream.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/stream_model.h"

namespace larder::storage {
namespace {

constexpr Stream::NodeLimits kDefault;

class OwnedStream {
 public:
  OwnedStream() : stream_(Stream::create()) {}
  ~OwnedStream() { Object::release(stream_); }
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;

  Stream* operator->() { return stream_; }
  Stream& operator*() { return *stream_; }
  void add(StreamId id, std::vector<std::string_view> fields = {"field", "value"}) {
    stream_->append(id, fields, kDefault);
  }

 private:
  Stream* stream_;
};

std::vector<StreamId> ids_of(const Stream& stream) {
  std::vector<StreamId> ids;
  for (Stream::Cursor at = stream.first(); at; at.next()) ids.push_back(at.id());
  return ids;
}

}  // namespace

TEST_CASE("ids are ordered by time and then by number, and have neighbours") {
  CHECK(StreamId{1, 5} < StreamId{2, 0});
  CHECK(StreamId{2, 0} < StreamId{2, 1});
  CHECK(*StreamId{1, UINT64_MAX}.next() == StreamId{2, 0});
  CHECK(*StreamId{2, 0}.previous() == StreamId{1, UINT64_MAX});
  CHECK_FALSE(kLastStreamId.next());
  CHECK_FALSE(StreamId().previous());
}

TEST_CASE("a stream does what a slow model of it does") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    testing::StreamRun run([](bool holds, const char* message) {
      INFO(message);
      REQUIRE(holds);
    });
    for (int i = 0; i < 2'000; ++i) {
      const auto byte = [&random] { return static_cast<uint8_t>(random()); };
      const uint8_t what = byte();
      const uint8_t where = byte();
      run.operate(what, where, byte());
      if (i % 50 == 0) run.finish();
    }
    run.finish();
  }
}

TEST_CASE("a node is full at its limits, as in Redis") {
  OwnedStream stream;
  SECTION("of entries, deleted ones included") {
    for (uint64_t i = 1; i <= 100; ++i) stream.add({i, 0});
    CHECK(stream->node_count() == 1);
    CHECK(stream->erase({50, 0}));
    stream.add({101, 0});
    CHECK(stream->node_count() == 2);
  }
  SECTION("of bytes, those to come included") {
    const std::string text(1'000, 'x');
    for (uint64_t i = 1; i <= 4; ++i) stream.add({i, 0}, {"f", text});
    CHECK(stream->node_count() == 1);
    stream.add({5, 0}, {"f", std::string_view(text).substr(0, 100)});
    CHECK(stream->node_count() == 2);
  }
  stream->verify();
}

TEST_CASE("a stream knows its first entry, whatever was deleted before it") {
  OwnedStream stream;
  for (uint64_t i = 1; i <= 250; ++i) stream.add({i, 0});
  CHECK(stream->first_id() == StreamId{1, 0});
  CHECK(stream->erase({2, 0}));
  CHECK(stream->first_id() == StreamId{1, 0});
  CHECK(stream->erase({1, 0}));
  CHECK(stream->first_id() == StreamId{3, 0});
  CHECK_FALSE(stream->erase({1, 0}));
  CHECK(stream->max_deleted_id() == StreamId{2, 0});
  CHECK(stream->trim({.most = 120, .least = {}, .whole_nodes = true, .limit = 0}) == 98);
  CHECK(stream->first_id() == StreamId{101, 0});
  CHECK(stream->trim({.most = 10, .least = {}, .whole_nodes = false, .limit = 0}) == 140);
  CHECK(ids_of(*stream).front() == StreamId{241, 0});
  CHECK(stream->trim({.most = 0, .least = {}, .whole_nodes = false, .limit = 0}) == 10);
  CHECK(stream->first_id().is_zero());
  CHECK(stream->last_id() == StreamId{250, 0});
  CHECK(stream->node_count() == 0);
  CHECK(stream->entries_added() == 250);
  stream->verify();
}

TEST_CASE("trimming whole nodes stops at the limit") {
  OwnedStream stream;
  for (uint64_t i = 1; i <= 1'000; ++i) stream.add({i, 0});
  CHECK(stream->trim({.most = 5, .least = {}, .whole_nodes = true, .limit = 350}) == 300);
  CHECK(stream->trim({.most = {}, .least = {650, 0}, .whole_nodes = true, .limit = 0}) == 300);
  CHECK(stream->trim({.most = {}, .least = {650, 0}, .whole_nodes = false, .limit = 0}) == 49);
  CHECK(stream->size() == 351);
}

TEST_CASE("a last id may go back before entries that were deleted") {
  OwnedStream stream;
  for (uint64_t i = 1; i <= 5; ++i) stream.add({i, 0});
  CHECK(stream->erase({4, 0}));
  CHECK(stream->erase({5, 0}));
  stream->set_last_id({3, 0});
  stream.add({4, 0}, {"another", "entry"});
  stream->verify();
  CHECK(ids_of(*stream) == std::vector<StreamId>{{1, 0}, {2, 0}, {3, 0}, {4, 0}});
}

TEST_CASE("a small stream takes little, and a long one hardly more than its entries") {
  OwnedStream stream;
  stream.add({1, 0});
  CHECK(stream->bytes() <= 320);
  const std::vector<std::string_view> fields{"name", "somebody", "number", "12345"};
  for (uint64_t i = 2; i <= 100'000; ++i) stream.add({1'700'000'000'000 + i, 0}, {fields});
  // Flags, two differences, two values and a count: 2 + 3 + 2 + 10 + 4 + 2.
  CHECK(stream->bytes() / stream->size() <= 25);
}

TEST_CASE("a stream is freed in slices, with its groups") {
  Stream* stream = Stream::create();
  const std::vector<std::string_view> fields{"field", "value"};
  for (uint64_t i = 1; i <= 20'000; ++i) stream->append({i, 0}, fields, kDefault);
  for (const char* name : {"a", "b", "c"}) {
    stream::Group& group = stream->groups().add(name);
    stream::Consumer& consumer = group.add_consumer("worker", 0);
    for (uint64_t i = 1; i <= 5'000; ++i) {
      group.set_pending(
          {.id = {i, 0}, .delivered_ms = 0, .deliveries = 1, .consumer = &consumer});
    }
  }
  stream->verify();
  Object* object = stream;
  const size_t parts = stream->parts();
  CHECK(parts > 500);
  size_t released = 0;
  size_t slices = 0;
  while (object != nullptr) {
    const size_t step = Object::release_slice(object, 10);
    CHECK(step <= 12);
    released += step;
    ++slices;
  }
  CHECK(released > parts / 2);
  CHECK(released < parts * 2);
  CHECK(slices >= released / 12);
}

TEST_CASE("removing a group or a consumer gives its memory back") {
  OwnedStream stream;
  stream.add({1, 0});
  const size_t bytes = stream->bytes();
  stream::Group& group = stream->groups().add("group");
  const size_t with_group = stream->bytes();
  stream::Consumer& consumer = group.add_consumer("consumer", 0);
  for (uint64_t i = 1; i <= 1'000; ++i) {
    group.set_pending({.id = {i, 0}, .delivered_ms = 0, .deliveries = 1, .consumer = &consumer});
  }
  CHECK(stream->bytes() > with_group + 56'000);
  CHECK(stream->bytes() < with_group + 75'000);
  group.remove_consumer(consumer);
  CHECK(group.pending().is_empty());
  CHECK(stream->bytes() == with_group);
  stream->groups().remove(group);
  CHECK(stream->bytes() == bytes);
}

TEST_CASE("how far a group is, is known unless deleted entries are in the way") {
  OwnedStream stream;
  stream::Group& group = stream->groups().add("group");
  CHECK(stream->lag(group) == 0);
  for (uint64_t i = 1; i <= 5; ++i) stream.add({i, 0});
  CHECK(stream->lag(group) == 5);
  for (uint64_t i = 1; i <= 2; ++i) stream->note_delivered(group, {i, 0});
  CHECK(group.entries_read == 2);
  CHECK(stream->lag(group) == 3);
  SECTION("deleted before it: nothing is lost") {
    CHECK(stream->erase({1, 0}));
    CHECK(stream->lag(group) == 3);
  }
  SECTION("deleted behind it: not known, until the last entry is read") {
    CHECK(stream->erase({4, 0}));
    CHECK_FALSE(stream->lag(group));
    stream->note_delivered(group, {3, 0});
    CHECK_FALSE(group.entries_read);
    CHECK_FALSE(stream->lag(group));
    stream->note_delivered(group, {5, 0});
    CHECK(group.entries_read == 5);
    CHECK(stream->lag(group) == 0);
  }
  SECTION("trimmed behind it: the rest is to be read") {
    CHECK(stream->trim({.most = 2, .least = {}, .whole_nodes = false, .limit = 0}) == 3);
    CHECK(stream->lag(group) == 2);
    stream->note_delivered(group, {4, 0});
    CHECK(group.entries_read == 4);
  }
  SECTION("all of it deleted") {
    CHECK(stream->trim({.most = 0, .least = {}, .whole_nodes = false, .limit = 0}) == 5);
    CHECK(stream->lag(group) == 0);
  }
}

}  // namespace larder::storage
