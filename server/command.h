// CommandRow: everything there is to know about one command, on one row next to its handler.
//
// Lookup, arity errors, COMMAND, COMMAND DOCS, GETKEYS, ACL categories, per-command statistics, the
// fuzzer's dictionary and the reference page all derive from rows. The type of the handler is its
// reach; a handler cannot do what its parameters do not offer.
//
// Rows are checked when they are compiled (see checked()): a bad row does not build.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/reply.h"
#include "protocol/request_parser.h"

namespace larder::server {

class KeyContext;
class SessionContext;
class NodeContext;
class ScriptContext;
class NodeTask;
struct Key;
struct Session;

// What a handler can reach.
using KeysHandler = void (*)(KeyContext&, protocol::Arguments, protocol::Reply&);
using SessionHandler = void (*)(SessionContext&, protocol::Arguments, protocol::Reply&);
using KeysAndSessionHandler = void (*)(KeyContext&, Session&, protocol::Arguments,
                                       protocol::Reply&);
// Answers an error at once and returns null, or returns the task that will answer.
using NodeHandler = std::shared_ptr<NodeTask> (*)(NodeContext&, protocol::Arguments,
                                                  protocol::Reply&);
// How a client that waits for keys gets what one of them holds by now. The context's keys and the
// arguments are those of the command that waits; `ready` is one of these keys.
struct Serving {
  // Does the key hold something for it? Changes nothing.
  bool (*finds)(KeyContext&, const Key& ready, protocol::Arguments) = nullptr;
  // Answers as the command would have, had it found that; effects are said as usual.
  void (*serve)(KeyContext&, const Key& ready, protocol::Arguments, protocol::Reply&) = nullptr;
};
// With the node's script engine; runs commands itself. The reply is written at the very end.
using ScriptHandler = void (*)(ScriptContext&, protocol::Arguments, protocol::Reply&);
// EXEC runs other handlers, so the dispatcher is its handler.
struct ExecHandler {};

class Handler {
 public:
  enum class Reach : uint8_t { none, keys, session, keys_and_session, node, script, exec };

  constexpr Handler() : reach_(Reach::none), keys_(nullptr) {}
  constexpr Handler(KeysHandler handler) : reach_(Reach::keys), keys_(handler) {}
  constexpr Handler(SessionHandler handler) : reach_(Reach::session), session_(handler) {}
  constexpr Handler(KeysAndSessionHandler handler)
      : reach_(Reach::keys_and_session), keys_and_session_(handler) {}
  constexpr Handler(NodeHandler handler) : reach_(Reach::node), node_(handler) {}
  constexpr Handler(ScriptHandler handler) : reach_(Reach::script), script_(handler) {}
  constexpr Handler(ExecHandler) : reach_(Reach::exec), keys_(nullptr) {}

  constexpr Reach reach() const { return reach_; }
  constexpr KeysHandler keys() const { return keys_; }
  constexpr SessionHandler session() const { return session_; }
  constexpr KeysAndSessionHandler keys_and_session() const { return keys_and_session_; }
  constexpr NodeHandler node() const { return node_; }
  constexpr ScriptHandler script() const { return script_; }

 private:
  Reach reach_;
  union {
    KeysHandler keys_;
    SessionHandler session_;
    KeysAndSessionHandler keys_and_session_;
    NodeHandler node_;
    ScriptHandler script_;
  };
};

// Which shards a command holds while it runs.
enum class LockPlan : uint8_t {
  nothing,
  keys,        // those of its keys
  patterns,    // those of its keys, or every one if it names further keys by patterns (SORT)
  all_shards,  // every one: no key positions, or an answer about all keys
  cursor,      // grows while it runs, before any write (SCAN)
  watched,     // those of the session's watched keys
  exec,        // those of all queued and watched keys
  script,      // those of its keys, and whatever else its script comes to
};

enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadonly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kFast = 1u << 4,
  kLoading = 1u << 5,   // allowed while a data set is being loaded
  kStale = 1u << 6,     // allowed on a replica with stale data
  kNoAuth = 1u << 7,    // allowed before authentication
  kNoScript = 1u << 8,
  kNoMulti = 1u << 9,
  kAllowBusy = 1u << 10,
  kSkipMonitor = 1u << 11,
  kSkipSlowlog = 1u << 12,
  kMovableKeys = 1u << 13,
  kPubSub = 1u << 14,
  kBlocking = 1u << 15,
  kNoAsyncLoading = 1u << 16,
  kNoMandatoryKeys = 1u << 17,
  kTouchesArbitraryKeys = 1u << 18,
  // Not queued by MULTI.
  kTransactionControl = 1u << 19,
  // Allowed to a subscriber that speaks RESP2.
  kSubscriberMode = 1u << 20,
};

