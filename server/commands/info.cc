// INFO: what the node knows about itself, in sections of `name:value` lines.
//
// Only what is true and measured: a field of Redis that has no counterpart here is left out, so
// that nobody watches a number that means nothing.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "server/commands/memory_figures.h"
#include "server/commands/parts.h"
#include "server/config/settings.h"
#include "server/contexts.h"
#include "server/pubsub/subscriptions.h"
#include "server/stats.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"
#include "server/tracking/tracking_table.h"
#include "server/version.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

// ---- text ---------------------------------------------------------------------------------------

class Text {
 public:
  void section(std::string_view title) {
    if (!text_.empty()) text_ += "\r\n";
    text_ += "# ";
    text_ += title;
    text_ += "\r\n";
  }
  void line(std::string_view name, std::string_view value) {
    text_ += name;
    text_ += ':';
    text_ += value;
    text_ += "\r\n";
  }
  void line(std::string_view name, uint64_t value) { line(name, std::to_string(value)); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string with_decimals(double value, int decimals) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return {text, static_cast<size_t>(std::clamp(size, 0, int{sizeof text} - 1))};
}

// "512B", "1.06M": in units of 1024.
std::string for_people(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + "B";
  constexpr std::string_view kUnits = "KMGTP";
  double amount = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return with_decimals(amount, 2) + kUnits[unit];
}

// ---- what is gathered ---------------------------------------------------------------------------

struct Totals {
  WorkerStats stats;
  uint64_t clients = 0;
  uint64_t subscribers = 0;
  uint64_t waiting_clients = 0;
  ClientMemory memory;
  uint64_t subscription_bytes = 0;
  uint64_t operations_per_second = 0;

