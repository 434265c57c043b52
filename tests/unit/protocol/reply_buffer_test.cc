#include "protocol/reply_buffer.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

namespace larder::protocol {
namespace {

// What a client would receive after the first `sent` bytes.
std::string rest_after(const ReplyBuffer& buffer, size_t sent) {
  std::vector<ReplyBuffer::Piece> pieces;
  buffer.pieces_after(sent, pieces);
  std::string bytes;
  for (const auto& piece : pieces) {
    CHECK(piece.size > 0);
    bytes.append(piece.data, piece.size);
  }
  return bytes;
}

// Bytes to pin, which count how often they were released.
struct Blob {
  std::string bytes;
  int released = 0;

  PinnedBytes pin() {
    return {bytes.data(), bytes.size(), this,
            [](void* owner) { ++static_cast<Blob*>(owner)->released; }};
  }
};

TEST_CASE("a buffer is the bytes put into it, however it grew") {
  ReplyBuffer buffer;
  CHECK(buffer.empty());
  CHECK(buffer.capacity() == 0);
  std::string expected;
  for (int i = 0; i < 5000; ++i) {
    const std::string text = std::to_string(i * 7919);
    buffer.append(text);
    expected += text;
  }
  CHECK(buffer.view() == expected);
  CHECK(buffer.size() == expected.size());
  CHECK(buffer.capacity() >= expected.size());
}

TEST_CASE("only what is committed of a reservation counts") {
  ReplyBuffer buffer;
  char* const room = buffer.reserve(100);
  std::memcpy(room, "abc", 3);
  buffer.commit(3);
  CHECK(buffer.view() == "abc");
  buffer.append({});
  CHECK(buffer.view() == "abc");
}

TEST_CASE("pinned bytes are sent in their place, from any point on") {
  Blob first{"FIRST"};
  Blob second{"SECOND"};
  Blob nothing{""};
  ReplyBuffer buffer;
  buffer.append("a");
  buffer.append_pinned(first.pin());
  buffer.append_pinned(second.pin());
  buffer.append("bc");
  buffer.append_pinned(nothing.pin());
  buffer.append("d");
  const std::string expected = "aFIRSTSECONDbcd";
  CHECK(buffer.size() == expected.size());
  CHECK(buffer.pinned_bytes() == 11);
  for (size_t sent = 0; sent <= expected.size(); ++sent) {
    CHECK(rest_after(buffer, sent) == expected.substr(sent));
  }
}

TEST_CASE("a buffer may begin and end with pinned bytes") {
  Blob blob{"all"};
  ReplyBuffer buffer;
  buffer.append_pinned(blob.pin());
  CHECK_FALSE(buffer.empty());
  CHECK(rest_after(buffer, 0) == "all");
  CHECK(rest_after(buffer, 1) == "ll");
}

TEST_CASE("every pin is released exactly once") {
  Blob blob{"x"};
  SECTION("by clear, which keeps the memory") {
    ReplyBuffer buffer;
    buffer.append("text");
    buffer.append_pinned(blob.pin());
    buffer.append_pinned(blob.pin());
    const size_t capacity = buffer.capacity();
    CHECK(blob.released == 0);
    buffer.clear();
    CHECK(blob.released == 2);
    CHECK(buffer.empty());
    CHECK(buffer.capacity() == capacity);
    buffer.clear();
  }
  SECTION("by free_memory, which does not") {
    ReplyBuffer buffer;
    buffer.append("text");
    buffer.append_pinned(blob.pin());
    buffer.append_pinned(blob.pin());
    buffer.free_memory();
    CHECK(blob.released == 2);
    CHECK(buffer.capacity() == 0);
    CHECK(buffer.empty());
  }
  SECTION("by the last owner, after moves") {
    {
      ReplyBuffer buffer;
      buffer.append_pinned(blob.pin());
      ReplyBuffer moved(std::move(buffer));
      ReplyBuffer assigned;
      assigned.append_pinned(blob.pin());
      assigned = std::move(moved);
      CHECK(assigned.size() == 1);
    }
    CHECK(blob.released == 2);
  }
}

TEST_CASE("pins without a release function are just bytes") {
  ReplyBuffer buffer;
  buffer.append_pinned({"static", 6, nullptr, nullptr});
  CHECK(rest_after(buffer, 0) == "static");
}

TEST_CASE("beyond its limit a buffer loses what it holds, and takes no more memory") {
  Blob blob{std::string(900, 'p')};
  ReplyBuffer buffer;
  buffer.set_limit(10'000);
  SECTION("own bytes") {
    for (int i = 0; i < 100'000; ++i) {
      buffer.append("0123456789");
      CHECK((buffer.size() > 10'000) == (i >= 1000));
    }
    CHECK(buffer.capacity() <= 40'000);
  }
  SECTION("one piece that is larger by itself") {
    buffer.append(std::string(20'000, 'x'));
    CHECK(rest_after(buffer, 0).size() == 20'000);
    buffer.append(std::string(30'000, 'y'));
    CHECK(buffer.size() > 10'000);
    CHECK(buffer.capacity() < 50'000);
  }
  SECTION("pins, which are released at once") {
    for (int i = 0; i < 100; ++i) {
      buffer.append_pinned(blob.pin());
      CHECK((buffer.size() > 10'000) == (i >= 11));
    }
    CHECK(blob.released == 100);
  }
  SECTION("what another buffer held") {
    ReplyBuffer other;
    other.append(std::string(9'000, 'x'));
    other.append_pinned(blob.pin());
    buffer.append(std::string(9'000, 'y'));
    buffer.append_all_of(other);
    buffer.append(std::string(20'000, 'z'));
    CHECK(buffer.size() > 10'000);
    CHECK(blob.released == 1);
  }
  buffer.clear();
  CHECK(buffer.empty());
  buffer.append("new");
  CHECK(rest_after(buffer, 0) == "new");
}

TEST_CASE("a buffer takes over all that another holds") {
  Blob blob{"PIN"};
  ReplyBuffer buffer;
  ReplyBuffer other;
  buffer.append("a");
  other.append("b");
  other.append_pinned(blob.pin());
  other.append("c");
  buffer.append_all_of(other);
  CHECK(other.empty());
  other.free_memory();
  CHECK(blob.released == 0);
  CHECK(rest_after(buffer, 0) == "abPINc");
  buffer.clear();
  CHECK(blob.released == 1);
}

TEST_CASE("text is put in between what was there and what was pinned") {
  Blob before{"(1)"};
  Blob behind{"(2)"};
  ReplyBuffer buffer;
  buffer.append("head");
  buffer.append_pinned(before.pin());
  const size_t place = buffer.view().size();
  buffer.append("reply");
  buffer.append_pinned(behind.pin());
  buffer.append("end");
  const std::string pushes(3000, 'p');
  buffer.insert(place, pushes);
  CHECK(rest_after(buffer, 0) == "head(1)" + pushes + "reply(2)end");
  buffer.insert(buffer.view().size(), "!");
  buffer.insert(0, "!");
  CHECK(rest_after(buffer, 0) == "!head(1)" + pushes + "reply(2)end!");
  CHECK(buffer.size() == 4 + 3 + 3000 + 5 + 3 + 3 + 2);
}

TEST_CASE("truncating drops the tail") {
  Blob blob{"pin"};
  ReplyBuffer buffer;
  buffer.append("kept");
  buffer.append_pinned(blob.pin());
  const size_t kept = buffer.view().size();
  buffer.append("dropped");
  buffer.truncate(kept);
  CHECK(rest_after(buffer, 0) == "keptpin");
  buffer.append("!");
  CHECK(rest_after(buffer, 0) == "keptpin!");
}

}  // namespace
}  // namespace larder::protocol
