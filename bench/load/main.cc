// larder-load: joins the pieces. Fill, warm up, measure, report.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/endpoint.h"
#include "bench/load/generator.h"
#include "bench/load/options.h"
#include "bench/load/process_cpu.h"
#include "bench/load/report.h"
#include "bench/load/samples.h"

namespace larder::bench {
namespace {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNoServer = 3, kNoRing = 4 };

constexpr uint32_t kFillPipeline = 64;

volatile std::sig_atomic_t stop_asked = 0;  // the only way out of a signal handler

// A second signal ends the program as usual.
void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int complain(ExitCode code, const std::string& reason) {
  std::fprintf(stderr, "larder-load: %s\n", reason.c_str());
  return code;
}

bool pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<std::string> setup_requests(const Options& options) {
  std::vector<std::string> requests;
  for (const std::string& command : options.setup) {
    requests.push_back(options.protocol == WireProtocol::memcached
                           ? command + "\r\n"
                           : resp_template(split_words(command), options.keys, {}).bytes);
  }
  return requests;
}

RequestMaker make_load(const Options& options) {
  const std::string value = make_value(options.value_bytes, options.seed);
  std::vector<RequestMaker::Choice> choices;
  if (options.load == Options::Load::command) {
    choices.push_back({resp_template(options.command, options.keys, value), 1});
  } else {
    choices.push_back(
        {verb_template(options.verb, options.protocol, options.keys, value), options.get_weight});
    if (options.set_weight != 0) {
      choices.push_back(
          {verb_template(Verb::set, options.protocol, options.keys, value), options.set_weight});
    }
  }
  return {std::move(choices),
          KeyChooser(options.distribution, options.keys.key_count, options.seed),
          options.keys.digits(), options.seed + 1};
}

// How many keys the server holds, asked on a connection of its own; -1 and `error`.
int64_t ask_key_count(const Options& options, std::string& error) {
  const int fd = connect_to(options.endpoint, error);
  if (fd < 0) return -1;
  const int timeout_ms = static_cast<int>(options.timeout_seconds * 1000);
  bool ready = true;
  for (const std::string& request : setup_requests(options)) {
    std::string reply;
    ready = ready && exchange(fd, options.protocol, request, timeout_ms, reply, error);
  }
  const int64_t keys = ready ? count_keys(fd, options.protocol, timeout_ms, error) : -1;
  close(fd);
  return keys;
}

// Sets every key once, and sees that the server then holds at least as many, and exactly as many
// when it was empty before. Empty when all is well, else what went wrong.
std::string fill(Generator& generator, const Options& options) {
  std::string error;
  const int64_t before = ask_key_count(options, error);
  if (before < 0) return error;
  const bool counters = options.load == Options::Load::verbs && options.verb == Verb::incr;
  const std::string value = counters ? "0" : make_value(options.value_bytes, options.seed);
  RequestMaker maker(
      {{verb_template(Verb::set, options.protocol, options.keys, value), 1}},
      KeyChooser({Distribution::Kind::sequential, 0.0}, options.keys.key_count, options.seed),
      options.keys.digits(), options.seed);
  PhaseSpec spec;
  spec.maker = &maker;
  spec.pipeline = kFillPipeline;
  spec.max_requests = options.keys.key_count;
  spec.silence_ns = options.timeout_seconds * kNsPerSecond;
  const PhaseResult result = generator.run(spec);
  if (!result.failure.empty()) return result.failure;
  if (result.counts.errors != 0) return result.first_error;
  const int64_t after = ask_key_count(options, error);
  if (after < 0) return error;
  const auto wanted = static_cast<int64_t>(options.keys.key_count);
  if (after < wanted || (before == 0 && after != wanted)) {
    return "the server holds " + std::to_string(after) + " keys, not " + std::to_string(wanted);
  }
  return {};
}

int measure(Generator& generator, const Options& options) {
  RequestMaker maker = make_load(options);
  PhaseSpec spec;
  spec.maker = &maker;
  spec.pipeline = options.pipeline;
  spec.requests_per_second = options.requests_per_second;
  spec.burst = options.burst;
  spec.silence_ns = options.timeout_seconds * kNsPerSecond;
  spec.stop = &stop_asked;
  stop_on_signals();
  if (options.warmup_seconds > 0.0) {
    spec.duration_ns = static_cast<uint64_t>(options.warmup_seconds * 1e9);
    const PhaseResult warmup = generator.run(spec);
    if (!warmup.failure.empty()) return complain(kFailed, warmup.failure);
  }
  spec.max_requests = options.max_requests;
  spec.duration_ns = options.max_requests != 0 ? 0 : static_cast<uint64_t>(options.seconds * 1e9);

  std::vector<Sample> samples;
  if (!options.samples_path.empty()) spec.samples = &samples;
  RunReport report;
  report.options = &options;
  const auto cpu_before = process_cpu_ns(options.server_pid);
  report.measured = generator.run(spec);
  const auto cpu_after = process_cpu_ns(options.server_pid);
  if (!report.measured.failure.empty()) return complain(kFailed, report.measured.failure);
  if (options.server_pid >= 0) {
    if (!cpu_before || !cpu_after) return complain(kFailed, "--pid: no such process");
    report.server_cpu_ns = *cpu_after - *cpu_before;
  }
  std::string error;
  if (spec.samples != nullptr && !write_samples(options.samples_path, samples, error)) {
    return complain(kFailed, "--samples: " + error);
  }
  const std::string text = options.json ? json_report(report) : human_report(report);
  std::fputs(text.c_str(), stdout);
  if (report.measured.counts.errors != 0 && !options.allow_errors) {
    return complain(kFailed, "error replies: " + report.measured.first_error);
  }
  return kDone;
}

int run(int argc, const char* const* argv) {
  Options options;
  std::string error;
  if (!parse_options(argc, argv, options, error)) return complain(kUsage, error);
  if (options.help) {
    std::fputs(help_text().c_str(), stdout);
    return kDone;
  }
  if (options.cpu >= 0 && !pin_to(options.cpu)) {
    return complain(kUsage, std::string("--cpu: ") + std::strerror(errno));
  }
  prctl(PR_SET_TIMERSLACK, 1UL);  // open loop: wake when the next request is due, not 50 us later
  raise_descriptor_limit();

  Generator generator(options.endpoint, options.protocol);
  if (!generator.open_ring(error)) return complain(kNoRing, error);
  const int timeout_ms = static_cast<int>(options.timeout_seconds * 1000);
  if (!generator.connect(options.connections, setup_requests(options), timeout_ms, error)) {
    return complain(kNoServer, options.endpoint.to_string() + ": " + error);
  }
  if (options.fill) {
    const std::string failure = fill(generator, options);
    if (!failure.empty()) return complain(kFailed, "fill: " + failure);
  }
  return options.load == Options::Load::none ? kDone : measure(generator, options);
}

}  // namespace
}  // namespace larder::bench

int main(int argc, char** argv) {
  return larder::bench::run(argc, argv);
}
