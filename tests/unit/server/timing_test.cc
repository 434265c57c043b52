// What is kept about how long commands take: histograms, the slow log, latency events, and which
// arguments are kept out of sight.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "server/latency_history.h"
#include "server/redaction.h"
#include "server/slow_log.h"
#include "server/time_histogram.h"

namespace larder::server {
namespace {

using Words = std::vector<std::string>;

Words kept(const Words& words, std::string_view note = {}) {
  const std::vector<std::string_view> arguments(words.begin(), words.end());
  return shortened(arguments, note);
}

SlowEntry took(int64_t duration_us) {
  SlowEntry entry;
  entry.duration_us = duration_us;
  return entry;
}

}  // namespace

TEST_CASE("a histogram answers no less than the percentile, and at most a sixteenth more") {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50; ++round) {
    TimeHistogram histogram;
    std::vector<int64_t> values;
    for (int i = 0; i < 300; ++i) {
      const auto value = static_cast<int64_t>(random() >> (24 + random() % 40));
      values.push_back(std::min(value, TimeHistogram::kLongestNs));
      histogram.add(value, 1);
    }
    std::sort(values.begin(), values.end());
    CHECK(histogram.total() == 300);
    for (double percentile : {0.1, 50.0, 99.0, 100.0}) {
      const auto rank = static_cast<size_t>(std::ceil(percentile / 100 * 300));
      const int64_t exact = values[rank - 1];
      const int64_t answered = histogram.percentile_ns(percentile);
      CHECK(answered >= exact);
      CHECK(answered <= exact + exact / 16);
    }
    for (unsigned power = 4; power < 40; ++power) {
      const auto below = std::lower_bound(values.begin(), values.end(), int64_t{1} << power);
      CHECK(histogram.calls_below_power(power) == static_cast<uint64_t>(below - values.begin()));
    }
    CHECK(histogram.calls_below_power(40) == 300);
  }
}

TEST_CASE("a value may stand for several calls, and histograms add up") {
  TimeHistogram one;
  one.add(5, 99);
  TimeHistogram other;
  other.add(1'000'000, 1);
  one.add(other);
  CHECK(one.total() == 100);
  CHECK(one.percentile_ns(99) == 5);
  CHECK(one.percentile_ns(100) >= 1'000'000);
  CHECK(one.calls_below_power(10) == 99);
  CHECK(TimeHistogram().percentile_ns(50) == 0);
}

TEST_CASE("the slow log keeps 32 arguments of 128 bytes, and says what it left out") {
  CHECK(kept({"GET", "k"}) == Words{"GET", "k"});
  CHECK(kept({"ECHO", std::string(128, 'x')}) == Words{"ECHO", std::string(128, 'x')});
  CHECK(kept({"ECHO", std::string(130, 'x')}) ==
        Words{"ECHO", std::string(128, 'x') + "... (2 more bytes)"});
  Words many(32, "k");
  CHECK(kept(many) == many);
  many.emplace_back("last");
  Words expected(31, "k");
  expected.emplace_back("... (2 more arguments)");
  CHECK(kept(many) == expected);
  CHECK(kept({"GET", "k"}, "a note") == Words{"GET", "k", "a note"});
}

TEST_CASE("the slow log keeps the newest entries and counts on after it was emptied") {
  SlowLog log;
  for (int i = 0; i < 5; ++i) log.add(took(i), 3);
  CHECK(log.size() == 3);
  const std::vector<SlowEntry> entries = log.newest(2);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].id == 4);
  CHECK(entries[0].duration_us == 4);
  CHECK(entries[1].id == 3);
  log.clear();
  CHECK(log.size() == 0);
  log.add({}, 3);
  CHECK(log.newest(10)[0].id == 5);
  log.add({}, 0);
  CHECK(log.size() == 0);
}

TEST_CASE("passwords are never kept, however the command is written") {
  CHECK(kept({"aUtH", "secret"}) == Words{"aUtH", "(redacted)"});
  CHECK(kept({"AUTH", "user", "secret", "more"}) ==
        Words{"AUTH", "(redacted)", "(redacted)", "(redacted)"});
  CHECK(kept({"HELLO", "3", "SETNAME", "me", "auth", "user", "secret", "SETNAME", "me"}) ==
        Words{"HELLO", "3", "SETNAME", "me", "auth", "(redacted)", "(redacted)", "SETNAME", "me"});
  CHECK(kept({"HELLO", "3", "AUTH", "secret"}) == Words{"HELLO", "3", "AUTH", "(redacted)"});
  CHECK(kept({"CONFIG", "SET", "port", "1", "RequirePass", "secret"}) ==
        Words{"CONFIG", "SET", "port", "1", "RequirePass", "(redacted)"});
  CHECK(kept({"CONFIG", "GET", "requirepass"}) == Words{"CONFIG", "GET", "requirepass"});
  CHECK(kept({"SET", "auth", "value"}) == Words{"SET", "auth", "value"});
}

TEST_CASE("latency events: the longest of each second, the 160 newest seconds, the longest ever") {
  LatencyHistory history;
  CHECK(history.latest().empty());
  history.add(LatencyKind::command, {.at_unix_s = 10, .duration_ms = 5});
  history.add(LatencyKind::command, {.at_unix_s = 10, .duration_ms = 50});
  history.add(LatencyKind::command, {.at_unix_s = 10, .duration_ms = 7});
  for (int second = 11; second < 11 + 160; ++second) {
    history.add(LatencyKind::command, {.at_unix_s = second, .duration_ms = 1});
  }
  history.add(LatencyKind::expire_cycle, {.at_unix_s = 3, .duration_ms = 2});
  const std::vector<LatencySample> samples = history.samples("command");
  REQUIRE(samples.size() == 160);
  CHECK(samples.front().at_unix_s == 11);
  CHECK(samples.back().at_unix_s == 170);
  const auto latest = history.latest();
  REQUIRE(latest.size() == 2);
  CHECK(latest[0].sample.at_unix_s == 170);
  CHECK(latest[0].sample.duration_ms == 1);
  CHECK(latest[0].longest_ms == 50);
  CHECK(name_of(latest[1].kind) == "expire-cycle");

  CHECK(history.samples("Command").empty());
  CHECK_FALSE(history.reset("eviction-cycle"));
  CHECK(history.reset("command"));
  CHECK_FALSE(history.reset("command"));
  CHECK(history.reset() == 1);
  CHECK(history.latest().empty());
}

}  // namespace larder::server
