// The load generator's parts: what they count must be true, or every figure is wrong.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/keys.h"
#include "bench/load/options.h"
#include "bench/load/reply_scanner.h"
#include "bench/load/request_maker.h"

using namespace larder::bench;

namespace {

struct Scanned {
  bool ok = true;
  ReplyCounts counts;
  std::string error;
};

Scanned scan_in_pieces(WireProtocol protocol, const std::string& bytes, size_t piece) {
  ReplyScanner scanner(protocol);
  Scanned scanned;
  for (size_t at = 0; at < bytes.size() && scanned.ok; at += piece) {
    scanned.ok = scanner.scan(std::string_view(bytes).substr(at, piece), scanned.counts);
  }
  scanned.error = scanner.error_text();
  return scanned;
}

// The same counts however the stream is cut.
void check_stream(WireProtocol protocol, const std::string& bytes, ReplyCounts wanted) {
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Scanned scanned = scan_in_pieces(protocol, bytes, piece);
    INFO("pieces of " << piece << " of " << bytes);
    REQUIRE(scanned.ok);
    REQUIRE(scanned.counts.replies == wanted.replies);
    REQUIRE(scanned.counts.errors == wanted.errors);
    REQUIRE(scanned.counts.nils == wanted.nils);
  }
}

bool refuses(WireProtocol protocol, const std::string& bytes) {
  return !scan_in_pieces(protocol, bytes, bytes.size()).ok &&
         !scan_in_pieces(protocol, bytes, 1).ok;
}

bool parses(std::vector<const char*> arguments, Options& options, std::string& error) {
  arguments.insert(arguments.begin(), "larder-load");
  return parse_options(static_cast<int>(arguments.size()), arguments.data(), options, error);
}

}  // namespace

TEST_CASE("RESP replies are counted however the stream is cut") {
  const auto resp = WireProtocol::resp;
  check_stream(resp, "+OK\r\n:12\r\n$5\r\nhello\r\n", {3, 0, 0});
  check_stream(resp, "$0\r\n\r\n+OK\r\n", {2, 0, 0});
  check_stream(resp, "$-1\r\n*-1\r\n_\r\n", {3, 0, 3});
  check_stream(resp, "-ERR no\r\n!5\r\nERR x\r\n+OK\r\n", {3, 2, 0});
  check_stream(resp, "$9\r\n+OK\r\n:1\r\n\r\n+OK\r\n", {2, 0, 0});
  check_stream(resp, "#t\r\n,1.5\r\n(12345\r\n=6\r\ntxt:ab\r\n", {4, 0, 0});
}

TEST_CASE("RESP aggregates are one reply each, pushes none") {
  const auto resp = WireProtocol::resp;
  check_stream(resp, "*0\r\n%0\r\n~0\r\n", {3, 0, 0});
  check_stream(resp, "*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n+OK\r\n", {2, 0, 0});
  check_stream(resp, "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n-ERR inside\r\n$-1\r\n", {2, 0, 1});
  check_stream(resp, ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n+OK\r\n>0\r\n:1\r\n", {2, 0, 0});
  check_stream(resp, "|1\r\n+ttl\r\n:5\r\n$2\r\nab\r\n|1\r\n+ttl\r\n:5\r\n_\r\n", {2, 0, 1});
}

TEST_CASE("bytes that are not RESP are refused") {
  const auto resp = WireProtocol::resp;
  REQUIRE(refuses(resp, "hello\r\n"));
  REQUIRE(refuses(resp, "\r\n"));
  REQUIRE(refuses(resp, "$x\r\n"));
  REQUIRE(refuses(resp, "$-2\r\n"));
  REQUIRE(refuses(resp, "*99999999999999999999\r\n"));
  REQUIRE(refuses(resp, "$3\r\nabcdef\r\n"));
  REQUIRE(refuses(resp, "$3\r\nabc\n\n"));
  REQUIRE(refuses(resp, "+OK\n"));
}

TEST_CASE("the first error's text is kept, its beginning if it is long") {
  const std::string reply = "-ERR " + std::string(1000, 'x') + "\r\n-ERR second\r\n";
  for (const size_t piece : {size_t{1}, size_t{7}, reply.size()}) {
    const Scanned scanned = scan_in_pieces(WireProtocol::resp, reply, piece);
    REQUIRE(scanned.ok);
    REQUIRE(scanned.counts.errors == 2);
    REQUIRE(scanned.error.substr(0, 9) == "ERR xxxxx");
    REQUIRE(scanned.error.size() <= 200);
  }
}

TEST_CASE("memcached replies are counted however the stream is cut") {
  const auto memcached = WireProtocol::memcached;
  check_stream(memcached, "STORED\r\nVALUE k 0 5\r\nhello\r\nEND\r\nEND\r\n", {3, 0, 1});
  check_stream(memcached, "VALUE k 0 5\r\nEND\r\n\r\nEND\r\n7\r\nNOT_FOUND\r\n", {3, 0, 1});
  check_stream(memcached, "ERROR\r\nSERVER_ERROR out of memory\r\nSTORED\r\n", {3, 2, 0});
  REQUIRE(refuses(memcached, "VALUE k 0\r\n"));
  REQUIRE(refuses(memcached, "VALUE k 0 2\r\nabcd\r\n"));
}

TEST_CASE("a histogram's percentiles are at most 1/64 above the exact ones, never below") {
  LatencyHistogram histogram;
  REQUIRE(histogram.value_at(50) == 0);
  Random random(7);
  std::vector<uint64_t> values;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t value = random.next() >> (24 + random.below(40));  // over 40 powers of two
    values.push_back(value);
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.1, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank =
        static_cast<size_t>(std::ceil(percent / 100.0 * static_cast<double>(values.size()) - 1e-9));
    const uint64_t exact = values[std::max<size_t>(rank, 1) - 1];
    const uint64_t found = histogram.value_at(percent);
    INFO(percent << " %: exact " << exact << ", found " << found);
    REQUIRE(found >= exact);
    REQUIRE(found <= exact + exact / 64);
  }
  REQUIRE(histogram.max_ns() == values.back());
  REQUIRE(histogram.count() == values.size());
}

