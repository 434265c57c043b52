// CLIENT: what a client says about itself, and what it may ask about and do to the others.
//
// Commands about the client itself end here; those about all clients gather from every worker and
// change them there (NodeTask).
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/number.h"
#include "server/commands/client_line.h"
#include "server/commands/client_unblock.h"
#include "server/commands/parts.h"
#include "server/commands/session_names.h"
#include "server/commands/tracking.h"
#include "server/contexts.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

constexpr std::string_view kSyntaxError = "ERR syntax error";

// Every client here is a normal one or a subscriber: there are no replicas and primaries.
enum class ClientType : uint8_t { normal, pubsub, other };

ClientType type_of(const Session& session) {
  return session.is_subscribed() ? ClientType::pubsub : ClientType::normal;
}

std::optional<ClientType> client_type(std::string_view name) {
  if (equals_ignoring_case(name, "normal")) return ClientType::normal;
  if (equals_ignoring_case(name, "pubsub")) return ClientType::pubsub;
  for (std::string_view other : {"slave", "replica", "master"}) {
    if (equals_ignoring_case(name, other)) return ClientType::other;
  }
  return std::nullopt;
}

void refuse_client_type(std::string_view name, Reply& reply) {
  reply.error("ERR Unknown client type '" + text::shortened(name) + "'");
}

// ---- about oneself ------------------------------------------------------------------------------

void id(SessionContext& context, Arguments, Reply& reply) {
  reply.integer(static_cast<int64_t>(context.session().id));
}

void get_name(SessionContext& context, Arguments, Reply& reply) {
  if (context.session().name.empty()) return reply.null();
  reply.bulk(context.session().name);
}

void set_name(SessionContext& context, Arguments arguments, Reply& reply) {
  if (!is_session_attribute(arguments[2])) return reply.error(kBadSessionName);
  context.session().name = arguments[2];
  reply.ok();
}

void set_info(SessionContext& context, Arguments arguments, Reply& reply) {
  const std::string_view option = arguments[2];
  const bool is_name = equals_ignoring_case(option, "lib-name");
  if (!is_name && !equals_ignoring_case(option, "lib-ver")) {
    return reply.error("ERR Unrecognized option '" + text::shortened(option) + "'");
  }
  if (!is_session_attribute(arguments[3])) {
    return reply.error("ERR " + std::string(option) +
                       " cannot contain spaces, newlines or special characters.");
  }
  Session& session = context.session();
  (is_name ? session.library_name : session.library_version) = arguments[3];
  reply.ok();
}

// ON or OFF; answers the error itself.
std::optional<bool> read_switch(std::string_view word, Reply& reply) {
  if (equals_ignoring_case(word, "on")) return true;
  if (equals_ignoring_case(word, "off")) return false;
  reply.error(kSyntaxError);
  return std::nullopt;
}

void no_evict(SessionContext& context, Arguments arguments, Reply& reply) {
  const std::optional<bool> on = read_switch(arguments[2], reply);
  if (!on) return;
  context.session().no_evict = *on;
  reply.ok();
}

void no_touch(SessionContext& context, Arguments arguments, Reply& reply) {
  const std::optional<bool> on = read_switch(arguments[2], reply);
  if (!on) return;
  context.session().no_touch = *on;
  reply.ok();
}

void reply_mode(SessionContext& context, Arguments arguments, Reply& reply) {
  Session& session = context.session();
  if (equals_ignoring_case(arguments[2], "on")) {
    session.reply_mode = ReplyMode::on;
    reply.ok();
  } else if (equals_ignoring_case(arguments[2], "off")) {
    session.reply_mode = ReplyMode::off;
  } else if (equals_ignoring_case(arguments[2], "skip")) {
    if (session.reply_mode != ReplyMode::off) session.reply_mode = ReplyMode::skip_next;
  } else {
    reply.error(kSyntaxError);
  }
}

// ---- CLIENT LIST, CLIENT INFO -------------------------------------------------------------------

class ListTask final : public NodeTask {
 public:
  ListTask(unsigned worker_count, int64_t now_ms) : lines_(worker_count), now_ms_(now_ms) {}