// ACL categories beyond those that follow from flags (write, read, admin, dangerous, fast, slow,
// ...).
enum Category : uint32_t {
  kKeyspaceCategory = 1u << 0,
  kStringCategory = 1u << 1,
  kConnectionCategory = 1u << 2,
  kTransactionCategory = 1u << 3,
  kDangerousCategory = 1u << 4,
  kAdminCategory = 1u << 5,
  kBitmapCategory = 1u << 6,
  kListCategory = 1u << 7,
  kScriptingCategory = 1u << 8,
  kSetCategory = 1u << 9,
  kSortedSetCategory = 1u << 10,
  kGeoCategory = 1u << 11,
  kHyperLogLogCategory = 1u << 12,
  kHashCategory = 1u << 13,
  kStreamCategory = 1u << 14,
};

enum KeyFlag : uint32_t {  // as in COMMAND INFO's key specifications
  kKeyReadOnly = 1u << 0,   // RO
  kKeyReadWrite = 1u << 1,  // RW
  kKeyOverwrite = 1u << 2,  // OW
  kKeyRemove = 1u << 3,     // RM
  kKeyAccess = 1u << 4,
  kKeyUpdate = 1u << 5,
  kKeyInsert = 1u << 6,
  kKeyDelete = 1u << 7,
  kKeyVariable = 1u << 8,
  kKeyNotKey = 1u << 9,  // no key at all, only sent where a key of this name would be
};

// Positions of keys in the arguments; the command's name is argument 0. `first` 0: no keys.
// `last` counts from the end when negative (-1 is the last argument).
struct KeyPositions {
  int8_t first = 0;
  int8_t last = 0;
  int8_t step = 0;
  uint32_t flags = 0;  // KeyFlag
  // Of all keys but the first, where something else is done to these (RENAME); they are then the
  // command's second key specification. 0: `flags` speaks of all keys.
  uint32_t further_flags = 0;
  // Not 0: this argument says how many keys there are (MSETEX), or they are the first half of what
  // follows the word STREAMS, from argument `first` on (XREAD); `last` is then -1.
  int8_t count_at = 0;
  // Not 0: this argument, before that one, is a key as well, and the first of all (ZUNIONSTORE).
  int8_t destination_at = 0;
  // Not 0: only one key is at a place that is known; another may stand behind the word STORE or
  // STOREDIST, from this argument on (GEORADIUS). `last` is then -1.
  int8_t stored_from = 0;
  // Further keys are named by patterns, and known only while the command runs (SORT).
  bool has_patterns = false;
  static constexpr int8_t kAfterStreams = -1;
};

struct CommandDocs {
  std::string_view summary;
  std::string_view since;
  std::string_view group;       // "string", "bitmap", "generic", "connection", "server", ...
  std::string_view complexity;
  std::string_view syntax;      // arguments after the name, as Redis documents them
  std::string_view history = {};            // "6.2.0: Added `GET`.|7.0.0: ...", '|' between entries
  std::string_view deprecated_since = {};
  std::string_view replaced_by = {};
  std::string_view tips = {};   // space-separated, e.g. "nondeterministic_output"
};

struct CommandRow {
  std::string_view name;  // lower case; a subcommand's own word
  int16_t arity;          // with the name; negative: at least so many
  uint32_t flags;         // CommandFlag
  uint32_t categories;    // Category
  KeyPositions keys;
  LockPlan locks;
  Handler handler;        // none: a container of subcommands only
  CommandDocs docs;
  std::span<const CommandRow> subcommands = {};
  Serving serving = {};  // of a command whose client may wait

