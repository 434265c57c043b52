// MEMORY: what keys, data, clients and the allocator take.
//
// Only what is measured: fields of Redis that have no counterpart here are left out.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/memory_figures.h"
#include "server/commands/parts.h"
#include "server/commands/values.h"
#include "server/contexts.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// ---- MEMORY USAGE -------------------------------------------------------------------------------

// Nothing is sampled: what a key takes is known. The option is read all the same.
bool are_usage_options(Arguments arguments, Reply& reply) {
  for (size_t i = 3; i < arguments.size(); i += 2) {
    if (!equals_ignoring_case(arguments[i], "samples") || i + 1 == arguments.size()) {
      reply.error(kSyntaxError);
      return false;
    }
    const std::optional<int64_t> samples = read_integer(arguments[i + 1], reply);
    if (!samples) return false;
    if (*samples < 0) {
      reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

void usage(KeyContext& context, Arguments arguments, Reply& reply) {
  if (!are_usage_options(arguments, reply)) return;
  const Entry entry = context.find(context.key());
  if (!entry) return reply.null();
  reply.integer(static_cast<int64_t>(context.bytes_of(context.key(), entry)));
}

// ---- MEMORY STATS, MEMORY DOCTOR ----------------------------------------------------------------

// Looks at every worker's clients and at all shards.
class MeasuringTask : public NodeTask {
 public:
  explicit MeasuringTask(unsigned worker_count) : by_worker_(worker_count) {}

  void visit(WorkerView& view) override {
    view.for_each_client([&here = by_worker_[view.index()]](
                             const Session&, const ConnectionFacts& facts) { here.add(facts); });
  }

  void finish(FinishContext& context, Reply& reply) override {
    ClientMemory clients;
    for (const ClientMemory& here : by_worker_) clients.add(here);
    answer(measure_memory(context, clients), reply);
  }

 private:
  virtual void answer(const MemoryFigures& figures, Reply& reply) const = 0;

  std::vector<ClientMemory> by_worker_;
};

class StatsTask final : public MeasuringTask {
 public:
  using MeasuringTask::MeasuringTask;

 private:
  void answer(const MemoryFigures& figures, Reply& reply) const override {
    const uint64_t used = figures.used_bytes;
    const uint64_t resident = figures.process.resident_bytes;
    const std::optional<AllocatorFacts>& allocator = figures.process.allocator;
    const auto integer = [&reply](std::string_view name, auto value) {
      reply.bulk(name);
      reply.integer(static_cast<int64_t>(value));
    };
    const auto real = [&reply](std::string_view name, double value) {
      reply.bulk(name);
      reply.real(value);
    };
    reply.map(allocator ? 19 : 12);
    integer("peak.allocated", figures.peak_bytes);
    integer("total.allocated", used);
    integer("clients.normal", figures.clients.bytes);
    integer("lua.caches", figures.scripts.cache_bytes);
    integer("overhead.total", figures.overhead_bytes);
    integer("keys.count", figures.keys);
    integer("keys.bytes-per-key", figures.keys == 0 ? 0 : used / figures.keys);
    integer("dataset.bytes", figures.dataset_bytes());
    real("dataset.percentage", 100 * ratio(figures.dataset_bytes(), used));
    real("peak.percentage", 100 * ratio(used, figures.peak_bytes));
    if (allocator) {
      const auto [allocated, active, kept] = *allocator;
      integer("allocator.allocated", allocated);
      integer("allocator.active", active);
      integer("allocator.resident", kept);
      real("allocator-fragmentation.ratio", ratio(active, allocated));
      integer("allocator-fragmentation.bytes", difference(active, allocated));
      real("allocator-rss.ratio", ratio(kept, active));
      integer("allocator-rss.bytes", difference(kept, active));
    }
    real("fragmentation", ratio(resident, used));
    integer("fragmentation.bytes", difference(resident, used));
  }
};

std::string in_mebibytes(uint64_t bytes) {
  char text[32];
  const int size =
      std::snprintf(text, sizeof text, "%.1f MiB", static_cast<double>(bytes) / 0x1p20);
  return {text, static_cast<size_t>(size)};
}

constexpr uint64_t kMuch = 10 << 20;

void add_findings(const AllocatorFacts& allocator, std::vector<std::string>& found) {
  const auto [allocated, active, resident] = allocator;
  if (active > allocated + allocated / 5 && active - allocated > kMuch) {
    found.push_back("The allocator keeps " + in_mebibytes(active - allocated) +
                    " in pages that are partly used: many values have changed their sizes.");
  }
  if (resident > active + active / 2 && resident - active > kMuch) {
    found.push_back("The allocator has " + in_mebibytes(resident - active) +
                    " that nothing uses. MEMORY PURGE gives back what it only keeps.");
  }
}

// One sentence for each thing that a person should know about; none if all is well.
std::vector<std::string> findings(const MemoryFigures& figures) {
  constexpr uint64_t kMuchPerClient = 200 << 10;
  const ProcessFacts& process = figures.process;
  const uint64_t used = figures.used_bytes;
  std::vector<std::string> found;
  if (figures.limit_bytes == 0 && process.resident_bytes > process.system_memory_bytes / 4 * 3) {
    found.push_back("The process has " + in_mebibytes(process.resident_bytes) +
                    " of the machine's " + in_mebibytes(process.system_memory_bytes) +
                    ", and maxmemory sets no limit: set one before the system ends the server.");
  }
  if (figures.limit_bytes > process.system_memory_bytes) {
    found.push_back("maxmemory is " + in_mebibytes(figures.limit_bytes) +
                    ", more than the machine has (" + in_mebibytes(process.system_memory_bytes) +
                    "): it protects nothing.");
  }
  if (figures.peak_bytes > used + used / 2 && figures.peak_bytes - used > kMuch) {
    found.push_back("The data took " + in_mebibytes(figures.peak_bytes) + " once and takes " +
                    in_mebibytes(used) +
                    " now. The process may still hold memory from then; it is used again when the "
                    "data grows.");
  }
  if (process.allocator) add_findings(*process.allocator, found);
  const auto [clients, client_bytes] = figures.clients;
  if (clients > 0 && client_bytes / clients > kMuchPerClient) {
    found.push_back("Clients take " + in_mebibytes(client_bytes) +
                    " for requests and replies on their way. CLIENT LIST (tot-mem) shows whose; "
                    "client-output-buffer-limit bounds it.");
  }
  return found;
}

class DoctorTask final : public MeasuringTask {
 public:
  using MeasuringTask::MeasuringTask;

 private:
  static constexpr uint64_t kTooLittleBytes = 5 << 20;

  void answer(const MemoryFigures& figures, Reply& reply) const override {
    const std::vector<std::string> found = findings(figures);
    std::string report;
    for (const std::string& finding : found) report += "* " + finding + "\n";
    if (found.empty()) {
      report = figures.used_bytes < kTooLittleBytes
                   ? "There is hardly any data yet, and nothing to remark.\n"
                   : "Nothing to remark: no memory is taken in vain.\n";
    }
    reply.verbatim("txt", report);
  }
};

template <typename Task>
std::shared_ptr<NodeTask> measure(NodeContext& context, Arguments, Reply&) {
  return std::make_shared<Task>(context.worker_count());
}

// ---- the allocator ------------------------------------------------------------------------------

class PurgeTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const auto& release = context.services.release_unused_memory;
    if (release && !release()) return reply.error("ERR Error purging dirty pages");
    reply.ok();
  }
};

class MallocStatsTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const auto& report = context.services.allocator_report;
    const std::string text = report ? report() : std::string();
    if (text.empty()) return reply.bulk("Stats not supported for the current allocator");
    reply.verbatim("txt", text);
  }
};