  void show_type(ClientType type) { type_ = type; }
  // In this order, known ones only.
  void show_ids(std::vector<uint64_t> ids) { ids_ = std::move(ids); }
  void show_only(uint64_t id) { only_ = id; }

  void visit(WorkerView& view) override {
    auto& lines = lines_[view.index()];
    view.for_each_client([&](const Session& session, const ConnectionFacts& facts) {
      if (only_ && session.id != *only_) return;
      if (type_ && *type_ != type_of(session)) return;
      lines.emplace_back(session.id, client_line(session, facts, now_ms_));
    });
  }

  void finish(FinishContext&, Reply& reply) override {
    std::map<uint64_t, std::string> by_id;
    for (auto& lines : lines_) {
      for (auto& [client, line] : lines) by_id.emplace(client, std::move(line));
    }
    std::string text;
    if (ids_) {
      for (uint64_t wanted : *ids_) {
        if (auto place = by_id.find(wanted); place != by_id.end()) text += place->second + "\n";
      }
    } else {
      for (const auto& [client, line] : by_id) text += line + "\n";
    }
    reply.verbatim("txt", text);
  }

 private:
  std::vector<std::vector<std::pair<uint64_t, std::string>>> lines_;  // by worker
  int64_t now_ms_;
  std::optional<ClientType> type_;
  std::optional<std::vector<uint64_t>> ids_;
  std::optional<uint64_t> only_;
};

std::shared_ptr<NodeTask> info(NodeContext& context, Arguments, Reply&) {
  auto task = std::make_shared<ListTask>(context.worker_count(), context.now_ms());
  task->show_only(context.session().id);
  return task;
}

std::shared_ptr<NodeTask> list(NodeContext& context, Arguments arguments, Reply& reply) {
  auto task = std::make_shared<ListTask>(context.worker_count(), context.now_ms());
  if (arguments.size() == 2) return task;
  if (arguments.size() == 4 && equals_ignoring_case(arguments[2], "type")) {
    const std::optional<ClientType> type = client_type(arguments[3]);
    if (!type) {
      refuse_client_type(arguments[3], reply);
      return nullptr;
    }
    task->show_type(*type);
    return task;
  }
  if (arguments.size() > 3 && equals_ignoring_case(arguments[2], "id")) {
    std::vector<uint64_t> ids;
    for (std::string_view word : arguments.subspan(3)) {
      const std::optional<int64_t> wanted = protocol::parse_int64(word);
      if (!wanted) {
        reply.error("ERR Invalid client ID");
        return nullptr;
      }
      ids.push_back(static_cast<uint64_t>(*wanted));
    }
    task->show_ids(std::move(ids));
    return task;
  }
  reply.error(kSyntaxError);
  return nullptr;
}

// ---- CLIENT KILL --------------------------------------------------------------------------------

struct KillFilter {
  std::optional<uint64_t> id;
  std::optional<std::string> peer;
  std::optional<std::string> local;
  std::optional<ClientType> type;
  std::optional<int64_t> least_age_seconds;
  bool skip_oneself = true;
  bool is_old_form = false;  // CLIENT KILL ip:port
};

class KillTask final : public NodeTask {
 public:
  KillTask(KillFilter filter, unsigned worker_count, uint64_t own_id, int64_t now_ms)
      : filter_(std::move(filter)), matches_(worker_count), own_id_(own_id), now_ms_(now_ms) {}

  void visit(WorkerView& view) override {
    view.for_each_client([&](const Session& session, const ConnectionFacts& facts) {
      if (does_match(session, facts)) matches_[view.index()].push_back(session.id);
    });
  }

  void finish(FinishContext& context, Reply& reply) override {
    size_t killed = 0;
    for (auto& matches : matches_) {
      killed += matches.size();
      // Its own client goes when it has read the answer.
      if (std::erase(matches, own_id_) > 0) context.session.close_after_reply = true;
      if (!matches.empty()) context.apply_everywhere = true;
    }
    if (!filter_.is_old_form) return reply.integer(static_cast<int64_t>(killed));
    if (killed == 0) return reply.error("ERR No such client");
    reply.ok();
  }