TEST_CASE("a histogram counts repeated and huge values") {
  LatencyHistogram histogram;
  histogram.record(10, 99);
  histogram.record(uint64_t{1} << 60);
  REQUIRE(histogram.count() == 100);
  REQUIRE(histogram.value_at(99) == 10);
  REQUIRE(histogram.max_ns() == uint64_t{1} << 60);
}

TEST_CASE("uniform keys cover everything evenly") {
  KeyChooser keys({Distribution::Kind::uniform, 0.0}, 100, 3);
  std::vector<int> seen(100);
  for (int i = 0; i < 100'000; ++i) ++seen.at(keys.next());
  const auto [least, most] = std::minmax_element(seen.begin(), seen.end());
  REQUIRE(*least > 800);
  REQUIRE(*most < 1200);
}

TEST_CASE("sequential keys visit each once per round") {
  KeyChooser keys({Distribution::Kind::sequential, 0.0}, 5, 1);
  for (int round = 0; round < 2; ++round) {
    for (uint64_t key = 0; key < 5; ++key) REQUIRE(keys.next() == key);
  }
}

TEST_CASE("zipf ranks have their weights") {
  for (const double skew : {0.5, 0.99, 1.0, 1.2, 2.0}) {
    constexpr uint64_t kRanks = 1000;
    constexpr int kDraws = 400'000;
    const ZipfRanks ranks(kRanks, skew);
    Random random(11);
    std::vector<double> seen(kRanks + 1);
    for (int i = 0; i < kDraws; ++i) seen.at(ranks.draw(random)) += 1.0 / kDraws;
    double weights = 0.0;
    for (uint64_t rank = 1; rank <= kRanks; ++rank) {
      weights += std::pow(static_cast<double>(rank), -skew);
    }
    REQUIRE(seen[0] == 0.0);
    for (const size_t rank : std::vector<size_t>{1, 2, 3, 10, 30}) {
      const double wanted = std::pow(static_cast<double>(rank), -skew) / weights;
      INFO("skew " << skew << " rank " << rank);
      REQUIRE(seen[rank] == Approx(wanted).epsilon(0.15).margin(2e-4));
    }
  }
}

TEST_CASE("zipf keys are scattered over the key numbers and in range") {
  KeyChooser keys({Distribution::Kind::zipf, 0.99}, 1000, 5);
  std::map<uint64_t, int> seen;
  for (int i = 0; i < 100'000; ++i) ++seen[keys.next()];
  REQUIRE(seen.rbegin()->first < 1000);
  REQUIRE(seen.size() > 900);
  std::vector<std::pair<int, uint64_t>> popular;
  for (const auto& [key, times] : seen) popular.emplace_back(times, key);
  std::sort(popular.rbegin(), popular.rend());
  const uint64_t first = popular[0].second;
  const uint64_t second = popular[1].second;
  REQUIRE((first > second ? first - second : second - first) > 1);
}

TEST_CASE("requests are encoded with every key hole found") {
  const KeyFormat keys{"k:", 8, 1000};
  REQUIRE(keys.digits() == 3);
  RequestMaker maker({{resp_template({"MSET", "a{key}", "{value}", "{key}", "x"}, keys, "vv"), 1}},
                     KeyChooser({Distribution::Kind::sequential, 0.0}, 1000, 1), keys.digits(), 1);
  std::string buffer(maker.bytes_for(2), '\0');
  maker.prepare(buffer.data(), 2);
  REQUIRE(maker.write(buffer.data(), 2) == buffer.size());
  const auto request = [](const char* first, const char* second) {
    return "*5\r\n$4\r\nMSET\r\n$9\r\nak:000" + std::string(first) + "\r\n$2\r\nvv\r\n$8\r\nk:000" +
           second + "\r\n$1\r\nx\r\n";
  };
  REQUIRE(buffer == request("000", "001") + request("002", "003"));
}

TEST_CASE("a request of several commands is one of all their bytes and replies") {
  const KeyFormat keys{"k", 4, 10};
  const RequestTemplate request =
      resp_template({"MULTI", ";", "GET", "{key}", ";", "EXEC"}, keys, {});
  REQUIRE(request.replies == 3);
  REQUIRE(request.bytes ==
          "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$4\r\nk000\r\n*1\r\n$4\r\nEXEC\r\n");
  REQUIRE(request.digits_at == std::vector<size_t>{request.bytes.find("k000") + 3});
}

TEST_CASE("a mix draws by weight and packs requests of different length") {
  const KeyFormat keys{"", 4, 10};
  const auto resp = WireProtocol::resp;
  RequestMaker maker({{verb_template(Verb::get, resp, keys, "value"), 3},
                      {verb_template(Verb::set, resp, keys, "value"), 1}},
                     KeyChooser({Distribution::Kind::uniform, 0.0}, 10, 1), keys.digits(), 1);
  constexpr size_t kCount = 4000;
  std::string buffer(maker.bytes_for(kCount), '\0');
  maker.prepare(buffer.data(), kCount);
  buffer.resize(maker.write(buffer.data(), kCount));
  // Requests are arrays of bulks, so the scanner can count them.
  const Scanned scanned = scan_in_pieces(resp, buffer, buffer.size());
  REQUIRE(scanned.ok);
  REQUIRE(scanned.counts.replies == kCount);
  size_t sets = 0;
  for (size_t at = buffer.find("SET"); at != std::string::npos; at = buffer.find("SET", at + 1)) {
    ++sets;
  }
  REQUIRE(sets > 800);
  REQUIRE(sets < 1200);
}

TEST_CASE("memcached requests") {
  const KeyFormat keys{"k", 4, 10};
  const auto memcached = WireProtocol::memcached;
  REQUIRE(verb_template(Verb::get, memcached, keys, "v").bytes == "get k000\r\n");
  REQUIRE(verb_template(Verb::set, memcached, keys, "vw").bytes == "set k000 0 0 2\r\nvw\r\n");
  REQUIRE(verb_template(Verb::incr, memcached, keys, "v").bytes == "incr k000 1\r\n");
  REQUIRE(verb_template(Verb::set, memcached, keys, "vw").digits_at == std::vector<size_t>{7});
}

TEST_CASE("words are split at blanks, quotes hold them together") {
  using Words = std::vector<std::string>;
  REQUIRE(split_words("HSET  {key} f \"a b\"") == Words{"HSET", "{key}", "f", "a b"});
  REQUIRE(split_words("SET k \"\"") == Words{"SET", "k", ""});
  REQUIRE(split_words("  ").empty());
  REQUIRE(split_words("SET k \"open").empty());
}

TEST_CASE("options that make sense are taken") {
  Options options;
  std::string error;
  REQUIRE(
      parses({"--port", "7000", "--load=mix:9:1", "--distribution", "zipf:0.99", "--rate", "1e5",
              "--requests", "1000", "--json", "--setup", "AUTH x", "--setup", "SELECT 1"},
             options, error));
  REQUIRE(options.endpoint.port == 7000);
  REQUIRE(options.get_weight == 9);
  REQUIRE(options.set_weight == 1);
  REQUIRE(options.distribution.skew == Approx(0.99));
  REQUIRE(options.requests_per_second == Approx(1e5));
  REQUIRE(options.max_requests == 1000);
  REQUIRE(options.json);
  REQUIRE(options.setup.size() == 2);
}

TEST_CASE("options that make no sense are refused by name") {
  const std::vector<std::vector<const char*>> refused = {
      {"--port", "0"},         {"--port", "70000"},      {"--connections", "-1"},
      {"--pipeline", "0"},     {"--seconds", "fast"},    {"--distribution", "zipf:"},
      {"--load", "mix:1"},     {"--load", "mix:0:1"},    {"--protocol", "http"},
      {"--requests"},          {"--nonsense"},           {"--json=yes"},
      {"--command", "\"open"}, {"--rate", "nan"},        {"--key-bytes", "5"},
      {"--load", "none"},      {"--value-bytes", "1e3"}, {"--keys", "0"},
      {"--burst", "2"},        {"--samples", "file"},    {"--burst", "2", "--rate", "10"},
  };
  for (const auto& arguments : refused) {
    Options options;
    std::string error;
    INFO(arguments.front());
    REQUIRE_FALSE(parses(arguments, options, error));
    REQUIRE(error.find(std::string(arguments.front()).substr(0, 6)) != std::string::npos);
  }
}
