#include "bench/hitratio/options.h"

#include <charconv>
#include <limits>
#include <string_view>
#include <system_error>

namespace larder::bench {
namespace {

template <typename Number>
bool read_whole(std::string_view text, uint64_t least, Number& number) {
  uint64_t value = 0;
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || rest != text.data() + text.size() || value < least) return false;
  if (value > static_cast<uint64_t>(std::numeric_limits<Number>::max())) return false;
  number = static_cast<Number>(value);
  return true;
}

bool read_positive(std::string_view text, double& number) {
  const auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && rest == text.data() + text.size() && number > 0;
}

bool read_option(std::string_view name, std::string_view value, HitRatioOptions& options) {
  if (name == "--trace") {
    options.trace = value;
  } else if (name == "--statistics") {
    options.statistics = value;
  } else if (name == "--policy") {
    options.policies.emplace_back(value);
  } else if (name == "--capacity") {
    return read_whole(value, 1, options.capacities.emplace_back());
  } else if (name == "--unit") {
    options.unit = value == "bytes" ? CapacityUnit::bytes : CapacityUnit::objects;
    return value == "bytes" || value == "objects";
  } else if (name == "--requests") {
    return read_whole(value, 1, options.max_requests);
  } else if (name == "--value-bytes") {
    return read_whole(value, 1, options.value_bytes);
  } else if (name == "--copies") {
    return read_whole(value, 1, options.copies);
  } else if (name == "--play") {
    options.each_key_once = value == "keys";
    return value == "keys" || value == "requests";
  } else if (name == "--port") {
    return read_whole(value, 1, options.replay.port);
  } else if (name == "--window") {
    return read_whole(value, 1, options.replay.window);
  } else if (name == "--read") {
    options.replay.read_values = value == "get";
    return value == "get" || value == "strlen";
  } else if (name == "--at-end") {
    options.replay.flush_at_end = value == "flush";
    return value == "flush" || value == "leave";
  } else if (name == "--clock-speed") {
    return read_positive(value, options.replay.clock_speed);
  } else if (name == "--seconds") {
    return read_positive(value, options.seconds);
  } else {
    return false;
  }
  return !value.empty();
}

}  // namespace

bool parse_hitratio_options(int argc, const char* const* argv, HitRatioOptions& options,
                            std::string& error) {
  int at = 1;
  const std::string_view task = argc > 1 ? argv[1] : "";
  if (task == "describe" || task == "model" || task == "replay") {
    options.task = task == "describe" ? HitRatioOptions::Task::describe
                   : task == "model"  ? HitRatioOptions::Task::model
                                      : HitRatioOptions::Task::replay;
    ++at;
  } else if (task != "--help") {
    error = "first word: describe, model or replay";
    return false;
  }
  while (at < argc) {
    if (std::string_view(argv[at]) == "--help") {
      options.help = true;
      return true;
    }
    if (at + 1 == argc || !read_option(argv[at], argv[at + 1], options)) {
      error = std::string(argv[at]) + ": no such option, or its value makes no sense";
      return false;
    }
    at += 2;
  }
  if (options.trace.empty()) {
    error = "--trace is missing";
  } else if (options.task == HitRatioOptions::Task::replay && options.replay.port == 0) {
    error = "--port is missing";
  } else if (options.task == HitRatioOptions::Task::model &&
             (options.policies.empty() || options.capacities.empty())) {
    error = "--policy or --capacity is missing";
  }
  return error.empty();
}

std::string hitratio_help() {
  return "larder-hitratio: one trace, one question; an answer is one line of JSON.\n"
         "bench/hitratio/hitratio asks all of them and starts the servers.\n"
         "\n"
         "larder-hitratio describe --trace T         how many requests, keys, bytes\n"
         "larder-hitratio model --trace T ...        what models of caches miss\n"
         "larder-hitratio replay --trace T --port P  what the server on 127.0.0.1 misses\n"
         "\n"
         "--trace NAME        *.lis, *.trace, perhaps .zst or .xz; or generated: zipf:..., "
         "scan-zipf:...,\n"
         "                    shift:..., loop:... (generate.h), cluster:... (cluster.h)\n"
         "--statistics FILE   the table that clusters are drawn from\n"
         "--requests N        only the first N\n"
         "--copies N          every request N times, each time for a key of its own (1)\n"
         "--play requests|keys  keys: instead of the trace, a read of each of its keys (requests)\n"
         "--value-bytes N     every value has this size (as the trace says, else 64)\n"
         "model:\n"
         "--policy NAME       optimum, exact-lru, or one of policy_model.h; may be repeated\n"
         "--capacity N        may be repeated\n"
         "--unit objects|bytes  of the capacities; bytes only for optimum and exact-lru (objects)\n"
         "replay:\n"
         "--port N\n"
         "--window N          requests in one batch (64)\n"
         "--read strlen|get   how to read (strlen)\n"
         "--at-end leave|flush  flush: empties the server and says what it uses then (leave)\n"
         "--clock-speed X     the server's clock runs so many times too fast (1)\n"
         "--seconds S         a trace with times is played in so much time, times to live with it\n"
         "\n"
         "exit codes: 0 done, 1 failed, 2 wrong command line\n";
}

}  // namespace larder::bench