  void apply(WorkerView& view) override {
    std::vector<uint64_t>& matches = matches_[view.index()];
    std::sort(matches.begin(), matches.end());
    view.close_clients(matches);
  }

 private:
  bool does_match(const Session& session, const ConnectionFacts& facts) const {
    if (filter_.peer && *filter_.peer != facts.peer) return false;
    if (filter_.local && *filter_.local != facts.local) return false;
    if (filter_.type && *filter_.type != type_of(session)) return false;
    if (filter_.id && *filter_.id != session.id) return false;
    if (filter_.skip_oneself && session.id == own_id_) return false;
    return !filter_.least_age_seconds ||
           (now_ms_ - facts.created_unix_ms) / 1000 >= *filter_.least_age_seconds;
  }

  KillFilter filter_;
  std::vector<std::vector<uint64_t>> matches_;  // by worker
  uint64_t own_id_;
  int64_t now_ms_;
};

// Reads one `option value`; answers the error and returns false if it is none.
bool read_kill_option(std::string_view option, std::string_view value, KillFilter& filter,
                      Reply& reply) {
  if (equals_ignoring_case(option, "id")) {
    const std::optional<int64_t> wanted = protocol::parse_int64(value);
    if (!wanted || *wanted < 1) {
      reply.error("ERR client-id should be greater than 0");
      return false;
    }
    filter.id = static_cast<uint64_t>(*wanted);
  } else if (equals_ignoring_case(option, "maxage")) {
    filter.least_age_seconds = protocol::parse_int64(value);
    if (!filter.least_age_seconds) {
      reply.error("ERR maxage is not an integer or out of range");
      return false;
    }
    if (*filter.least_age_seconds <= 0) {
      reply.error("ERR maxage should be greater than 0");
      return false;
    }
  } else if (equals_ignoring_case(option, "type")) {
    filter.type = client_type(value);
    if (!filter.type) {
      refuse_client_type(value, reply);
      return false;
    }
  } else if (equals_ignoring_case(option, "addr")) {
    filter.peer = value;
  } else if (equals_ignoring_case(option, "laddr")) {
    filter.local = value;
  } else if (equals_ignoring_case(option, "user")) {
    if (value != "default") {
      reply.error("ERR No such user '" + text::shortened(value) + "'");
      return false;
    }
  } else if (equals_ignoring_case(option, "skipme") &&
             (equals_ignoring_case(value, "yes") || equals_ignoring_case(value, "no"))) {
    filter.skip_oneself = equals_ignoring_case(value, "yes");
  } else {
    reply.error(kSyntaxError);
    return false;
  }
  return true;
}

std::shared_ptr<NodeTask> kill(NodeContext& context, Arguments arguments, Reply& reply) {
  KillFilter filter;
  if (arguments.size() == 3) {
    filter.peer = arguments[2];
    filter.skip_oneself = false;
    filter.is_old_form = true;
  }
  for (size_t i = 2; i < arguments.size() && !filter.is_old_form; i += 2) {
    if (i + 1 == arguments.size()) {
      reply.error(kSyntaxError);
      return nullptr;
    }
    if (!read_kill_option(arguments[i], arguments[i + 1], filter, reply)) return nullptr;
  }
  return std::make_shared<KillTask>(std::move(filter), context.worker_count(), context.session().id,
                                    context.now_ms());
}

// ---- CLIENT PAUSE, CLIENT UNPAUSE ---------------------------------------------------------------

class PauseTask final : public NodeTask {
 public:
  // None: ends the pause there is.
  PauseTask(PauseMode mode, int64_t until_ms) : mode_(mode), until_ms_(until_ms) {}

  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    store_ = &context.pause_store;
    if (mode_ == PauseMode::none) {
      store_->end();
    } else {
      store_->begin({mode_, until_ms_}, context.now_ms);
    }
    context.apply_everywhere = true;
    reply.ok();
  }
  void apply(WorkerView& view) override {
    const PauseStore::Pause pause = store_->current();
    view.pause_clients(pause.mode, pause.until_unix_ms);
  }

 private:
  PauseMode mode_;
  int64_t until_ms_;
  PauseStore* store_ = nullptr;
};

