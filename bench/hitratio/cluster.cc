#include "bench/hitratio/cluster.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <unordered_map>

#include "bench/hitratio/settings.h"
#include "bench/load/keys.h"

namespace larder::bench {
namespace {

// Columns of the table, counted from 0.
enum Column : size_t {
  kKeySize = 3,
  kValueSize = 4,
  kRequestRate = 5,
  kTtl = 9,
  kOperation = 12,
  kSkew = 13,
  kColumns = 14
};

constexpr double kLogNormalSigma = 1.0;
constexpr double kMaxValueBytes = 1 << 20;

std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    const std::string part = trimmed(text.substr(0, end));
    if (!part.empty()) parts.push_back(part);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

// "1.8h" in seconds; negative if it is nothing of the kind.
double seconds_of(const std::string& text) {
  char* rest = nullptr;
  const double number = std::strtod(text.c_str(), &rest);
  if (rest == text.c_str()) return -1.0;
  switch (*rest) {
    case 's':
      return number;
    case 'm':
      return number * 60;
    case 'h':
      return number * 3600;
    case 'd':
      return number * 86400;
    default:
      return -1.0;
  }
}

void read_ttls(const std::string& text, ClusterRow& row) {
  for (const std::string& part : split(text, ',')) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) continue;
    const double seconds = seconds_of(part.substr(0, colon));
    const double share = std::atof(part.c_str() + colon + 1);
    if (seconds > 0 && share > 0) row.ttl_seconds.emplace_back(seconds, share);
  }
}

void read_operations(const std::string& text, ClusterRow& row) {
  for (const std::string& part : split(text, ' ')) {
    const size_t colon = part.find(':');
    if (colon == std::string::npos) continue;
    const std::string name = part.substr(0, colon);
    const double share = std::atof(part.c_str() + colon + 1);
    (name == "get" || name == "gets" ? row.reads
     : name == "delete"              ? row.deletes
                                     : row.writes) += share;
  }
}

// A number drawn from shares that need not add up to 1.
double draw(const std::vector<std::pair<double, double>>& shares, Random& random) {
  double all = 0.0;
  for (const auto& [value, share] : shares) all += share;
  double point = random.unit() * all;
  for (const auto& [value, share] : shares) {
    point -= share;
    if (point < 0) return value;
  }
  return shares.back().first;
}

double draw_normal(Random& random) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random.unit()));
  return radius * std::cos(2.0 * 3.14159265358979 * random.unit());
}

void add_key(const ClusterRow& row, Random& random, Trace& trace) {
  // exp(mu + sigma^2 / 2) is the mean.
  const double mu = std::log(row.value_bytes) - kLogNormalSigma * kLogNormalSigma / 2;
  const double size = std::exp(mu + kLogNormalSigma * draw_normal(random));
  trace.value_bytes.push_back(static_cast<uint32_t>(std::min(kMaxValueBytes, std::max(1.0, size))));
  const double ttl = row.ttl_seconds.empty() ? 0.0 : draw(row.ttl_seconds, random);
  trace.ttl_us.push_back(static_cast<uint64_t>(ttl * 1e6));
  ++trace.unique;
}

}  // namespace

bool find_cluster(const std::string& table, size_t number, ClusterRow& row, std::string& error) {
  const std::string name = "cluster" + std::to_string(number);
  for (const std::string& line : split(table, '\n')) {
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() < kColumns || cells[0] != name) continue;
    row = ClusterRow{};
    row.key_bytes = std::atof(cells[kKeySize].c_str());
    row.value_bytes = std::atof(cells[kValueSize].c_str());
    row.requests_per_second = std::atof(cells[kRequestRate].c_str()) * 1000.0;
    row.zipf_skew = std::atof(cells[kSkew].c_str());
    read_ttls(cells[kTtl], row);
    read_operations(cells[kOperation], row);
    if (row.key_bytes > 0 && row.value_bytes > 0 && row.requests_per_second > 0 &&
        row.zipf_skew > 0 && row.reads > 0) {
      return true;
    }
    error = name + " has no skew, no reads, or no sizes";
    return false;
  }
  error = name + " is not in the table";
  return false;
}

bool is_cluster(const std::string& name) {
  return Settings(name).name() == "cluster";
}

bool generate_cluster(const std::string& name, const std::string& table, Trace& trace,
                      std::string& error) {
  Settings settings(name);
  const size_t number = settings.whole("number", 52);
  const size_t keys = settings.whole("keys", 100000);
  const size_t requests = settings.whole("requests", 1000000);
  Random random(settings.whole("seed", 1));
  ClusterRow row;
  error = settings.unknown();
  if (!error.empty() || keys == 0) {
    error = name + ": " + error + " makes no sense";
    return false;
  }
  if (!find_cluster(table, number, row, error)) return false;
  trace = Trace{};
  trace.name = name;
  trace.key_bytes = static_cast<uint32_t>(row.key_bytes);
  const ZipfRanks ranks(keys, row.zipf_skew);
  const std::vector<std::pair<double, double>> verbs = {
      {static_cast<double>(Trace::Verb::get), row.reads},
      {static_cast<double>(Trace::Verb::set), row.writes},
      {static_cast<double>(Trace::Verb::del), row.deletes}};
  std::unordered_map<uint64_t, uint32_t> numbers;
  for (size_t i = 0; i < requests; ++i) {
    const auto [place, fresh] = numbers.try_emplace(ranks.draw(random), trace.unique);
    if (fresh) add_key(row, random, trace);
    trace.keys.push_back(place->second);
    trace.verbs.push_back(static_cast<Trace::Verb>(draw(verbs, random)));
    trace.time_us.push_back(
        static_cast<uint64_t>(static_cast<double>(i) * 1e6 / row.requests_per_second));
  }
  return true;
}

}  // namespace larder::bench
