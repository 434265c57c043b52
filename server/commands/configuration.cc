// CONFIG: settings of the running server. What a setting is and accepts is server/config's
// business.
//
// There is one authoritative copy (ConfigStore); SET exchanges it as a whole and answers when every
// worker uses it.
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/commands/parts.h"
#include "server/config/settings.h"
#include "server/contexts.h"
#include "server/stats.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

void get(SessionContext& context, Arguments arguments, Reply& reply) {
  text::GlobBudget budget;
  const std::vector<config::NameAndValue> found =
      config::get(context.config(), arguments.subspan(2), budget);
  if (budget.is_spent()) return reply.error(text::kGlobTooDear);
  reply.map(found.size());
  for (const auto& [name, value] : found) {
    reply.bulk(name);
    reply.bulk(value);
  }
}

// Clients need descriptors, of which the system may not give enough.
config::Error why_too_many_clients(uint32_t before, uint32_t wanted, const NodeServices& services) {
  if (wanted <= before || !services.allow_clients) return std::nullopt;
  const uint32_t possible = services.allow_clients(wanted);
  if (possible >= wanted) return std::nullopt;
  return "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system "
         "is not able to handle the specified number of clients, try with " +
         std::to_string(possible);
}

class SetTask final : public NodeTask {
 public:
  explicit SetTask(Arguments arguments) {
    for (size_t i = 0; i < arguments.size(); i += 2) {
      wanted_.emplace_back(arguments[i], arguments[i + 1]);
    }
  }

  bool gathers() const override { return false; }

  void finish(FinishContext& context, Reply& reply) override {
    const config::Error error = context.config_store.update([&](Config& next) {
      const std::vector<std::pair<std::string_view, std::string_view>> views(wanted_.begin(),
                                                                             wanted_.end());
      const uint32_t clients_before = next.maxclients;
      if (config::Error invalid = config::set(next, views)) return invalid;
      return why_too_many_clients(clients_before, next.maxclients, context.services);
    });
    if (error) return reply.error(*error);
    if (context.services.settings_changed) {
      context.services.settings_changed(*context.config_store.current());
    }
    store_ = &context.config_store;
    context.apply_everywhere = true;
    reply.ok();
  }

  // What is current then, not what this task made: of two changes at the same time, workers must
  // not end with different ones.
  void apply(WorkerView& view) override { view.use_config(store_->current()); }

 private:
  std::vector<config::NameAndValue> wanted_;
  const ConfigStore* store_ = nullptr;
};

std::shared_ptr<NodeTask> set(NodeContext&, Arguments arguments, Reply& reply) {
  if (arguments.size() % 2 != 0) {
    reply.error("ERR syntax error");
    return nullptr;
  }
  return std::make_shared<SetTask>(arguments.subspan(2));
}

class ResetStatTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    context.apply_everywhere = true;
    reply.ok();
  }
  void apply(WorkerView& view) override {
    view.stats() = WorkerStats(view.stats().commands.size());
  }
};

std::shared_ptr<NodeTask> reset_stat(NodeContext&, Arguments, Reply&) {
  return std::make_shared<ResetStatTask>();
}

class RewriteTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    if (context.facts.config_file.empty()) {
      return reply.error("ERR The server is running without a config file");
    }
    const auto error = context.services.rewrite_config_file(*context.config_store.current());
    if (error) return reply.error("ERR Rewriting config file: " + *error);
    reply.ok();
  }
};

std::shared_ptr<NodeTask> rewrite(NodeContext&, Arguments, Reply&) {
  return std::make_shared<RewriteTask>();
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "GET <pattern>",
      "    The settings whose names match the pattern, and their values.",
      "SET <directive> <value>",
      "    Changes a setting.",
      "RESETSTAT",
      "    Starts the counters of INFO at zero.",
      "REWRITE",
      "    Writes the settings in force into the configuration file.",
  };
  write_help("config", kLines, reply);
}

constexpr uint32_t kPrivileged = kAdmin | kNoScript | kLoading | kStale;

constexpr auto kSubcommands = checked({
    {"get",
     -3,
     kPrivileged,
     0,
     {},
     LockPlan::nothing,
     get,
     {.summary = "Answers the settings that match the patterns.",
      .since = "2.0.0",
      .group = "server",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .syntax = "parameter [parameter ...]",
      .history = "7.0.0: Takes several patterns."}},
    {"set",
     -4,
     kPrivileged,
     0,
     {},
     LockPlan::nothing,
     set,
     {.summary = "Changes settings, all of them or none.",
      .since = "2.0.0",
      .group = "server",
      .complexity = "O(N) when N is the number of configuration parameters provided",
      .syntax = "parameter value [parameter value ...]",
      .history = "7.0.0: Takes several settings.",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"resetstat",
     2,
     kPrivileged,
     0,
     {},
     LockPlan::nothing,
     reset_stat,
     {.summary = "Starts the counters of INFO at zero.",
      .since = "2.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
    {"rewrite",
     2,
     kPrivileged,
     0,
     {},
     LockPlan::nothing,
     rewrite,
     {.summary = "Writes the settings in force into the configuration file.",
      .since = "2.8.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
    {"help",
     2,
     kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of CONFIG.",
      .since = "5.0.0",
      .group = "server",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"config",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "About the settings of the running server.",
      .since = "2.0.0",
      .group = "server",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily configuration_commands() {
  return kRows;
}

}  // namespace larder::server
