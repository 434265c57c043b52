#include "protocol/request_parser.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/reference_parser.h"
#include "tests/support/split_reader.h"

namespace larder::protocol {
namespace {

using reference::Outcome;
using reference::read_all;
using reference::SplitReader;

std::string multibulk(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

// What the parser makes of `stream` given in one piece.
std::vector<Outcome> read_whole(std::string_view stream, const RequestLimits& limits = {}) {
  SplitReader reader(limits);
  reader.receive(stream);
  return reader.finish();
}

// The error that ends `stream`, "" if none does.
std::string error_of(std::string_view stream, const RequestLimits& limits = {}) {
  const auto outcomes = read_whole(stream, limits);
  return outcomes.back().error;
}

bool waits(std::string_view stream, const RequestLimits& limits = {}) {
  return read_whole(stream, limits).back().status == ParseStatus::incomplete;
}

// Streams that reach every branch; each is read at every split point.
std::vector<std::string> corpus() {
  using namespace std::string_literals;
  return {
      multibulk({"PING"}),
      multibulk({"GET", "key:0000000001"}),
      multibulk({"SET", "key", std::string(1024, 'v')}),
      multibulk({"SET", "k\r\nk", "\0\xff$5\r\n"s}),
      multibulk({"", "", ""}),
      multibulk(std::vector<std::string>(12, "x")),
      multibulk(std::vector<std::string>(120, "")),
      multibulk({"GET", "a"}) + multibulk({"GET", "b"}) + "PING\r\n" + multibulk({"GET", "c"}),
      "*0\r\n*-1\r\n*-9223372036854775808\r\n" + multibulk({"PING"}),
      "\r\n\n   \r\nPING\nECHO \"a b\"\r\nSET k '' x\n",
      "PING\r\r\nPING \"unfinished\n",
      "*1\r\n$-1\r\n",
      "*1\r\n$+4\r\nPING\r\n",
      "*1\r\n$04\r\nPING\r\n",
      "*1\r\n$ 4\r\nPING\r\n",
      "*1\r\n$4 \r\nPING\r\n",
      "*1\r\n$4\rPING\r\n",
      "*1\r\n$\r\nPING\r\n",
      "*1\r\n$1234\r\nPING\r\n",
      "*1\r\n$4\r\nPINGxx",
      "*1\r\n$4\r\nPING\rx",
      "*1\r\nPING\r\n",
      "*1\r\n:1\r\n",
      "*1\r\n\r\n",
      "*2\r\n$4\r\nPING\r\n*1\r\n",
      "*\r\n",
      "*+1\r\n",
      "*01\r\n",
      "*1a\r\n",
      "*-0\r\n",
      "*1\rx",
      "*00000000000000000000000000000000001\r\n",
      "*2147483647\r\n$1\r\nx\r\n",
      "*2147483648\r\n",
      "*9223372036854775808\r\n",
      "*1\r\n$536870912\r\nx",
      "*1\r\n$536870913\r\nx",
      "*1\r\n$9223372036854775807\r\nx",
      "*1\r\n$9223372036854775808\r\nx",
      "*11\r\n$20000\r\n",
      "*2\r\n$20000\r\nx",
      "*999\r\n$1\r\nx\r\n",
      "*1\r\n$999\r\nx",
      "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s,
      "GET / HTTP/1.1\r\nHost: example\r\n\r\n",
      "\0\0\0\n*\0\r\n"s,
  };
}

// Bounds that the corpus meets, some of them in the middle of a header.
std::vector<RequestLimits> all_limits() {
  std::vector<RequestLimits> all = {RequestLimits(), RequestLimits::unauthenticated()};
  RequestLimits tight;
  tight.max_bulk_bytes = 100;
  tight.max_arguments = 10;
  tight.max_inline_bytes = 32;
  for (const size_t max_request_bytes : {60u, 8u, 7u, 4u}) {
    tight.max_request_bytes = max_request_bytes;
    tight.authenticated = !tight.authenticated;
    all.push_back(tight);
  }
  return all;
}

TEST_CASE("a request is cut into its arguments") {
  RequestParser parser;
  ArgumentList arguments;
  const std::string first = multibulk({"SET", "key", "value"});
  const std::string second = multibulk({"PING"});
  const std::string input = first + second;

  auto result = parser.next(input, {}, arguments);
  CHECK(result.status == ParseStatus::complete);
  CHECK(result.consumed == first.size());
  CHECK(arguments.views == std::vector<std::string_view>{"SET", "key", "value"});

  const auto rest = std::string_view(input).substr(result.consumed);
  result = parser.next(rest, {}, arguments);
  CHECK(result.status == ParseStatus::complete);
  CHECK(result.consumed == second.size());
  // Appended: a batch of requests shares one list.
  CHECK(arguments.views == std::vector<std::string_view>{"SET", "key", "value", "PING"});
}

TEST_CASE("arguments are views into the input, not copies") {
  RequestParser parser;
  ArgumentList arguments;
  const std::string input = multibulk({"GET", "key"});
  REQUIRE(parser.next(input, {}, arguments).status == ParseStatus::complete);
  CHECK(arguments.views[1].data() == input.data() + input.find("key"));
  CHECK(arguments.decoded.empty());
}

TEST_CASE("an argument may hold any bytes") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const auto outcomes = read_whole(multibulk({"SET", all, "\r\n"}));
  CHECK(outcomes[0].arguments == std::vector<std::string>{"SET", all, "\r\n"});
}

TEST_CASE("requests that ask nothing are consumed silently") {
  for (const std::string_view input : {"*0\r\n", "*-1\r\n", "*-10\r\n", "\r\n", "\n", " \t \r\n"}) {
    INFO(input);
    RequestParser parser;
    ArgumentList arguments;
    const auto result = parser.next(input, {}, arguments);
    CHECK(result.status == ParseStatus::empty);
    CHECK(result.consumed == input.size());
    CHECK_FALSE(parser.unfinished());
  }
}

TEST_CASE("errors are worded as Redis words them") {
  const std::string prefix = "ERR Protocol error: ";
  CHECK(error_of("*abc\r\n") == prefix + "invalid multibulk length");
  CHECK(error_of("*2147483648\r\n") == prefix + "invalid multibulk length");
  CHECK(error_of("*1\r\n$abc\r\n") == prefix + "invalid bulk length");
  CHECK(error_of("*1\r\n$-1\r\n") == prefix + "invalid bulk length");
  CHECK(error_of("*1\r\n$536870913\r\n") == prefix + "invalid bulk length");
  CHECK(error_of("*1\r\nfoo\r\n") == prefix + "expected '$', got 'f'");
  CHECK(error_of("*1\r\n\r\n") == prefix + "expected '$', got '\r'");
  CHECK(error_of("SET k \"v\r\n") == prefix + "unbalanced quotes in request");
  CHECK(error_of("*1\r\n$1\r\nxyz") == prefix + "expected CRLF after bulk");
  CHECK(error_of(std::string(65537, 'a')) == prefix + "too big inline request");
  CHECK(error_of("*" + std::string(65536, '1')) == prefix + "too big mbulk count string");
  CHECK(error_of("*1\r\n$" + std::string(65536, '1')) == prefix + "too big bulk count string");
}

TEST_CASE("the last byte allowed is allowed") {
  CHECK(waits(std::string(65536, 'a')));
  CHECK(read_whole(std::string(65536, 'a') + "\n")[0].arguments[0].size() == 65536);
  CHECK(waits("*" + std::string(65535, '1')));
  CHECK(waits("*2147483647\r\n"));
  CHECK(waits("*1\r\n$536870912\r\n"));

  RequestLimits limits;
  const std::string request = multibulk({"GET", "key"});
  limits.max_request_bytes = request.size();
  CHECK(read_whole(request + request, limits).size() == 3);
  limits.max_request_bytes = request.size() - 1;
  CHECK(error_of(request, limits) == "ERR Protocol error: too big request");
}

TEST_CASE("before authentication much less is allowed") {
  const auto limits = RequestLimits::unauthenticated();
  CHECK(waits("*10\r\n", limits));
  CHECK(error_of("*11\r\n", limits) == "ERR Protocol error: unauthenticated multibulk length");
  CHECK(error_of("*2147483648\r\n", limits) == "ERR Protocol error: invalid multibulk length");
  CHECK(waits("*1\r\n$16384\r\n", limits));
  CHECK(error_of("*1\r\n$16385\r\n", limits) == "ERR Protocol error: unauthenticated bulk length");
  CHECK(error_of("*1\r\n$536870913\r\n", limits) == "ERR Protocol error: invalid bulk length");
}

TEST_CASE("limits may be raised in the middle of a stream") {
  RequestParser parser;
  ArgumentList arguments;
  const std::string input = multibulk(std::vector<std::string>(11, "x"));
  CHECK(parser.next(input, RequestLimits::unauthenticated(), arguments).status ==
        ParseStatus::error);
  parser.reset();
  CHECK(parser.next(input, {}, arguments).status == ParseStatus::complete);
  CHECK(arguments.views.size() == 11);
}

TEST_CASE("an unfinished bulk says how much room its request needs") {
  RequestParser parser;
  ArgumentList arguments;
  const std::string header = "*2\r\n$3\r\nGET\r\n$1000\r\n";
  CHECK(parser.next("*2\r\n$3", {}, arguments).status == ParseStatus::incomplete);
  CHECK(parser.bytes_needed() == 0);
  CHECK(parser.unfinished());
  CHECK(parser.next("*2\r\n$3\r\nG", {}, arguments).status == ParseStatus::incomplete);
  CHECK(parser.bytes_needed() == 13);
  CHECK(parser.next(header, {}, arguments).status == ParseStatus::incomplete);
  CHECK(parser.bytes_needed() == header.size() + 1002);
  CHECK(parser.next(header + std::string(1000, 'x') + "\r\n", {}, arguments).status ==
        ParseStatus::complete);
  CHECK(parser.bytes_needed() == 0);
  CHECK_FALSE(parser.unfinished());
}

TEST_CASE("a reset forgets the unfinished request") {
  RequestParser parser;
  ArgumentList arguments;
  CHECK(parser.next("*2\r\n$3\r\nGET\r\n$5", {}, arguments).status == ParseStatus::incomplete);
  parser.reset();
  CHECK_FALSE(parser.unfinished());
  CHECK(parser.next("*1\r\n$4\r\nPING\r\n", {}, arguments).status == ParseStatus::complete);
  CHECK(arguments.views == std::vector<std::string_view>{"PING"});
}

TEST_CASE("a parser stays small: every idle client has one") {
  CHECK(sizeof(RequestParser) <= 48);
}

TEST_CASE("the corpus means what the reference says, in one piece") {
  for (const auto& limits : all_limits()) {
    for (const auto& stream : corpus()) {
      INFO(stream);
      CHECK(read_whole(stream, limits) == read_all(stream, limits));
    }
  }
}

TEST_CASE("the corpus means the same at every split point") {
  for (const auto& limits : all_limits()) {
    for (const auto& stream : corpus()) {
      const auto expected = read_all(stream, limits);
      for (size_t split = 0; split <= stream.size(); ++split) {
        SplitReader reader(limits);
        reader.receive(std::string_view(stream).substr(0, split));
        reader.receive(std::string_view(stream).substr(split));
        if (reader.finish() != expected) FAIL_CHECK("split at " << split << ": " << stream);
      }
    }
  }
}

TEST_CASE("the corpus means the same byte by byte") {
  for (const auto& limits : all_limits()) {
    for (const auto& stream : corpus()) {
      SplitReader reader(limits);
      for (const char byte : stream) reader.receive({&byte, 1});
      INFO(stream);
      CHECK(reader.finish() == read_all(stream, limits));
    }
  }
}

TEST_CASE("overlong lines end in the same error however they arrive") {
  for (const char* start : {"", "*", "*1\r\n$"}) {
    const std::string stream = start + std::string(70000, '7') + "\r\n";
    const auto expected = read_all(stream, {});
    CHECK(read_whole(stream) == expected);
    for (const size_t piece : {9001u, 65536u, 65537u, 65541u, 69999u}) {
      SplitReader reader({});
      for (size_t at = 0; at < stream.size(); at += piece) {
        reader.receive(std::string_view(stream).substr(at, piece));
      }
      CHECK(reader.finish() == expected);
    }
  }
}

// Streams of valid requests with a few bytes changed, cut at random.
TEST_CASE("damaged streams mean what the reference says") {
  std::minstd_rand random(20240607);
  const std::string bytes = "*$0123456789\r\n-+ \"'x";
  const auto every_limit = all_limits();
  for (int round = 0; round < 20000; ++round) {
    std::string stream;
    for (size_t i = random() % 4; i-- > 0;) {
      std::vector<std::string> arguments(1 + random() % 3);
      for (auto& argument : arguments) argument.assign(random() % 14, 'v');
      stream += multibulk(arguments);
    }
    for (size_t i = random() % 3; i-- > 0 && !stream.empty();) {
      stream[random() % stream.size()] = bytes[random() % bytes.size()];
    }
    const auto limits = every_limit[random() % every_limit.size()];
    SplitReader reader(limits);
    for (size_t at = 0; at < stream.size();) {
      const size_t piece = 1 + random() % 20;
      reader.receive(std::string_view(stream).substr(at, piece));
      at += piece;
    }
    if (reader.finish() != read_all(stream, limits))
      FAIL_CHECK("round " << round << ": " << stream);
  }
}

}  // namespace
}  // namespace larder::protocol