  void add(const Totals& other) {
    const WorkerStats& from = other.stats;
    for (auto member :
         {&WorkerStats::connections_received, &WorkerStats::connections_rejected,
          &WorkerStats::commands_processed, &WorkerStats::input_bytes, &WorkerStats::output_bytes,
          &WorkerStats::keyspace_hits, &WorkerStats::keyspace_misses, &WorkerStats::expired_keys,
          &WorkerStats::expired_fields, &WorkerStats::evicted_keys, &WorkerStats::parked_commands,
          &WorkerStats::error_replies, &WorkerStats::output_limit_disconnections,
          &WorkerStats::query_limit_disconnections}) {
      stats.*member += from.*member;
    }
    stats.commands.resize(std::max(stats.commands.size(), from.commands.size()));
    for (size_t i = 0; i < from.commands.size(); ++i) {
      stats.commands[i].add(from.commands[i]);
    }
    stats.times.resize(stats.commands.size());
    for (size_t i = 0; i < from.times.size(); ++i) stats.times[i].add(from.times[i]);
    for (const auto& [code, count] : from.errors) stats.errors[code] += count;
    clients += other.clients;
    subscribers += other.subscribers;
    waiting_clients += other.waiting_clients;
    memory.add(other.memory);
    subscription_bytes += other.subscription_bytes;
    operations_per_second += other.operations_per_second;
  }
};

struct Report {
  FinishContext& context;
  const Config& config;
  const Totals& totals;
};

// ---- sections -----------------------------------------------------------------------------------

void write_server(const Report& report, Text& text) {
  const NodeFacts& facts = report.context.facts;
  const int64_t uptime_seconds =
      std::max<int64_t>(0, report.context.now_ms - facts.started_unix_ms) / 1000;
  text.section("Server");
  text.line("redis_version", kRedisVersion);
  text.line("larder_version", kLarderVersion);
  text.line("redis_mode", "standalone");
  text.line("os", facts.operating_system);
  text.line("arch_bits", sizeof(void*) * 8);
  text.line("multiplexing_api", facts.driver);
  text.line("compiler", facts.compiler);
  text.line("process_id", std::to_string(facts.process_id));
  text.line("process_supervised", "no");
  text.line("run_id", facts.run_id);
  text.line("tcp_port", std::to_string(facts.tcp_port));
  text.line("server_time_usec", std::to_string(report.context.keys->now_us()));
  text.line("uptime_in_seconds", std::to_string(uptime_seconds));
  text.line("uptime_in_days", std::to_string(uptime_seconds / 86400));
  text.line("executable", facts.executable);
  text.line("config_file", facts.config_file);
  text.line("threads", facts.threads);
}

void write_clients(const Report& report, Text& text) {
  text.section("Clients");
  text.line("connected_clients", report.totals.clients);
  text.line("cluster_connections", "0");
  text.line("maxclients", report.config.maxclients);
  text.line("blocked_clients", report.totals.waiting_clients);
  text.line("tracking_clients", report.context.tracking.clients());
  text.line("pubsub_clients", report.totals.subscribers);
}

std::string percentage(uint64_t part, uint64_t whole) {
  return with_decimals(100 * ratio(part, whole), 2) + "%";
}

void line_for_machines_and_people(std::string_view name, uint64_t bytes, Text& text) {
  text.line(name, bytes);
  text.line(std::string(name) + "_human", for_people(bytes));
}

void write_memory(const Report& report, Text& text) {
  const MemoryFigures memory = measure_memory(report.context, report.totals.memory);
  const ProcessFacts& process = memory.process;
  const uint64_t used = memory.used_bytes;
  const auto ratio_line = [&text](std::string_view name, uint64_t part, uint64_t whole) {
    text.line(name, with_decimals(ratio(part, whole), 2));
  };
  const auto difference_line = [&text](std::string_view name, uint64_t from, uint64_t subtracted) {
    text.line(name, std::to_string(difference(from, subtracted)));
  };
  text.section("Memory");
  line_for_machines_and_people("used_memory", used, text);
  line_for_machines_and_people("used_memory_rss", process.resident_bytes, text);
  line_for_machines_and_people("used_memory_peak", memory.peak_bytes, text);
  text.line("used_memory_peak_perc", percentage(used, memory.peak_bytes));
  text.line("used_memory_overhead", memory.overhead_bytes);
  text.line("used_memory_dataset", memory.dataset_bytes());
  text.line("used_memory_dataset_perc", percentage(memory.dataset_bytes(), used));
  line_for_machines_and_people("total_system_memory", process.system_memory_bytes, text);
  line_for_machines_and_people("maxmemory", report.config.maxmemory_bytes, text);
  constexpr std::string_view kPolicy = "maxmemory-policy";
  text::GlobBudget budget;
  for (const auto& [name, value] : config::get(report.config, {&kPolicy, 1}, budget)) {
    text.line("maxmemory_policy", value);
  }
  const ScriptEngine::Usage& scripts = memory.scripts;
  line_for_machines_and_people("used_memory_lua", scripts.lua_bytes, text);
  text.line("used_memory_vm_eval", scripts.lua_bytes);
  text.line("used_memory_scripts_eval", scripts.cache_bytes);
  text.line("number_of_cached_scripts", scripts.scripts);
  ratio_line("mem_fragmentation_ratio", process.resident_bytes, used);
  difference_line("mem_fragmentation_bytes", process.resident_bytes, used);
  text.line("mem_clients_normal", memory.clients.bytes);
  text.line("mem_client_subscriptions", report.totals.subscription_bytes);
  text.line("mem_tracking", report.context.tracking.bytes());
  text.line("mem_allocator", report.context.facts.allocator);
  if (!process.allocator) return;
  const AllocatorFacts& allocator = *process.allocator;
  text.line("allocator_allocated", allocator.allocated_bytes);
  text.line("allocator_active", allocator.active_bytes);
  text.line("allocator_resident", allocator.resident_bytes);
  ratio_line("allocator_frag_ratio", allocator.active_bytes, allocator.allocated_bytes);
  difference_line("allocator_frag_bytes", allocator.active_bytes, allocator.allocated_bytes);
  ratio_line("allocator_rss_ratio", allocator.resident_bytes, allocator.active_bytes);
  difference_line("allocator_rss_bytes", allocator.resident_bytes, allocator.active_bytes);
}

void write_persistence(const Report&, Text& text) {
  text.section("Persistence");
  text.line("loading", "0");
  text.line("async_loading", "0");
  text.line("rdb_bgsave_in_progress", "0");
  text.line("aof_enabled", "0");
  text.line("aof_rewrite_in_progress", "0");
}

void write_stats(const Report& report, Text& text) {
  const WorkerStats& stats = report.totals.stats;
  text.section("Stats");
  text.line("total_connections_received", stats.connections_received);
  text.line("total_commands_processed", stats.commands_processed);
  text.line("instantaneous_ops_per_sec", report.totals.operations_per_second);
  text.line("total_net_input_bytes", stats.input_bytes);
  text.line("total_net_output_bytes", stats.output_bytes);
  text.line("rejected_connections", stats.connections_rejected);
  text.line("expired_subkeys", stats.expired_fields);
  text.line("expired_keys", stats.expired_keys);
  text.line("evicted_keys", stats.evicted_keys);
  text.line("keyspace_hits", stats.keyspace_hits);
  text.line("keyspace_misses", stats.keyspace_misses);
  const ChannelRegistry& channels = report.context.keys->environment().subscriptions->registry();
  text.line("pubsub_channels", channels.topics(TopicKind::channel));
  text.line("pubsub_patterns", channels.topics(TopicKind::pattern));
  text.line("pubsubshard_channels", channels.topics(TopicKind::shard_channel));
  text.line("tracking_total_keys", report.context.tracking.keys());
  text.line("tracking_total_items", report.context.tracking.items());
  text.line("tracking_total_prefixes", report.context.tracking.prefixes());
  text.line("latest_fork_usec", "0");
  text.line("total_forks", "0");
  text.line("evicted_scripts", report.context.scripts.usage().evicted);
  text.line("total_error_replies", stats.error_replies);
  text.line("client_query_buffer_limit_disconnections", stats.query_limit_disconnections);
  text.line("client_output_buffer_limit_disconnections", stats.output_limit_disconnections);
  text.line("parked_commands", stats.parked_commands);
}

void write_replication(const Report& report, Text& text) {
  text.section("Replication");
  text.line("role", "master");
  text.line("connected_slaves", "0");
  text.line("master_failover_state", "no-failover");
  text.line("master_repl_offset", report.context.effect_offset);
}

void write_cpu(const Report& report, Text& text) {
  const ProcessFacts process = report.context.services.process_facts();
  text.section("CPU");
  text.line("used_cpu_sys", with_decimals(process.cpu_system_seconds, 6));
  text.line("used_cpu_user", with_decimals(process.cpu_user_seconds, 6));
}

void write_modules(const Report&, Text& text) {
  text.section("Modules");
}

void write_commandstats(const Report& report, Text& text) {
  text.section("Commandstats");
  for (size_t i = 0; i < report.totals.stats.commands.size(); ++i) {
    const CommandStats& counters = report.totals.stats.commands[i];
    if (counters.calls == 0 && counters.rejected == 0 && counters.failed == 0) continue;
    const double mean_us = counters.mean_us();
    const double total_us = mean_us * static_cast<double>(counters.calls);
    text.line("cmdstat_" + report.context.commands[i].full_name,
              "calls=" + std::to_string(counters.calls) +
                  ",usec=" + std::to_string(static_cast<uint64_t>(total_us)) +
                  ",usec_per_call=" + with_decimals(mean_us, 2) +
                  ",rejected_calls=" + std::to_string(counters.rejected) +
                  ",failed_calls=" + std::to_string(counters.failed));
  }
}

void write_errorstats(const Report& report, Text& text) {
  text.section("Errorstats");
  for (const auto& [code, count] : report.totals.stats.errors) {
    text.line("errorstat_" + text::echo(code), "count=" + std::to_string(count));
  }
}

void write_latencystats(const Report& report, Text& text) {
  text.section("Latencystats");
  std::vector<std::string_view> words;
  std::string_view rest = report.config.latency_tracking_info_percentiles;
  while (!rest.empty()) {
    const size_t space = std::min(rest.find(' '), rest.size());
    if (space > 0) words.push_back(rest.substr(0, space));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  if (words.empty()) return;
  for (size_t i = 0; i < report.totals.stats.times.size(); ++i) {
    const TimeHistogram& times = report.totals.stats.times[i];
    if (times.total() == 0) continue;
    std::string values;
    for (std::string_view word : words) {
      double percentile = 0;
      std::from_chars(word.data(), word.data() + word.size(), percentile);
      if (!values.empty()) values += ',';
      values.append("p").append(word).append("=");
      values += with_decimals(static_cast<double>(times.percentile_ns(percentile)) / 1000, 3);
    }
    text.line("latency_percentiles_usec_" + report.context.commands[i].full_name, values);
  }
}

void write_cluster(const Report&, Text& text) {
  text.section("Cluster");
  text.line("cluster_enabled", "0");
}

void write_keyspace(const Report& report, Text& text) {
  text.section("Keyspace");
  KeyContext& keys = *report.context.keys;
  for (unsigned database = 0; database < storage::kMaxDatabases; ++database) {
    size_t size = 0;
    size_t with_deadline = 0;
    double deadlines_ms = 0;
    for (unsigned i = 0; i < storage::kShardCount; ++i) {
      const storage::Shard& shard = keys.shard(i);
      const size_t here = shard.with_deadline(database);
      size += shard.size(database);
      with_deadline += here;
      deadlines_ms += shard.mean_deadline_ms(database) * static_cast<double>(here);
    }
    if (size == 0) continue;
    const double mean_ms = with_deadline == 0 ? 0
                                              : deadlines_ms / static_cast<double>(with_deadline) -
                                                    static_cast<double>(report.context.now_ms);
    text.line("db" + std::to_string(database),
              "keys=" + std::to_string(size) + ",expires=" + std::to_string(with_deadline) +
                  ",avg_ttl=" + std::to_string(static_cast<int64_t>(std::max(0.0, mean_ms))));
  }
}

struct Section {
  std::string_view name;
  bool by_default;
  bool in_all;  // of "all"; "everything" has them all
  void (*write)(const Report&, Text&);
};

constexpr Section kSections[] = {
    {"server", true, true, write_server},
    {"clients", true, true, write_clients},
    {"memory", true, true, write_memory},
    {"persistence", true, true, write_persistence},
    {"stats", true, true, write_stats},
    {"replication", true, true, write_replication},
    {"cpu", true, true, write_cpu},
    {"modules", true, false, write_modules},
    {"commandstats", false, true, write_commandstats},
    {"errorstats", true, true, write_errorstats},
    {"latencystats", false, true, write_latencystats},
    {"cluster", true, true, write_cluster},
    {"keyspace", true, true, write_keyspace},
};
constexpr size_t kSectionCount = std::size(kSections);

// ---- the command --------------------------------------------------------------------------------

using Wanted = std::array<bool, kSectionCount>;

// Unknown names ask for nothing, as in Redis.
Wanted wanted_sections(Arguments names) {
  Wanted wanted{};
  for (size_t i = 0; i < kSectionCount; ++i) {
    const Section& section = kSections[i];
    wanted[i] = names.empty() && section.by_default;
    for (std::string_view name : names) {
      if (text::equals_ignoring_case(name, section.name) ||
          text::equals_ignoring_case(name, "everything") ||
          (section.in_all && text::equals_ignoring_case(name, "all")) ||
          (section.by_default && text::equals_ignoring_case(name, "default"))) {
        wanted[i] = true;
      }
    }
  }
  return wanted;
}

class InfoTask final : public NodeTask {
 public:
  InfoTask(Wanted wanted, unsigned worker_count, int64_t now_ms)
      : wanted_(wanted), by_worker_(worker_count), now_ms_(now_ms) {}

  void visit(WorkerView& view) override {
    Totals& here = by_worker_[view.index()];
    here.stats = view.stats();
    here.operations_per_second =
        here.stats.operation_rate.per_second(now_ms_, here.stats.commands_processed);
    view.for_each_client([&](const Session& session, const ConnectionFacts& facts) {
      if (!facts.closing) ++here.clients;
      if (facts.waiting) ++here.waiting_clients;
      here.memory.add(facts);
      if (!session.is_subscribed()) return;
      ++here.subscribers;
      here.subscription_bytes += session.subscriber->bytes;
    });
  }

  void finish(FinishContext& context, Reply& reply) override {
    Totals totals;
    for (const Totals& worker : by_worker_) totals.add(worker);
    const std::shared_ptr<const Config> config = context.config_store.current();
    const Report report{context, *config, totals};
    Text text;
    for (size_t i = 0; i < kSectionCount; ++i) {
      if (wanted_[i]) kSections[i].write(report, text);
    }
    reply.verbatim("txt", text.text());
  }

 private:
  Wanted wanted_;
  std::vector<Totals> by_worker_;
  int64_t now_ms_;
};

std::shared_ptr<NodeTask> info(NodeContext& context, Arguments arguments, Reply&) {
  return std::make_shared<InfoTask>(wanted_sections(arguments.subspan(1)), context.worker_count(),
                                    context.now_ms());
}

constexpr auto kRows = checked({
    {"info",
     -1,
     kLoading | kStale,
     kDangerousCategory,
     {},
     LockPlan::all_shards,
     info,
     {.summary = "Describes the server and what it has done, in sections.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = "[section [section ...]]",
      .history = "7.0.0: Takes several sections.",
      .tips = "nondeterministic_output request_policy:all_shards response_policy:special"}},
});

}  // namespace

CommandFamily info_commands() {
  return kRows;
}

}  // namespace larder::server
