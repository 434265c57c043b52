// larder-hitratio: describes a trace, asks models about it, or plays it to a server. See
// options.cc.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "bench/hitratio/cluster.h"
#include "bench/hitratio/generate.h"
#include "bench/hitratio/options.h"
#include "bench/hitratio/policy_model.h"
#include "bench/hitratio/reference.h"
#include "bench/hitratio/replay.h"
#include "bench/hitratio/trace.h"

namespace larder::bench {
namespace {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2 };

bool load_trace(const HitRatioOptions& options, Trace& trace, std::string& error) {
  bool done = false;
  if (is_cluster(options.trace)) {
    std::ifstream file(options.statistics, std::ios::binary);
    const std::string table{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    done = generate_cluster(options.trace, table, trace, error);
  } else if (is_generated(options.trace)) {
    done = generate_trace(options.trace, trace, error);
  } else {
    done = read_trace(options.trace, trace, error);
  }
  if (!done) return false;
  if (options.max_requests > 0) shorten(trace, options.max_requests);
  if (trace.unique > UINT32_MAX / options.copies) {
    error = "--copies: too many keys";
    return false;
  }
  if (options.copies > 1) multiply(trace, options.copies);
  if (options.each_key_once) read_each_key_once(trace);
  if (options.value_bytes > 0) {
    trace.value_bytes.clear();
    trace.fixed_value_bytes = options.value_bytes;
  }
  return true;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') result += '\\';
    result += static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte;
  }
  return result + '"';
}

void describe(const Trace& trace) {
  uint64_t gets = 0;
  for (size_t i = 0; i < trace.keys.size(); ++i) gets += trace.verb(i) == Trace::Verb::get;
  uint64_t bytes = 0;
  for (uint32_t key = 0; key < trace.unique; ++key) bytes += trace.object_bytes(key);
  const double seconds =
      trace.time_us.empty() ? 0.0 : static_cast<double>(trace.time_us.back()) / 1e6;
  std::printf(
      "{\"trace\":%s,\"requests\":%zu,\"gets\":%llu,\"unique\":%u,\"object_bytes\":%llu,"
      "\"sized\":%s,\"seconds\":%.3f,\"ttl\":%s}\n",
      quoted(trace.name).c_str(), trace.keys.size(), static_cast<unsigned long long>(gets),
      trace.unique, static_cast<unsigned long long>(bytes),
      trace.value_bytes.empty() ? "false" : "true", seconds,
      trace.ttl_us.empty() ? "false" : "true");
}

bool count_misses(const Trace& trace, const std::string& policy, uint64_t capacity,
                  CapacityUnit unit, MissCount& count, std::string& error) {
  if (policy == "optimum" || policy == "exact-lru") {
    count =
        policy == "optimum" ? clairvoyant(trace, capacity, unit) : exact_lru(trace, capacity, unit);
    return true;
  }
  if (unit != CapacityUnit::objects || !trace.verbs.empty()) {
    error = policy + ": this model knows neither bytes nor writes";
    return false;
  }
  const std::unique_ptr<PolicyModel> model = make_policy(policy, trace.unique, capacity, error);
  if (model == nullptr) return false;
  for (const uint32_t key : trace.keys) {
    ++count.gets;
    if (!model->access(key)) ++count.misses;
  }
  return true;
}

bool ask_models(const HitRatioOptions& options, const Trace& trace, std::string& error) {
  for (const uint64_t capacity : options.capacities) {
    for (const std::string& policy : options.policies) {
      MissCount count;
      if (!count_misses(trace, policy, capacity, options.unit, count, error)) return false;
      std::printf(
          "{\"policy\":%s,\"capacity\":%llu,\"gets\":%llu,\"misses\":%llu,\"miss_ratio\":%.6f}\n",
          quoted(policy).c_str(), static_cast<unsigned long long>(capacity),
          static_cast<unsigned long long>(count.gets),
          static_cast<unsigned long long>(count.misses), count.ratio());
      std::fflush(stdout);
    }
  }
  return true;
}

bool play(const HitRatioOptions& options, const Trace& trace, std::string& error) {
  ReplayOptions how = options.replay;
  if (options.seconds > 0 && !trace.time_us.empty()) {
    how.speed = static_cast<double>(trace.time_us.back()) / 1e6 / options.seconds;
  }
  ReplayResult result;
  if (!replay(trace, how, result, error)) return false;
  const double ratio = result.gets == 0
                           ? 0.0
                           : static_cast<double>(result.misses) / static_cast<double>(result.gets);
  std::printf(
      "{\"gets\":%llu,\"misses\":%llu,\"miss_ratio\":%.6f,\"sets\":%llu,\"refused_sets\":%llu,"
      "\"first_error\":%s,\"seconds\":%.3f,\"kept\":%lld,\"memory\":%s,\"emptied\":%s}\n",
      static_cast<unsigned long long>(result.gets), static_cast<unsigned long long>(result.misses),
      ratio, static_cast<unsigned long long>(result.sets),
      static_cast<unsigned long long>(result.refused_sets), quoted(result.first_error).c_str(),
      result.seconds, static_cast<long long>(result.kept), quoted(result.memory_info).c_str(),
      quoted(result.emptied_info).c_str());
  return true;
}

int run(int argc, const char* const* argv) {
  HitRatioOptions options;
  std::string error;
  if (!parse_hitratio_options(argc, argv, options, error)) {
    std::fprintf(stderr, "larder-hitratio: %s\n", error.c_str());
    return kUsage;
  }
  if (options.help) {
    std::fputs(hitratio_help().c_str(), stdout);
    return kDone;
  }
  Trace trace;
  bool done = load_trace(options, trace, error);
  if (done && options.task == HitRatioOptions::Task::describe) {
    describe(trace);
  } else if (done && options.task == HitRatioOptions::Task::model) {
    done = ask_models(options, trace, error);
  } else if (done) {
    done = play(options, trace, error);
  }
  if (!done) std::fprintf(stderr, "larder-hitratio: %s\n", error.c_str());
  return done ? kDone : kFailed;
}

}  // namespace
}  // namespace larder::bench

int main(int argc, char** argv) {
  return larder::bench::run(argc, argv);
}
