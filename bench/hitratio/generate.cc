#include "bench/hitratio/generate.h"

#include "bench/hitratio/key_numbering.h"
#include "bench/hitratio/settings.h"
#include "bench/load/keys.h"

namespace larder::bench {
namespace {

struct Shape {
  uint64_t keys;
  uint64_t requests;
  double skew;
  uint64_t seed;
  uint64_t scan_percent;
  uint64_t scan_length;
  uint64_t shift_every;
};

void make_zipf(const Shape& shape, Trace& trace) {
  Random random(shape.seed);
  const ZipfRanks ranks(shape.keys, shape.skew);
  KeyNumbering numbering(trace);
  uint64_t next_scan_key = uint64_t{1} << 40;
  uint64_t scan_left = 0;
  // A scan begins with such a chance that scans have their share of the requests.
  const double share = static_cast<double>(shape.scan_percent) / 100.0;
  const double begin =
      share > 0.0 ? share / (1.0 - share) / static_cast<double>(shape.scan_length) : 0.0;
  for (uint64_t i = 0; i < shape.requests; ++i) {
    if (scan_left == 0 && begin > 0.0 && random.unit() < begin) scan_left = shape.scan_length;
    if (scan_left > 0) {
      --scan_left;
      numbering.add(next_scan_key++);
      continue;
    }
    uint64_t rank = ranks.draw(random);
    if (shape.shift_every > 0) rank += i / shape.shift_every * (shape.keys / 4);
    numbering.add(rank);
  }
}

void make_loop(const Shape& shape, Trace& trace) {
  KeyNumbering numbering(trace);
  for (uint64_t i = 0; i < shape.requests; ++i) numbering.add(i % shape.keys);
}

}  // namespace

bool is_generated(const std::string& name) {
  const std::string kind = Settings(name).name();
  return kind == "zipf" || kind == "scan-zipf" || kind == "loop" || kind == "shift";
}

bool generate_trace(const std::string& name, Trace& trace, std::string& error) {
  trace = Trace{};
  trace.name = name;
  Settings settings(name);
  Shape shape{};
  shape.keys = settings.whole("keys", 100000);
  shape.requests = settings.whole("requests", 1000000);
  shape.skew = settings.number("skew", 1.0);
  shape.seed = settings.whole("seed", 1);
  const std::string& kind = settings.name();
  if (kind == "scan-zipf") {
    shape.scan_percent = settings.whole("scan", 20);
    shape.scan_length = settings.whole("length", 10000);
  }
  if (kind == "shift") shape.shift_every = settings.whole("every", 200000);
  error = settings.unknown();
  if (error.empty() && (shape.keys == 0 || shape.skew <= 0.0)) error = "keys or skew";
  if (error.empty() && (shape.scan_percent > 99 || (kind == "scan-zipf" && !shape.scan_length))) {
    error = "scan or length";
  }
  if (!error.empty()) {
    error = name + ": " + error + " makes no sense";
    return false;
  }
  kind == "loop" ? make_loop(shape, trace) : make_zipf(shape, trace);
  return true;
}

}  // namespace larder::bench
