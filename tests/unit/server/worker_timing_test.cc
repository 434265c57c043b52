// Which commands a worker times, and that SLOWLOG, LATENCY and INFO hear of it. The clock is the
// test's: each reading is later than the one before by what the test says.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "tests/support/worker_desk.h"

namespace larder::server {
namespace {

using support::Peer;
using support::Words;
using support::WorkerDesk;

// Advances by `step_ns` with every reading, but by `next_ns` once with the next but `after`.
struct TestClock {
  int64_t now_ns = 0;
  int64_t step_ns = 100;
  int64_t next_ns = 0;
  int after = 0;
  uint64_t readings = 0;

  int64_t read() {
    ++readings;
    const bool is_next = next_ns > 0 && after-- == 0;
    now_ns += is_next ? std::exchange(next_ns, 0) : step_ns;
    return now_ns;
  }
};

class TimedDesk {
 public:
  explicit TimedDesk(config::Config config = {}, unsigned workers = 1)
      : clock_(std::make_shared<TestClock>()),
        desk_(workers, std::move(config), services(clock_)) {}

  TestClock& clock() { return *clock_; }
  WorkerDesk& desk() { return desk_; }
  Peer& client() {
    if (client_ == nullptr) client_ = &desk_.connect();
    return *client_;
  }
  std::string ask(const Words& words) { return desk_.ask(client(), words); }
  // So often in one turn, in one piece.
  void ask_at_once(const Words& words, int times) {
    std::string one = "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
      one += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    std::string all;
    for (int i = 0; i < times; ++i) all += one;
    desk_.say(client(), all);
    desk_.settle();
    client().take();
  }
  // The value of a field of INFO.
  std::string info(const std::string& section, const std::string& field) {
    const std::string text = ask({"INFO", section});
    const size_t at = text.find("\r\n" + field);
    if (at == std::string::npos) return "";
    const size_t begin = at + 2 + field.size();
    return text.substr(begin, text.find("\r\n", begin) - begin);
  }

 private:
  static NodeServices services(std::shared_ptr<TestClock> clock) {
    NodeServices services;
    services.precise_ns = [clock] { return clock->read(); };
    return services;
  }