std::shared_ptr<NodeTask> pause(NodeContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 4) {
    write_subcommand_syntax_error("client", arguments[1], reply);
    return nullptr;
  }
  PauseMode mode = PauseMode::all;
  if (arguments.size() == 4) {
    if (equals_ignoring_case(arguments[3], "write")) {
      mode = PauseMode::writes;
    } else if (!equals_ignoring_case(arguments[3], "all")) {
      reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
      return nullptr;
    }
  }
  const std::optional<int64_t> timeout_ms = protocol::parse_int64(arguments[2]);
  if (!timeout_ms) {
    reply.error("ERR timeout is not an integer or out of range");
    return nullptr;
  }
  if (*timeout_ms < 0) {
    reply.error("ERR timeout is negative");
    return nullptr;
  }
  if (*timeout_ms > INT64_MAX - context.now_ms()) {
    reply.error("ERR timeout is out of range");
    return nullptr;
  }
  return std::make_shared<PauseTask>(mode, context.now_ms() + *timeout_ms);
}

std::shared_ptr<NodeTask> unpause(NodeContext&, Arguments, Reply&) {
  return std::make_shared<PauseTask>(PauseMode::none, 0);
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "CACHING (YES|NO)",
      "    Whether keys of the next command are remembered (TRACKING with OPTIN or OPTOUT).",
      "GETREDIR",
      "    The client that is told of changes of keys in this one's place.",
      "GETNAME",
      "    The name of this connection.",
      "ID",
      "    The number that names this connection.",
      "INFO",
      "    Describes this connection.",
      "KILL <ip:port>",
      "    Closes the connection from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Closes the connections that all filters let through:",
      "    * ADDR (<ip:port>|<unixsocket>:0)",
      "      The client's end.",
      "    * LADDR (<ip:port>|<unixsocket>:0)",
      "      The server's end.",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      The kind of client.",
      "    * USER <username>",
      "      Who it authenticated as.",
      "    * SKIPME (YES|NO)",
      "      Whether this connection stays in any case (default: yes).",
      "    * ID <client-id>",
      "      The number that names it.",
      "    * MAXAGE <maxage>",
      "      At least so many seconds old.",
      "LIST [options ...]",
      "    Describes connections, one line each; all, or by:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      The kind of client.",
      "    * ID <client-id> [...]",
      "      The numbers that name them.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    Lets a client wait no longer for a key: it is answered as when its time is over, or",
      "    by an error.",
      "UNPAUSE",
      "    Ends CLIENT PAUSE before its time.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Makes all commands, or only writes, wait for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Whether this connection is answered.",
      "SETINFO <option> <value>",
      "    Notes about the client library:",
      "    * LIB-NAME: its name.",
      "    * LIB-VER: its version.",
      "SETNAME <name>",
      "    Names this connection.",
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
      "         [OPTIN] [OPTOUT] [NOLOOP]",
      "    Whether this connection is told when keys that it may have cached change.",
      "TRACKINGINFO",
      "    How this connection tracks keys.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    Wakes a client that waits in a blocking command.",
      "NO-EVICT (ON|OFF)",
      "    Spares this connection when clients are dropped for memory.",
      "NO-TOUCH (ON|OFF)",
      "    Whether keys read by this connection do not count as used.",
  };
  write_help("client", kLines, reply);
}

constexpr uint32_t kPlain = kNoScript | kLoading | kStale;
constexpr uint32_t kPrivileged = kAdmin | kPlain;

