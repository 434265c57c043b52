#include "bench/load/options.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace larder::bench {
namespace {

constexpr uint64_t kMaxConnections = 100'000;
constexpr uint64_t kMaxPipeline = 65'536;
constexpr uint64_t kMaxValueBytes = uint64_t{512} << 20;
constexpr uint64_t kMaxBufferBytes = uint64_t{4} << 30;  // of all connections' requests
constexpr uint64_t kMaxWeight = 1'000'000;
constexpr double kMaxSeconds = 1e6;

bool read_number(std::string_view text, uint64_t smallest, uint64_t largest, uint64_t& value) {
  const char* const end = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), end, value);
  return failure == std::errc{} && at == end && value >= smallest && value <= largest;
}

template <typename Number>
bool read_into(std::string_view text, uint64_t smallest, uint64_t largest, Number& value) {
  uint64_t number = 0;
  if (!read_number(text, smallest, largest, number)) return false;
  value = static_cast<Number>(number);
  return true;
}

// strtod, because not every supported standard library has from_chars for double.
bool read_real(const std::string& text, double smallest, double largest, double& value) {
  char* end = nullptr;
  errno = 0;
  value = std::strtod(text.c_str(), &end);
  return errno == 0 && !text.empty() && *end == '\0' && std::isfinite(value) && value >= smallest &&
         value <= largest;
}

bool read_distribution(const std::string& text, Distribution& distribution) {
  if (text == "uniform") {
    distribution = {};
    return true;
  }
  if (text == "sequential") {
    distribution = {.kind = Distribution::Kind::sequential, .skew = 0.0};
    return true;
  }
  if (text.rfind("zipf:", 0) != 0) return false;
  distribution.kind = Distribution::Kind::zipf;
  return read_real(text.substr(5), 0.01, 10.0, distribution.skew);
}

// get | set | incr | none | mix:GETS:SETS
bool read_load(const std::string& text, Options& options) {
  options.load_text = text;
  options.load = text == "none" ? Options::Load::none : Options::Load::verbs;
  options.get_weight = 1;
  options.set_weight = 0;
  options.verb = text == "set" ? Verb::set : text == "incr" ? Verb::incr : Verb::get;
  if (text == "none" || text == "get" || text == "set" || text == "incr") return true;
  if (text.rfind("mix:", 0) != 0) return false;
  const std::string_view ratio = std::string_view(text).substr(4);
  const size_t colon = ratio.find(':');
  return colon != std::string_view::npos &&
         read_into(ratio.substr(0, colon), 1, kMaxWeight, options.get_weight) &&
         read_into(ratio.substr(colon + 1), 1, kMaxWeight, options.set_weight);
}

bool read_command(const std::string& text, Options& options) {
  options.load = Options::Load::command;
  options.load_text = text;
  options.command = split_words(text);
  return !options.command.empty();
}

bool read_setup(const std::string& text, Options& options) {
  options.setup.push_back(text);
  return !split_words(text).empty();
}

bool read_protocol(const std::string& text, Options& options) {
  options.protocol = text == "memcached" ? WireProtocol::memcached : WireProtocol::resp;
  return text == "memcached" || text == "resp";
}

struct Option {
  const char* name;
  const char* argument;  // nullptr: a switch
  const char* help;
  bool (*read)(const std::string& text, Options& options);
};

using Text = const std::string&;