  bool has_flag(CommandFlag flag) const { return (flags & flag) != 0; }
  bool accepts(size_t argument_count) const {
    return arity >= 0 ? argument_count == static_cast<size_t>(arity)
                      : argument_count >= static_cast<size_t>(-arity);
  }
};

namespace row_errors {
// Never defined: calling one in a constant expression is the compile error that names the fault.
void name_must_be_lower_case();
void arity_must_not_be_zero();
void a_row_needs_a_handler_or_subcommands();
void write_and_readonly_exclude_each_other();
void key_positions_and_lock_plan_disagree();
void counted_keys_are_movable_and_follow_their_number();
void reach_and_lock_plan_disagree();
void summary_and_group_are_required();
void who_may_wait_can_be_served();
}  // namespace row_errors

consteval void check_row(const CommandRow& row) {
  if (row.name.empty()) row_errors::name_must_be_lower_case();
  for (char c : row.name) {
    if (c >= 'A' && c <= 'Z') row_errors::name_must_be_lower_case();
  }
  if (row.arity == 0) row_errors::arity_must_not_be_zero();
  const Handler::Reach reach = row.handler.reach();
  if (reach == Handler::Reach::none && row.subcommands.empty()) {
    row_errors::a_row_needs_a_handler_or_subcommands();
  }
  if ((row.flags & kWrite) && (row.flags & kReadonly)) {
    row_errors::write_and_readonly_exclude_each_other();
  }
  const bool has_keys = row.keys.first != 0 && (row.keys.flags & kKeyNotKey) == 0;
  const bool locks_keys = row.locks == LockPlan::keys || row.locks == LockPlan::patterns ||
                          row.locks == LockPlan::script;
  if (locks_keys != has_keys || row.keys.has_patterns != (row.locks == LockPlan::patterns)) {
    row_errors::key_positions_and_lock_plan_disagree();
  }
  if (row.keys.first != 0 && row.keys.step <= 0) row_errors::key_positions_and_lock_plan_disagree();
  const bool is_counted = row.keys.count_at != 0;
  const bool is_open = is_counted || row.keys.stored_from != 0;
  const bool is_movable = is_open || row.keys.has_patterns;
  if (is_movable != ((row.flags & kMovableKeys) != 0) || (is_open && row.keys.last != -1) ||
      (is_counted && row.keys.count_at >= row.keys.first) ||
      (row.keys.destination_at != 0 && row.keys.destination_at >= row.keys.count_at)) {
    row_errors::counted_keys_are_movable_and_follow_their_number();
  }
  const bool reaches_keys = reach == Handler::Reach::keys ||
                            reach == Handler::Reach::keys_and_session ||
                            reach == Handler::Reach::exec;
  if (reach == Handler::Reach::session && row.locks != LockPlan::nothing) {
    row_errors::reach_and_lock_plan_disagree();
  }
  if (reaches_keys && row.locks == LockPlan::nothing) row_errors::reach_and_lock_plan_disagree();
  const bool is_script = reach == Handler::Reach::script;
  if (is_script ? row.locks != LockPlan::script && row.locks != LockPlan::nothing
                : row.locks == LockPlan::script) {
    row_errors::reach_and_lock_plan_disagree();
  }
  if (row.docs.summary.empty() || row.docs.group.empty()) {
    row_errors::summary_and_group_are_required();
  }
  const bool serves = row.serving.serve != nullptr && row.serving.finds != nullptr;
  if (serves != ((row.flags & kBlocking) != 0)) {
    row_errors::who_may_wait_can_be_served();
  }
  for (const CommandRow& sub : row.subcommands) check_row(sub);
}

// Wraps a family's array of rows: `constexpr auto kRows = checked({...})` does not compile if bad.
template <size_t N>
consteval std::array<CommandRow, N> checked(const CommandRow (&rows)[N]) {
  std::array<CommandRow, N> result = std::to_array(rows);
  for (const CommandRow& row : result) check_row(row);
  return result;
}

}  // namespace larder::server