template <typename Task>
std::shared_ptr<NodeTask> make(NodeContext&, Arguments, Reply&) {
  return std::make_shared<Task>();
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Remarks about how memory is used.",
      "MALLOC-STATS",
      "    What the allocator says about itself.",
      "PURGE",
      "    Gives memory that the allocator only keeps back to the system.",
      "STATS",
      "    What data, clients and the allocator take.",
      "USAGE <key> [SAMPLES <count>]",
      "    How many bytes are allocated for a key and its value.",
  };
  write_help("memory", kLines, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr std::string_view kOfAllShards =
    "nondeterministic_output request_policy:all_shards response_policy:special";
constexpr std::string_view kOfTheAllocator =
    "Depends on how much memory is allocated, could be slow";

constexpr auto kSubcommands = checked({
    {.name = "usage",
     .arity = -3,
     .flags = kReadonly,
     .categories = 0,
     .keys = {2, 2, 1, kKeyReadOnly},
     .locks = LockPlan::keys,
     .handler = usage,
     .docs = {.summary = "Answers how many bytes are allocated for a key and its value.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "O(1)",
              .syntax = "key [SAMPLES count]"}},
    {.name = "stats",
     .arity = 2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::all_shards,
     .handler = measure<StatsTask>,
     .docs = {.summary = "Answers what data, clients and the allocator take.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "O(N) where N is the number of clients",
              .syntax = "",
              .tips = kOfAllShards}},
    {.name = "doctor",
     .arity = 2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::all_shards,
     .handler = measure<DoctorTask>,
     .docs = {.summary = "Remarks about how memory is used.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "O(N) where N is the number of clients",
              .syntax = "",
              .tips = kOfAllShards}},
    {.name = "purge",
     .arity = 2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = make<PurgeTask>,
     .docs = {.summary = "Gives memory that the allocator only keeps back to the system.",
              .since = "4.0.0",
              .group = "server",
              .complexity = kOfTheAllocator,
              .syntax = "",
              .tips = "request_policy:all_shards response_policy:all_succeeded"}},
    {.name = "malloc-stats",
     .arity = 2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = make<MallocStatsTask>,
     .docs = {.summary = "Answers what the allocator says about itself.",
              .since = "4.0.0",
              .group = "server",
              .complexity = kOfTheAllocator,
              .syntax = "",
              .tips = kOfAllShards}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = help,
     .docs = {.summary = "Lists the subcommands of MEMORY.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "O(1)",
              .syntax = ""}},
});

constexpr auto kRows = checked({
    {.name = "memory",
     .arity = -2,
     .flags = 0,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = Handler(),
     .docs = {.summary = "About what takes memory.",
              .since = "4.0.0",
              .group = "server",
              .complexity = "Depends on subcommand.",
              .syntax = ""},
     .subcommands = kSubcommands},
});

}  // namespace

CommandFamily memory_commands() {
  return kRows;
}

}  // namespace larder::server