  std::shared_ptr<TestClock> clock_;
  WorkerDesk desk_;
  Peer* client_ = nullptr;
};

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("a slow command is logged with its client, whether it is timed by itself or not") {
  TimedDesk timed;
  timed.ask({"CLIENT", "SETNAME", "me"});
  CHECK(timed.ask({"SLOWLOG", "LEN"}) == ":0\r\n");
  timed.clock().step_ns = 20'000'000;
  timed.ask({"KEYS", "*"});
  timed.clock().step_ns = 100;
  const std::string entry = timed.ask({"SLOWLOG", "GET"});
  CHECK(
      entry.starts_with("*1\r\n*6\r\n:0\r\n:1700000000\r\n:20000\r\n*2\r\n$4\r\nKEYS\r\n$1\r\n*"));
  CHECK(entry.ends_with("$14\r\n127.0.0.1:5000\r\n$2\r\nme\r\n"));
  timed.ask({"SLOWLOG", "RESET"});
  CHECK(timed.ask({"SLOWLOG", "LEN"}) == ":0\r\n");

  // Long after every GET was timed: this one most likely is not.
  timed.ask_at_once({"GET", "k"}, 1000);
  timed.clock().step_ns = 20'000'000;
  timed.ask({"GET", "slow"});
  timed.clock().step_ns = 100;
  const std::string log = timed.ask({"SLOWLOG", "GET"});
  CHECK(log.find("*2\r\n$3\r\nGET\r\n$4\r\nslow\r\n") != std::string::npos);
  CHECK(occurrences(log, "$3\r\nGET\r\n") == 1);
}

TEST_CASE("of a slow group of cheap commands, all are logged, with a note") {
  TimedDesk timed;
  timed.ask_at_once({"GET", "k"}, 1000);
  timed.clock().step_ns = 0;
  // Only the group as a whole is seen to take long: not the first reading, which begins it.
  timed.clock().next_ns = 50'000'000;
  timed.clock().after = 1;
  timed.ask_at_once({"GET", "suspect"}, 5);
  const std::string log = timed.ask({"SLOWLOG", "GET", "-1"});
  if (log.find("requests that took this long together") != std::string::npos) {
    CHECK(occurrences(log, "... (one of 5 requests that took this long together)") == 5);
    CHECK(occurrences(log, "suspect") == 5);
    CHECK(occurrences(log, ":50000\r\n") == 5);
  } else {
    // The first of the five happened to be timed by itself.
    CHECK(occurrences(log, "suspect") == 1);
  }
}

TEST_CASE("EXEC is logged by its commands, not as itself; MULTI's replies do not count") {
  config::Config config;
  config.slowlog_log_slower_than_us = 0;
  TimedDesk timed(config);
  timed.ask({"MULTI"});
  timed.ask({"SET", "a", "1"});
  timed.ask({"INCR", "a"});
  timed.ask({"EXEC"});
  const std::string log = timed.ask({"SLOWLOG", "GET"});
  CHECK(log.starts_with("*3\r\n"));
  const size_t incr = log.find("INCR"), set = log.find("SET"), multi = log.find("MULTI");
  CHECK(incr < set);
  CHECK(set < multi);
  CHECK(multi != std::string::npos);
  CHECK(log.find("EXEC") == std::string::npos);
}

TEST_CASE("slowlog-log-slower-than and slowlog-max-len can be changed; -1 logs nothing") {
  TimedDesk timed;
  timed.clock().step_ns = 1000;
  timed.ask({"CONFIG", "SET", "slowlog-log-slower-than", "0", "slowlog-max-len", "3"});
  timed.ask_at_once({"PING"}, 50);
  CHECK(timed.ask({"SLOWLOG", "LEN"}) == ":3\r\n");
  timed.ask({"CONFIG", "SET", "slowlog-log-slower-than", "-1"});
  timed.ask({"SLOWLOG", "RESET"});
  timed.ask_at_once({"PING"}, 50);
  CHECK(timed.ask({"SLOWLOG", "LEN"}) == ":0\r\n");
}

TEST_CASE("of cheap commands one in 128 is timed, of others each") {
  TimedDesk timed;
  timed.ask_at_once({"GET", "k"}, 1000);
  const uint64_t before = timed.clock().readings;
  timed.ask_at_once({"GET", "k"}, 64'000);
  const uint64_t for_cheap = timed.clock().readings - before;
  // Two readings each, and one for each group of 8.
  CHECK(for_cheap > 64'000 / 8 + 2 * 400);
  CHECK(for_cheap < 64'000 / 8 + 2 * 600 + 100);
  timed.ask_at_once({"MGET", "k"}, 1000);
  CHECK(timed.clock().readings - before - for_cheap >= 2000);
}

TEST_CASE("times in INFO: of calls that were timed and of those they stand for") {
  TimedDesk timed;
  timed.clock().step_ns = 3000;
  timed.ask_at_once({"GET", "k"}, 6400);
  timed.ask_at_once({"MGET", "k"}, 10);
  CHECK(timed.info("commandstats", "cmdstat_get:") ==
        "calls=6400,usec=19200,usec_per_call=3.00,rejected_calls=0,failed_calls=0");
  CHECK(timed.info("commandstats", "cmdstat_mget:") ==
        "calls=10,usec=30,usec_per_call=3.00,rejected_calls=0,failed_calls=0");
  // 3000 ns lie in the bucket that ends at 3071.
  CHECK(timed.info("latencystats", "latency_percentiles_usec_get:") ==
        "p50=3.071,p99=3.071,p99.9=3.071");
  CHECK(timed.ask({"LATENCY", "HISTOGRAM", "mget", "nonsense"}) ==
        "*2\r\n$4\r\nmget\r\n*4\r\n$5\r\ncalls\r\n:10\r\n$14\r\nhistogram_usec\r\n"
        "*2\r\n:4\r\n:10\r\n");
  const std::string of_get = timed.ask({"LATENCY", "HISTOGRAM", "GET"});
  CHECK(of_get.find("calls\r\n:6400\r\n") != std::string::npos);
  CHECK(of_get.ends_with("*2\r\n:4\r\n:6400\r\n"));

  timed.ask({"CONFIG", "SET", "latency-tracking-info-percentiles", "0 100"});
  CHECK(timed.info("latencystats", "latency_percentiles_usec_mget:") == "p0=3.071,p100=3.071");
  timed.ask({"CONFIG", "RESETSTAT"});
  CHECK(timed.info("commandstats", "cmdstat_get:") == "");
  CHECK(timed.info("latencystats", "latency_percentiles_usec_mget:") == "");
  timed.ask({"CONFIG", "SET", "latency-tracking", "no"});
  timed.ask({"MGET", "k"});
  CHECK(timed.info("latencystats", "latency_percentiles_usec_mget:") == "");
}

TEST_CASE("LATENCY remembers what took as long as its threshold, of each kind") {
  TimedDesk timed;
  timed.clock().step_ns = 30'000'000;
  timed.ask({"KEYS", "*"});
  CHECK(timed.ask({"LATENCY", "LATEST"}) == "*0\r\n");
  timed.ask({"CONFIG", "SET", "latency-monitor-threshold", "20"});
  timed.ask({"KEYS", "*"});
  timed.ask({"GET", "k"});
  timed.clock().step_ns = 100;
  const std::string latest = timed.ask({"LATENCY", "LATEST"});
  CHECK(latest.find("$7\r\ncommand\r\n:1700000000\r\n:30\r\n:30\r\n") != std::string::npos);
  // Its group took longer than it did by itself: each reading of this clock takes 30 ms.
  CHECK(latest.find("$12\r\nfast-command\r\n:1700000000\r\n:60\r\n:60\r\n") != std::string::npos);
  CHECK(latest.find("$12\r\nexpire-cycle\r\n:1700000000\r\n:30\r\n:30\r\n") != std::string::npos);
  CHECK(timed.ask({"LATENCY", "HISTORY", "command"}) == "*1\r\n*2\r\n:1700000000\r\n:30\r\n");
  CHECK(timed.ask({"LATENCY", "RESET", "command", "nonsense"}) == ":1\r\n");
  CHECK(timed.ask({"LATENCY", "HISTORY", "command"}) == "*0\r\n");
}

TEST_CASE("errors are counted by their codes") {
  TimedDesk timed;
  timed.ask({"GET"});
  timed.ask({"INCRBY", "k", "x"});
  timed.ask({"HELLO", "9"});
  timed.ask({"MULTI"});
  timed.ask({"NOPE"});
  timed.ask({"EXEC"});
  CHECK(timed.info("errorstats", "errorstat_ERR:") == "count=3");
  CHECK(timed.info("errorstats", "errorstat_NOPROTO:") == "count=1");
  CHECK(timed.info("errorstats", "errorstat_EXECABORT:") == "count=1");
}

}  // namespace larder::server
