// DEBUG: what tests and the curious need. Refused unless enable-debug-command allows it.
//
// Only what means something here: DEBUG's words about Redis's own structures are unknown ones.
// SLEEP holds up every worker, as it holds up Redis, but while no shard is locked.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "protocol/number.h"
#include "server/commands/parts.h"
#include "server/commands/values.h"
#include "server/contexts.h"
#include "server/text/ascii.h"
#include "storage/rdb/dump.h"
#include "storage/rdb/string.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

bool is_allowed(const Config& config, const Session& session) {
  switch (config.enable_debug_command) {
    case config::DebugAccess::no:
      return false;
    case config::DebugAccess::yes:
      return true;
    case config::DebugAccess::local:
      break;
  }
  return session.is_unix_socket || session.peer.starts_with("127.0.0.1:") ||
         session.peer.starts_with("[::1]:");
}

// ---- SLEEP --------------------------------------------------------------------------------------

// Each worker sleeps on its visit, the asking one, too.
class SleepTask final : public NodeTask {
 public:
  explicit SleepTask(int64_t duration_ns) : duration_ns_(duration_ns) {}

  void visit(WorkerView& view) override { view.sleep_ns(duration_ns_); }
  void finish(FinishContext&, Reply& reply) override { reply.ok(); }

 private:
  int64_t duration_ns_;
};

// What is no number is 0, as in Redis.
int64_t duration_ns(std::string_view seconds_text) {
  constexpr double kLongestSeconds = 1e6;
  const double seconds = std::strtod(std::string(seconds_text).c_str(), nullptr);
  if (!(seconds > 0)) return 0;
  return static_cast<int64_t>(std::min(seconds, kLongestSeconds) * 1e9);
}

// ---- OBJECT -------------------------------------------------------------------------------------

class ObjectTask final : public NodeTask {
 public:
  explicit ObjectTask(std::string_view key) : key_(key) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    const storage::Hash hash = context.keys->environment().keyspace->hasher()(key_);
    const storage::Entry entry = context.keys->find({key_, hash});
    if (!entry) return reply.error("ERR no such key");
    storage::NumberText scratch;
    std::string serialized;
    if (entry.is_object()) {
      serialized = storage::rdb::dump_object(entry.object());
      serialized.resize(serialized.size() - storage::rdb::kFooterBytes - 1);  // the value alone
    } else {
      storage::rdb::append_string(entry.text(scratch), serialized);
    }
    char address[24];
    // Where the entry lies: its key comes with it.
    std::snprintf(address, sizeof address, "%p", static_cast<const void*>(entry.key().data()));
    std::string line = "Value at:";
    line += address;
    line += " refcount:1 encoding:";
    line += encoding_of(entry);
    line += " serializedlength:";
    line += std::to_string(serialized.size());
    reply.simple(line);
  }

 private:
  std::string key_;
};

// ---- SET-ACTIVE-EXPIRE --------------------------------------------------------------------------

class ActiveExpiryTask final : public NodeTask {
 public:
  explicit ActiveExpiryTask(bool on) : on_(on) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    context.apply_everywhere = true;
    reply.ok();
  }
  void apply(WorkerView& view) override { view.set_active_expiry(on_); }

 private:
  bool on_;
};

// ---- the command --------------------------------------------------------------------------------

class HelpTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext&, Reply& reply) override {
    static constexpr std::string_view kLines[] = {
        "ERROR <string>",
        "    An error with this text.",
        "OBJECT <key>",
        "    Where and how the key's value is kept, and how long it would be in a dump.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    Whether keys are removed after their time without anybody looking at them.",
        "SLEEP <seconds>",
        "    Holds the whole server up so long.",
    };
    write_help("debug", kLines, reply);
  }
};

std::shared_ptr<NodeTask> debug(NodeContext& context, Arguments arguments, Reply& reply) {
  if (!is_allowed(context.config(), context.session())) {
    reply.error(
        "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", "
        "you can run it from a local connection, otherwise you need to set this option in the "
        "configuration file, and then restart the server.");
    return nullptr;
  }
  const std::string_view word = arguments[1];
  const size_t more = arguments.size() - 2;
  if (equals_ignoring_case(word, "help") && more == 0) return std::make_shared<HelpTask>();
  if (equals_ignoring_case(word, "object") && more == 1) {
    return std::make_shared<ObjectTask>(arguments[2]);
  }
  if (equals_ignoring_case(word, "sleep") && more == 1) {
    return std::make_shared<SleepTask>(duration_ns(arguments[2]));
  }
  if (equals_ignoring_case(word, "set-active-expire") && more == 1) {
    return std::make_shared<ActiveExpiryTask>(protocol::parse_int64(arguments[2]).value_or(0) != 0);
  }
  if (equals_ignoring_case(word, "error") && more == 1) {
    reply.error(arguments[2]);
    return nullptr;
  }
  write_subcommand_syntax_error("debug", word, reply);
  return nullptr;
}

constexpr auto kRows = checked({
    {"debug",
     -2,
     kAdmin | kNoScript | kLoading | kStale,
     0,
     {},
     LockPlan::all_shards,
     debug,
     {.summary = "Helps those who test or examine the server.",
      .since = "1.0.0",
      .group = "server",
      .complexity = "Depends on subcommand.",
      .syntax = ""}},
});

}  // namespace

CommandFamily debug_commands() {
  return kRows;
}

}  // namespace larder::server
