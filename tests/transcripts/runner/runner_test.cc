// The runner must be trusted before what it says about a server is: reader, patterns, scripts, and
// a player against a transport that answers from a list.
#include <catch2/catch.hpp>
#include <deque>

#include "tests/transcripts/runner/player.h"

namespace larder::transcripts {
namespace {

Value value_of(std::string_view bytes) {
  Value value;
  const ReadResult read = read_value(bytes, value);
  REQUIRE(read.status == ReadStatus::complete);
  REQUIRE(read.size == bytes.size());
  return value;
}

Pattern pattern_of(const std::string& text) {
  Cursor cursor(text);
  Pattern pattern;
  INFO(text << ": " << cursor.message());
  REQUIRE(parse_pattern(cursor, pattern));
  return pattern;
}

bool matches(const std::string& pattern, std::string_view bytes, Reading reading = Reading::exact) {
  Variables variables{{"id", "7"}};
  return !match(pattern_of(pattern), value_of(bytes), reading, variables);
}

bool parses(const std::string& body, Transcript& transcript, std::string& error) {
  return parse_transcript("file", "# proves: it\n" + body, {}, transcript, error);
}

// Answers every request with the next line of a list, whatever was asked.
class ScriptedTransport : public Transport {
 public:
  explicit ScriptedTransport(std::deque<std::string> replies) : replies_(std::move(replies)) {}

  bool open(std::string_view) override { return true; }
  void close(std::string_view) override {}
  bool send(std::string_view connection, std::string_view bytes) override {
    sent += bytes;
    if (connection == "control") {
      control_ = bytes.find("INFO") != bytes.npos
                     ? "$32\r\n# Server\r\nredis_version:7.0.15\r\n\r\n"
                 : bytes.find("PING") != bytes.npos ? "+PONG\r\n"
                                                    : "+OK\r\n";
    }
    return true;
  }
  Arrival receive(std::string_view connection, int64_t wait_ms, std::string& bytes) override {
    if (connection == "control") {
      if (control_.empty()) return Arrival::timeout;
      bytes += control_;
      control_.clear();
      return Arrival::bytes;
    }
    if (wait_ms == 0) return Arrival::timeout;
    if (replies_.empty()) return Arrival::closed;
    bytes += replies_.front();
    replies_.pop_front();
    return Arrival::bytes;
  }
  void pause(int64_t duration_ms) override { paused_ms += duration_ms; }
  bool has_simulated_time() const override { return false; }
  void advance(int64_t) override {}

  std::string sent;
  int64_t paused_ms = 0;

