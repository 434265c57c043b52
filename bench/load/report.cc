#include "bench/load/report.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace larder::bench {
namespace {

__attribute__((format(printf, 2, 3))) void append(std::string& text, const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  text += buffer;
}

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double per_second(const PhaseResult& phase) {
  return 1e9 * ratio(phase.answered, phase.elapsed_ns);
}

double to_us(uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char byte : text) {
    if (byte == '"' || byte == '\\') out += '\\';
    if (static_cast<unsigned char>(byte) < 0x20 || static_cast<unsigned char>(byte) > 0x7e) {
      append(out, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
    } else {
      out += byte;
    }
  }
  return out + "\"";
}

}  // namespace

std::string human_report(const RunReport& report) {
  const PhaseResult& phase = report.measured;
  const Options& options = *report.options;
  std::string text;
  append(text, "%s, %u connections, pipeline %u, %" PRIu64 " keys, %zu-byte values, %s\n",
         options.load_text.substr(0, 200).c_str(), options.connections, options.pipeline,
         options.keys.key_count, options.value_bytes,
         options.requests_per_second > 0.0 ? "open loop" : "closed loop");
  append(text, "  requests      %" PRIu64 " in %.3f s: %.0f per second\n", phase.answered,
         static_cast<double>(phase.elapsed_ns) / 1e9, per_second(phase));
  append(text, "  latency, us   p50 %.1f  p99 %.1f  p99.9 %.1f  max %.1f  mean %.1f\n",
         to_us(phase.latency.value_at(50)), to_us(phase.latency.value_at(99)),
         to_us(phase.latency.value_at(99.9)), to_us(phase.latency.max_ns()),
         phase.latency.mean_ns() / 1e3);
  if (report.server_cpu_ns) {
    append(text, "  server CPU    %.3f us per request, %.0f %% of a core\n",
           ratio(*report.server_cpu_ns, phase.answered) / 1e3,
           100.0 * ratio(*report.server_cpu_ns, phase.elapsed_ns));
  }
  append(text, "  client CPU    %.3f us per request, %.0f %% of a core\n",
         ratio(phase.client_cpu_ns, phase.answered) / 1e3,
         100.0 * ratio(phase.client_cpu_ns, phase.elapsed_ns));
  append(text, "  bytes         %.1f sent, %.1f received per request\n",
         ratio(phase.sent_bytes, phase.answered),
         ratio(phase.received_bytes, phase.answered));
  append(text, "  nil replies   %" PRIu64 "\n  errors        %" PRIu64 "\n", phase.counts.nils,
         phase.counts.errors);
  if (phase.counts.errors != 0) text += "  first error   " + phase.first_error + "\n";
  return text;
}

std::string json_report(const RunReport& report) {
  const PhaseResult& phase = report.measured;
  const Options& options = *report.options;
  std::string text = "{\"load\": " + quoted(options.load_text);
  append(text,
         ", \"connections\": %u, \"pipeline\": %u, \"keys\": %" PRIu64
         ", \"value_bytes\": %zu, \"rate\": %.3f",
         options.connections, options.pipeline, options.keys.key_count, options.value_bytes,
         options.requests_per_second);
  append(text,
         ", \"requests\": %" PRIu64 ", \"errors\": %" PRIu64 ", \"nils\": %" PRIu64
         ", \"seconds\": %.6f, \"requests_per_second\": %.1f",
         phase.answered, phase.counts.errors, phase.counts.nils,
         static_cast<double>(phase.elapsed_ns) / 1e9, per_second(phase));
  append(text,
         ", \"latency_us\": {\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f, "
         "\"max\": %.3f, \"mean\": %.3f}",
         to_us(phase.latency.value_at(50)), to_us(phase.latency.value_at(90)),
         to_us(phase.latency.value_at(99)), to_us(phase.latency.value_at(99.9)),
         to_us(phase.latency.max_ns()), phase.latency.mean_ns() / 1e3);
  if (report.server_cpu_ns) {
    append(text, ", \"server_cpu_us_per_request\": %.4f, \"server_cores_busy\": %.4f",
           ratio(*report.server_cpu_ns, phase.answered) / 1e3,
           ratio(*report.server_cpu_ns, phase.elapsed_ns));
  } else {
    text += ", \"server_cpu_us_per_request\": null, \"server_cores_busy\": null";
  }
  append(text,
         ", \"client_cpu_us_per_request\": %.4f, \"client_cores_busy\": %.4f"
         ", \"sent_bytes\": %" PRIu64 ", \"received_bytes\": %" PRIu64,
         ratio(phase.client_cpu_ns, phase.answered) / 1e3,
         ratio(phase.client_cpu_ns, phase.elapsed_ns), phase.sent_bytes, phase.received_bytes);
  return text + ", \"first_error\": " + quoted(phase.first_error) + "}\n";
}

}  // namespace larder::bench