constexpr auto kSubcommands = checked({
    {"id",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     id,
     {.summary = "Answers the number that names this connection.",
      .since = "5.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
    {"info",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     info,
     {.summary = "Describes this connection, in one line of fields.",
      .since = "6.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "",
      .tips = "nondeterministic_output"}},
    {"list",
     -2,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     list,
     {.summary = "Describes the connected clients, one line each.",
      .since = "2.4.0",
      .group = "connection",
      .complexity = "O(N) where N is the number of client connections",
      .syntax = "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
      .history = "2.8.12: Shows the field `id`.|"
                 "5.0.0: Takes `TYPE`.|"
                 "6.0.0: Shows the field `user`.|"
                 "6.2.0: Shows `tot-mem`, `laddr` and `redir`; takes `ID`.|"
                 "7.0.0: Shows `resp` and `multi-mem`.|"
                 "7.0.3: Shows `ssub`.",
      .tips = "nondeterministic_output"}},
    {"kill",
     -3,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     kill,
     {.summary = "Closes the connections that an address or filters name.",
      .since = "2.4.0",
      .group = "connection",
      .complexity = "O(N) where N is the number of client connections",
      .syntax = "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] "
                "| [USER username] | [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] | "
                "[MAXAGE maxage] [...]>>",
      .history = "2.8.12: Takes filters, `ID` among them.|"
                 "3.2.0: `TYPE` knows `master`.|"
                 "5.0.0: `TYPE` knows `replica`, the new word for `slave`.|"
                 "6.2.0: Takes `LADDR`.|"
                 "7.4.0: Takes `MAXAGE`."}},
    {"unblock",
     -3,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     client_unblock,
     {.summary = "Lets another client wait no longer for a key.",
      .since = "5.0.0",
      .group = "connection",
      .complexity = "O(log N) where N is the number of client connections",
      .syntax = "client-id [TIMEOUT | ERROR]"}},
    {"setname",
     3,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     set_name,
     {.summary = "Names this connection, for people who read CLIENT LIST.",
      .since = "2.6.9",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "connection-name"}},
    {"getname",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     get_name,
     {.summary = "Answers the name of this connection, or null.",
      .since = "2.6.9",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
    {"setinfo",
     4,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     set_info,
     {.summary = "Notes which client library speaks, and its version.",
      .since = "7.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "<LIB-NAME libname | LIB-VER libver>",
      .tips = "request_policy:all_nodes response_policy:all_succeeded"}},
    {"no-evict",
     3,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     no_evict,
     {.summary = "Spares this connection when clients are dropped for memory.",
      .since = "7.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "<ON | OFF>"}},
    {"no-touch",
     3,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     no_touch,
     {.summary = "Lets this connection read without its keys counting as used.",
      .since = "7.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "<ON | OFF>"}},
    {"reply",
     3,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     reply_mode,
     {.summary = "Chooses whether this connection is answered.",
      .since = "3.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "<ON | OFF | SKIP>"}},
    {"pause",
     -3,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     pause,
     {.summary = "Makes clients' commands, or only their writes, wait.",
      .since = "2.9.50",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "timeout [WRITE | ALL]",
      .history = "6.2.0: Takes `WRITE` and `ALL`."}},
    {"unpause",
     2,
     kPrivileged,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     unpause,
     {.summary = "Ends CLIENT PAUSE before its time.",
      .since = "6.2.0",
      .group = "connection",
      .complexity = "O(N) Where N is the number of paused clients",
      .syntax = ""}},
    {"tracking",
     -3,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     client_tracking,
     {.summary = "Chooses whether the connection is told when keys that it may cache change.",
      .since = "6.0.0",
      .group = "connection",
      .complexity = "O(1). Some options may introduce additional complexity.",
      .syntax = "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] "
                "[OPTIN] [OPTOUT] [NOLOOP]"}},
    {"caching",
     3,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     client_caching,
     {.summary = "Chooses whether keys of the next command are remembered for TRACKING.",
      .since = "6.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "<YES | NO>"}},
    {"getredir",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     client_getredir,
     {.summary = "Answers which client is told of changed keys in this one's place.",
      .since = "6.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
    {"trackinginfo",
     2,
     kPlain,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     client_trackinginfo,
     {.summary = "Describes how this connection tracks keys.",
      .since = "6.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
    {"help",
     2,
     kLoading | kStale,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of CLIENT.",
      .since = "5.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"client",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "About connections: one's own and all the others.",
      .since = "2.4.0",
      .group = "connection",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily client_commands() {
  return kRows;
}

}  // namespace larder::server