constexpr Option kOptions[] = {
    {"--host", "NAME", "server's address (127.0.0.1)",
     [](Text text, Options& o) { return !(o.endpoint.host = text).empty(); }},
    {"--port", "N", "server's port (6379)",
     [](Text text, Options& o) { return read_into(text, 1, 65535, o.endpoint.port); }},
    {"--unix", "PATH", "a Unix socket instead of host and port",
     [](Text text, Options& o) { return !(o.endpoint.unix_path = text).empty(); }},
    {"--protocol", "P", "resp or memcached (its text protocol) (resp)", read_protocol},
    {"--setup", "COMMAND", "sent on every connection first, e.g. 'AUTH secret'; may be repeated",
     read_setup},
    {"--connections", "N", "(50)",
     [](Text text, Options& o) { return read_into(text, 1, kMaxConnections, o.connections); }},
    {"--pipeline", "N", "most requests unanswered per connection (1)",
     [](Text text, Options& o) { return read_into(text, 1, kMaxPipeline, o.pipeline); }},
    {"--requests", "N", "measure exactly so many requests",
     [](Text text, Options& o) { return read_into(text, 1, uint64_t{1} << 50, o.max_requests); }},
    {"--seconds", "S", "measure for so long, when --requests is not given (5)",
     [](Text text, Options& o) { return read_real(text, 0.001, kMaxSeconds, o.seconds); }},
    {"--warmup", "S", "the same load for so long before measuring (0)",
     [](Text text, Options& o) { return read_real(text, 0.0, kMaxSeconds, o.warmup_seconds); }},
    {"--rate", "R",
     "open loop: so many requests a second over all connections, each due at its own\n"
     "time; latency counts from then. A server that cannot keep up gets all of them late,\n"
     "and the run lasts longer. Without it: closed loop",
     [](Text text, Options& o) { return read_real(text, 0.01, 1e9, o.requests_per_second); }},
    {"--burst", "N",
     "open loop: requests come due in groups of N, each group on one connection (1)",
     [](Text text, Options& o) { return read_into(text, 1, kMaxPipeline, o.burst); }},
    {"--samples", "FILE",
     "open loop: for every request three 64-bit numbers of this machine: when it was due,\n"
     "sent and answered, in ns of CLOCK_MONOTONIC",
     [](Text text, Options& o) { return !(o.samples_path = text).empty(); }},
    {"--timeout", "S", "give up when no reply came for so long (10)",
     [](Text text, Options& o) { return read_into(text, 1, 3600, o.timeout_seconds); }},
    {"--load", "LOAD", "get, set, incr, mix:GETS:SETS (e.g. mix:9:1) or none (get)", read_load},
    {"--command", "TEMPLATE",
     "any other command (RESP), e.g. 'HSET {key} field {value}'; every {key} is a key of\n"
     "its own; \"...\" holds a word together. A word ; ends a command: what follows is\n"
     "sent with it, and counts as the same request",
     read_command},
    {"--fill", nullptr,
     "first SET every key once (to the value; to 0 when the load is incr) and see by\n"
     "DBSIZE (memcached: curr_items) that all are there",
     [](Text, Options& o) { return o.fill = true; }},
    {"--keys", "N", "how many keys (1000000)",
     [](Text text, Options& o) {
       return read_into(text, 1, KeyChooser::kMaxKeys, o.keys.key_count);
     }},
    {"--key-prefix", "TEXT", "what keys begin with (key:)",
     [](Text text, Options& o) {
       o.keys.prefix = text;
       return text.size() <= 1024;
     }},
    {"--key-bytes", "N", "length of a key: prefix, zeros, number (16)",
     [](Text text, Options& o) { return read_into(text, 1, 65'536, o.keys.key_bytes); }},
    {"--distribution", "D",
     "uniform, sequential, or zipf:S (the key of rank r with weight 1/r^S; ranks are\n"
     "scattered over the key numbers) (uniform)",
     [](Text text, Options& o) { return read_distribution(text, o.distribution); }},
    {"--value-bytes", "N", "(64)",
     [](Text text, Options& o) { return read_into(text, 0, kMaxValueBytes, o.value_bytes); }},
    {"--seed", "N", "of keys, mixes and values (1)",
     [](Text text, Options& o) { return read_into(text, 0, UINT64_MAX, o.seed); }},
    {"--cpu", "N", "run on this core only",
     [](Text text, Options& o) { return read_into(text, 0, 1023, o.cpu); }},
    {"--pid", "N", "server's process: report its CPU time per operation",
     [](Text text, Options& o) { return read_into(text, 1, 1 << 30, o.server_pid); }},
    {"--json", nullptr, "one JSON object instead of text",
     [](Text, Options& o) { return o.json = true; }},
    {"--allow-errors", nullptr, "error replies do not make the run fail",
     [](Text, Options& o) { return o.allow_errors = true; }},
    {"--help", nullptr, "this text", [](Text, Options& o) { return o.help = true; }},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

bool check_together(const Options& options, std::string& error) {
  if (!options.keys.fits()) {
    error = "--key-bytes " + std::to_string(options.keys.key_bytes) + " is too short for \"" +
            options.keys.prefix + "\" and " + std::to_string(options.keys.digits()) + " digits";
  } else if (options.load == Options::Load::command &&
             options.protocol == WireProtocol::memcached) {
    error = "--command speaks RESP only";
  } else if (options.load == Options::Load::none && !options.fill) {
    error = "--load none does nothing without --fill";
  } else if (options.requests_per_second <= 0.0 &&
             (options.burst > 1 || !options.samples_path.empty())) {
    error =
        std::string(options.burst > 1 ? "--burst" : "--samples") + " is for an open loop: --rate";
  } else if (options.burst > options.pipeline) {
    error = "--burst must not be more than --pipeline";
  } else if (uint64_t{options.connections} * options.pipeline *
                 (options.value_bytes + options.keys.key_bytes + 64) >
             kMaxBufferBytes) {
    error = "--connections x --pipeline x --value-bytes needs more than 4 GiB of request buffers";
  }
  return error.empty();
}

}  // namespace

bool parse_options(int argc, const char* const* argv, Options& options, std::string& error) {
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    std::string argument;
    const size_t equals = name.find('=');
    const bool attached = name.rfind("--", 0) == 0 && equals != std::string::npos;
    if (attached) {
      argument = name.substr(equals + 1);
      name.resize(equals);
    }
    const Option* const option = find_option(name);
    if (option == nullptr) {
      error = "unknown option " + name + "; --help lists them";
      return false;
    }
    if (option->argument == nullptr && attached) {
      error = name + " takes no argument";
      return false;
    }
    if (option->argument != nullptr && !attached) {
      if (i + 1 == argc) {
        error = name + " needs an argument";
        return false;
      }
      argument = argv[++i];
    }
    if (!option->read(argument, options)) {
      error = name + ": '" + argument + "' is not " + option->argument + " as --help describes it";
      return false;
    }
  }
  return options.help || check_together(options, error);
}

std::string help_text() {
  constexpr size_t kColumn = 26;
  std::string text =
      "larder-load: a load generator for RESP servers and memcached\n\n"
      "usage: larder-load [option ...]\n\n";
  for (const Option& option : kOptions) {
    std::string line("  ");
    line += option.name;
    if (option.argument != nullptr) line.append(" ").append(option.argument);
    line.resize(std::max(line.size() + 1, kColumn), ' ');
    for (const char byte : std::string_view(option.help)) {
      line += byte;
      if (byte == '\n') line.append(kColumn, ' ');
    }
    text += line + "\n";
  }
  return text +
         "\nSIGINT and SIGTERM end the measurement early: it reports what there is.\n"
         "exit: 0 done; 1 the run failed, or there were error replies; 2 options make no sense;\n"
         "      3 cannot connect; 4 io_uring cannot be used on this machine\n";
}

}  // namespace larder::bench