 private:
  std::deque<std::string> replies_;
  std::string control_;
};

Outcome play(const std::string& scene, ScriptedTransport& transport) {
  Transcript transcript;
  std::string error;
  const bool good = parses("scene s\nresp2\n" + scene, transcript, error);
  INFO(error);
  REQUIRE(good);
  return Player(transport, PlayerOptions{}).play(transcript);
}

TEST_CASE("reader cuts every type at every split point") {
  const std::string bytes =
      "*9\r\n+OK\r\n-ERR "
      "x\r\n:-5\r\n$4\r\na\r\nb\r\n$-1\r\n_\r\n#t\r\n%1\r\n,1.5\r\n=5\r\ntxt:v\r\n"
      ">1\r\n*-1\r\n";
  Value value;
  for (size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE(read_value(std::string_view(bytes).substr(0, size), value).status ==
            ReadStatus::incomplete);
  }
  value = value_of(bytes);
  CHECK(render(value) ==
        "[+\"OK\", -\"ERR x\", :-5, $\"a\\r\\nb\", $-1, _, #t, {,1.5: =txt\"v\"}, >[*-1]]");
  CHECK(matches(render(value), bytes));
}

TEST_CASE("reader refuses what is not RESP") {
  for (const char* bytes : {"OK\r\n", "+OK\n", ":1a\r\n", ":\r\n", ":01\r\n", "$01\r\na\r\n",
                            "$-2\r\n", "$1\r\nabc", "*-2\r\n", "#x\r\n", "_x\r\n", "~-1\r\n",
                            "+a\rb\r\n", "=2\r\nab\r\n", ":99999999999999999999\r\n"}) {
    Value value;
    INFO(bytes);
    CHECK(read_value(bytes, value).status == ReadStatus::malformed);
  }
}

TEST_CASE("patterns match what they say and nothing else") {
  CHECK(matches("+OK", "+OK\r\n"));
  CHECK_FALSE(matches("+OK", "+OKAY\r\n"));
  CHECK_FALSE(matches("+OK", "$2\r\nOK\r\n"));
  CHECK(matches("-ERR a, b ]", "-ERR a, b ]\r\n"));
  CHECK(matches("-/ERR .*/", "-ERR a\r\n"));
  CHECK_FALSE(matches("-/ERR/", "-ERR a\r\n"));
  CHECK(matches(":<1..10>", ":10\r\n"));
  CHECK(matches(":<..-1>", ":-3\r\n"));
  CHECK_FALSE(matches(":<1..10>", ":11\r\n"));
  CHECK(matches(":${id}", ":7\r\n"));
  CHECK(matches(":<${id+1}..${id+3}>", ":9\r\n"));
  CHECK_FALSE(matches(":<${id+1}..>", ":7\r\n"));
  CHECK(matches("$\"a\\x00\"*2", std::string_view("$4\r\na\0a\0\r\n", 10)));
  CHECK(matches("$\"id=${id}\"", "$4\r\nid=7\r\n"));
  CHECK(matches("$lines[\"a:1\", /b:[0-9]+/]", "$10\r\na:1\r\nb:22\n\r\n"));
  CHECK_FALSE(matches("$lines[\"a:\"]", "$10\r\na:1\r\nb:22\n\r\n"));
  CHECK(matches("[:1, [], any]", "*3\r\n:1\r\n*0\r\n_\r\n"));
  CHECK_FALSE(matches("[:1]", "*2\r\n:1\r\n:2\r\n"));
  CHECK(matches("[:1, ...]", "*2\r\n:1\r\n:2\r\n"));
  CHECK_FALSE(matches("[:1, :2, ...]", "*1\r\n:1\r\n"));
  CHECK_FALSE(matches("$-1", "*-1\r\n"));
  CHECK(matches("any", "*-1\r\n"));
}

TEST_CASE("unordered patterns give every pattern an element of its own") {
  CHECK(matches("unordered[any, :1]", "*2\r\n:1\r\n:2\r\n"));
  CHECK(matches("unordered[:<1..2>, :1]", "*2\r\n:1\r\n:2\r\n"));
  CHECK_FALSE(matches("unordered[:1, :1]", "*2\r\n:1\r\n:2\r\n"));
  CHECK_FALSE(matches("unordered[:1]", "*2\r\n:1\r\n:2\r\n"));
  CHECK(matches("unordered[:2, ...]", "*2\r\n:1\r\n:2\r\n"));
  CHECK(matches("{$\"b\": :2, $\"a\": :1}", "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n"));
  CHECK_FALSE(matches("{$\"b\": :1, $\"a\": :2}", "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n"));
}

TEST_CASE("a reading translates between dialects, exact does not") {
  CHECK(matches("{$\"a\": :1}", "*2\r\n$1\r\na\r\n:1\r\n", Reading::in_resp2));
  CHECK_FALSE(matches("{$\"a\": :1}", "*2\r\n$1\r\na\r\n:1\r\n"));
  CHECK_FALSE(matches("{$\"a\": :1}", "*2\r\n$1\r\na\r\n:1\r\n", Reading::in_resp3));
  CHECK(matches("pairs[[:1, :2], [:3, :4]]", "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", Reading::in_resp2));
  CHECK_FALSE(matches("pairs[[:1, :2]]", "*2\r\n:1\r\n:3\r\n", Reading::in_resp2));
  CHECK_FALSE(matches("pairs[[:1, :2]]", "*2\r\n:1\r\n:2\r\n", Reading::in_resp3));
  CHECK(matches("pairs[[:1, :2]]", "*1\r\n*2\r\n:1\r\n:2\r\n", Reading::in_resp3));
  CHECK(matches("$-1", "_\r\n", Reading::in_resp3));
  CHECK_FALSE(matches("$-1", "_\r\n"));
  CHECK_FALSE(matches("$-1", "$-1\r\n", Reading::in_resp3));
  CHECK(matches("#t", ":1\r\n", Reading::in_resp2));
  CHECK_FALSE(matches("#f", ":1\r\n", Reading::in_resp2));
}

TEST_CASE("scripts that make no sense are refused with their line") {
  Transcript transcript;
  std::string error;
  CHECK_FALSE(parse_transcript("file", "scene a\nc> PING\n", {}, transcript, error));
  CHECK(error.find("proves") != std::string::npos);
  for (const char* body :
       {"c> PING\n", "scene a\nc< [:1\n", "scene a\nscene a\n", "scene a\nwithin 5s c> PING\n",
        "scene a\nc PING\n", "scene a\nc> \"x\n", "scene a\nc< $/(/\n", "scene a\neach V: 1\n",
        "scene a\nend\n", "scene a\nonly redis\n", "scene a\nadvance 5\n", "scene a\nc< [:1, ]]\n",
        "scene a\nconfig a b\n", "scene a\nc< ?\n"}) {
    INFO(body);
    CHECK_FALSE(parses(body, transcript, error));
    CHECK(error.substr(0, 5) == "file:");
  }
}

TEST_CASE("scripts: each is unrolled, guards and conditions are kept") {
  Transcript transcript;
  std::string error;
  REQUIRE(
      parses("config requirepass x y\nscene a\nonly larder: newer\neach V: 1 \"2 3\"\n"
             "redis: c> ECHO ${V}\nc< [\n:1,\n:2]\nend\n",
             transcript, error));
  REQUIRE(transcript.config.size() == 1);
  CHECK(transcript.config[0].second == "x y");
  const Scene& scene = transcript.scenes[0];
  CHECK(scene.condition.kind == Condition::Kind::only);
  REQUIRE(scene.steps.size() == 6);
  CHECK(scene.steps[3].kind == Step::Kind::bind);
  CHECK(scene.steps[3].raw.expand({}) == "2 3");
  CHECK(scene.steps[1].condition.product == Product::redis);
  CHECK(scene.steps[2].pattern.items.size() == 2);
}

TEST_CASE("player: requests go out as RESP, replies are compared, captures come back") {
  ScriptedTransport transport({":5\r\n", "$1\r\n6\r\n", "+X\r\n"});
  const Outcome outcome = play(
      "c> INCR k\nc< :<1..9> as n\nlarder: c> NEVER\nc> GET ${n+1}\nc< $\"${n+1}\"\nc> A\nc< +Y\n",
      transport);
  CHECK(transport.sent.find("*2\r\n$3\r\nGET\r\n$1\r\n6\r\n") != std::string::npos);
  CHECK(transport.sent.find("NEVER") == std::string::npos);
  CHECK(outcome.replies_checked == 3);
  REQUIRE(outcome.failures.size() == 1);
  CHECK(outcome.failures[0].line == 10);
}

TEST_CASE("player: a repeated request waits for its condition, and not for ever") {
  ScriptedTransport good({":1\r\n", ":1\r\n", ":0\r\n"});
  CHECK(play("within 1s c> EXISTS k\nc< :0\n", good).failures.empty());
  CHECK(good.paused_ms > 0);
  ScriptedTransport bad(std::deque<std::string>(1000, ":1\r\n"));
  CHECK(play("within 1s c> EXISTS k\nc< :0\n", bad).failures.size() == 1);
  CHECK(bad.paused_ms == 1000);
}

TEST_CASE("player: silence, surplus and a lost connection are failures") {
  ScriptedTransport lost({});
  CHECK(play("c> PING\nc< +PONG\n", lost).failures.size() == 1);
  ScriptedTransport closed({});
  CHECK(play("c> QUIT\nc< closed\n", closed).failures.empty());
  ScriptedTransport surplus({"+PONG\r\n+PONG\r\n"});
  CHECK(play("c> PING\nc< +PONG\n", surplus).failures.size() == 1);
  ScriptedTransport malformed({"PONG\r\n"});
  CHECK(play("c> PING\nc< +PONG\n", malformed).failures.size() == 1);
}

TEST_CASE("player: what only the simulator can is skipped and said") {
  ScriptedTransport transport({});
  const Outcome outcome = play("advance 10s\nc> PING\nc< +PONG\n", transport);
  CHECK(outcome.failures.empty());
  REQUIRE(outcome.skips.size() == 1);
  CHECK(outcome.scenes_played == 0);
}

}  // namespace
}  // namespace larder::transcripts
