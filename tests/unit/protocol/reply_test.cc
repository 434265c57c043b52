#include "protocol/reply.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <vector>

namespace larder::protocol {
namespace {

// What `write(reply)` writes in `dialect`.
template <typename Write>
std::string in(Dialect dialect, Write write) {
  ReplyBuffer buffer;
  Reply reply(buffer, dialect);
  write(reply);
  return std::string(buffer.view());
}

template <typename Write>
void check_both(Write write, const std::string& resp2, const std::string& resp3) {
  CHECK(in(Dialect::resp2, write) == resp2);
  CHECK(in(Dialect::resp3, write) == resp3);
}

TEST_CASE("replies that are the same in both dialects") {
  const auto same = [](auto write, const std::string& bytes) { check_both(write, bytes, bytes); };
  same([](Reply& r) { r.ok(); }, "+OK\r\n");
  same([](Reply& r) { r.simple("PONG"); }, "+PONG\r\n");
  same([](Reply& r) { r.error("ERR no"); }, "-ERR no\r\n");
  same([](Reply& r) { r.integer(0); }, ":0\r\n");
  same([](Reply& r) { r.integer(42); }, ":42\r\n");
  same([](Reply& r) { r.integer(std::numeric_limits<int64_t>::min()); },
       ":-9223372036854775808\r\n");
  same([](Reply& r) { r.bulk(""); }, "$0\r\n\r\n");
  same([](Reply& r) { r.bulk("value"); }, "$5\r\nvalue\r\n");
  same([](Reply& r) { r.bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n");
  same([](Reply& r) { r.array(0); }, "*0\r\n");
  same([](Reply& r) { r.array(12); }, "*12\r\n");
}

TEST_CASE("replies that RESP2 lacks take the form Redis gives them") {
  check_both([](Reply& r) { r.null(); }, "$-1\r\n", "_\r\n");
  check_both([](Reply& r) { r.null_array(); }, "*-1\r\n", "_\r\n");
  check_both([](Reply& r) { r.boolean(true); }, ":1\r\n", "#t\r\n");
  check_both([](Reply& r) { r.boolean(false); }, ":0\r\n", "#f\r\n");
  check_both([](Reply& r) { r.real(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n");
  check_both([](Reply& r) { r.real_text("0.00001"); }, "$7\r\n0.00001\r\n", ",0.00001\r\n");
  check_both([](Reply& r) { r.real(-std::numeric_limits<double>::infinity()); }, "$4\r\n-inf\r\n",
             ",-inf\r\n");
  check_both([](Reply& r) { r.big_number("12\r3"); }, "$4\r\n12\r3\r\n", "(12 3\r\n");
  check_both([](Reply& r) { r.map(3); }, "*6\r\n", "%3\r\n");
  check_both([](Reply& r) { r.set(3); }, "*3\r\n", "~3\r\n");
  check_both([](Reply& r) { r.push(3); }, "*3\r\n", ">3\r\n");
  check_both([](Reply& r) { r.verbatim("txt", "two\nlines"); }, "$9\r\ntwo\nlines\r\n",
             "=13\r\ntxt:two\nlines\r\n");
}

TEST_CASE("bulks of every length class carry their length") {
  for (const size_t size : {1u, 9u, 10u, 99u, 100u, 999u, 1000u, 9999u, 10000u, 100000u}) {
    const std::string bytes(size, 'x');
    CHECK(in(Dialect::resp2, [&](Reply& r) { r.bulk(bytes); }) ==
          "$" + std::to_string(size) + "\r\n" + bytes + "\r\n");
  }
}

TEST_CASE("text on a line never ends it early") {
  const std::string_view hostile("ERR a\r\n+OK\r\n\0b", 14);
  CHECK(in(Dialect::resp3, [&](Reply& r) { r.error(hostile); }) == "-ERR a  +OK   b\r\n");
  CHECK(in(Dialect::resp2, [&](Reply& r) { r.simple(hostile); }) == "+ERR a  +OK   b\r\n");
}

TEST_CASE("a pinned bulk reads like a copied one and is released once") {
  const std::string bytes(20000, 'y');
  int released = 0;
  std::string received;
  {
    ReplyBuffer buffer;
    Reply reply(buffer, Dialect::resp3);
    reply.ok();
    reply.bulk_pinned(
        {bytes.data(), bytes.size(), &released, [](void* owner) { ++*static_cast<int*>(owner); }});
    reply.integer(1);
    std::vector<ReplyBuffer::Piece> pieces;
    buffer.pieces_after(0, pieces);
    for (const auto& piece : pieces) received.append(piece.data, piece.size);
    CHECK(buffer.view().size() < 100);
  }
  CHECK(received == "+OK\r\n$20000\r\n" + bytes + "\r\n:1\r\n");
  CHECK(released == 1);
}

TEST_CASE("a client can change its dialect between replies") {
  ReplyBuffer buffer;
  Reply reply(buffer, Dialect::resp2);
  reply.null();
  reply.set_dialect(Dialect::resp3);
  reply.null();
  CHECK(buffer.view() == "$-1\r\n_\r\n");
}

}  // namespace
}  // namespace larder::protocol
