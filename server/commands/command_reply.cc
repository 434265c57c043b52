#include "server/commands/command_reply.h"

#include <algorithm>
#include <span>
#include <vector>

#include "server/commands/syntax.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

using protocol::Reply;

// ---- flags and categories -----------------------------------------------------------------------

struct Named {
  uint32_t bit;
  std::string_view name;
};

// In Redis's order. kTouchesArbitraryKeys and kTransactionControl are nobody's business.
constexpr Named kCommandFlags[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubSub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
};

constexpr Named kKeyFlags[] = {
    {kKeyReadOnly, "RO"},    {kKeyReadWrite, "RW"},  {kKeyOverwrite, "OW"},
    {kKeyRemove, "RM"},      {kKeyAccess, "access"}, {kKeyUpdate, "update"},
    {kKeyInsert, "insert"},  {kKeyDelete, "delete"}, {kKeyVariable, "variable_flags"},
    {kKeyNotKey, "not_key"},
};

std::vector<std::string_view> names_of(std::span<const Named> table, uint32_t bits) {
  std::vector<std::string_view> names;
  for (const Named& entry : table) {
    if ((bits & entry.bit) != 0) names.push_back(entry.name);
  }
  return names;
}

// In Redis's order, with '@'. Most follow from flags.
std::vector<std::string_view> categories_of(const CommandRow& row) {
  const auto has = [&row](Category category) { return (row.categories & category) != 0; };
  const bool is_admin = row.has_flag(kAdmin) || has(kAdminCategory);
  const struct {
    bool in;
    std::string_view name;
  } all[] = {
      {has(kKeyspaceCategory), "@keyspace"},
      {row.has_flag(kReadonly) && !has(kScriptingCategory), "@read"},
      {row.has_flag(kWrite), "@write"},
      {has(kSetCategory), "@set"},
      {has(kSortedSetCategory), "@sortedset"},
      {has(kListCategory), "@list"},
      {has(kHashCategory), "@hash"},
      {has(kStringCategory), "@string"},
      {has(kBitmapCategory), "@bitmap"},
      {has(kHyperLogLogCategory), "@hyperloglog"},
      {has(kStreamCategory), "@stream"},
      {has(kGeoCategory), "@geo"},
      {row.has_flag(kPubSub), "@pubsub"},
      {is_admin, "@admin"},
      {row.has_flag(kFast), "@fast"},
      {!row.has_flag(kFast), "@slow"},
      {row.has_flag(kBlocking), "@blocking"},
      {is_admin || has(kDangerousCategory), "@dangerous"},
      {has(kConnectionCategory), "@connection"},
      {has(kTransactionCategory), "@transaction"},
      {has(kScriptingCategory), "@scripting"},
  };
  std::vector<std::string_view> names;
  for (const auto& category : all) {
    if (category.in) names.push_back(category.name);
  }
  return names;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

void write_names(std::span<const std::string_view> names, Reply& reply) {
  reply.set(names.size());
  for (std::string_view name : names) reply.simple(name);
}

// ---- COMMAND INFO -------------------------------------------------------------------------------

struct Figure {
  std::string_view name;
  int value;
};

// Where a search begins: at an argument, or behind this word, from that argument on.
struct SearchStart {
  int index;
  std::string_view keyword = {};
};

void write_search_start(const SearchStart& start, Reply& reply) {
  const bool is_index = start.keyword.empty();
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  reply.bulk(is_index ? "index" : "keyword");
  reply.bulk("spec");
  reply.map(is_index ? 1 : 2);
  if (!is_index) {
    reply.bulk("keyword");
    reply.bulk(start.keyword);
  }
  reply.bulk(is_index ? "index" : "startfrom");
  reply.integer(start.index);
}

// From there keys are found in the way of `type`.
void write_key_specification(uint32_t flags, const SearchStart& start, std::string_view type,
                             std::span<const Figure> figures, Reply& reply) {
  reply.map(3);
  reply.bulk("flags");
  write_key_flags(flags, reply);
  write_search_start(start, reply);
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  reply.bulk(type);
  reply.bulk("spec");
  reply.map(figures.size());
  for (const Figure& figure : figures) {
    reply.bulk(figure.name);
    reply.integer(figure.value);
  }
}

// `last` is counted from `first`, or from the end.
void write_key_specification(uint32_t flags, const SearchStart& first, int last, int step,
                             Reply& reply) {
  const Figure figures[] = {{"lastkey", last}, {"keystep", step}, {"limit", 0}};
  write_key_specification(flags, first, "range", figures, reply);
}

// Of keys that no rule finds.
void write_unknown_keys(uint32_t flags, Reply& reply) {
  reply.map(3);
  reply.bulk("flags");
  write_key_flags(flags, reply);
  for (const std::string_view step : {"begin_search", "find_keys"}) {
    reply.bulk(step);
    reply.map(2);
    reply.bulk("type");
    reply.bulk("unknown");
    reply.bulk("spec");
    reply.map(0);
  }
}

size_t specification_count(const KeyPositions& keys) {
  if (keys.first == 0) return 0;
  if (keys.has_patterns) return keys.stored_from != 0 ? 3 : 2;
  if (keys.stored_from != 0) return 3;
  return keys.further_flags == 0 ? 1 : 2;
}

// Rows give their keys by positions, but for those that may stand behind a word.
void write_key_specifications(const CommandRow& row, Reply& reply) {
  const KeyPositions& keys = row.keys;
  reply.set(specification_count(keys));
  if (keys.first == 0) return;
  if (keys.count_at == KeyPositions::kAfterStreams) {
    // Half of what stands behind the word.
    const Figure figures[] = {{"lastkey", -1}, {"keystep", keys.step}, {"limit", 2}};
    return write_key_specification(keys.flags, {keys.first, "STREAMS"}, "range", figures, reply);
  }
  if (keys.count_at != 0) {
    const Figure figures[] = {
        {"keynumidx", 0}, {"firstkey", keys.first - keys.count_at}, {"keystep", keys.step}};
    const bool has_destination = keys.destination_at != 0;
    if (has_destination) {
      write_key_specification(keys.flags, {keys.destination_at}, 0, 1, reply);
    }
    return write_key_specification(has_destination ? keys.further_flags : keys.flags,
                                   {keys.count_at}, "keynum", figures, reply);
  }
  if (keys.has_patterns) {
    write_key_specification(keys.flags, {keys.first}, 0, 1, reply);
    write_unknown_keys(keys.flags, reply);
    if (keys.stored_from != 0) write_unknown_keys(keys.further_flags, reply);
    return;
  }
  if (keys.stored_from != 0) {
    write_key_specification(keys.flags, {keys.first}, 0, 1, reply);
    for (const std::string_view word : {"STORE", "STOREDIST"}) {
      write_key_specification(keys.further_flags, {keys.stored_from, word}, 0, 1, reply);
    }
    return;
  }
  const auto from = [&keys](int first) { return keys.last >= 0 ? keys.last - first : keys.last; };
  if (keys.further_flags == 0) {
    return write_key_specification(keys.flags, {keys.first}, from(keys.first), keys.step, reply);
  }
  const int second = keys.first + keys.step;
  write_key_specification(keys.flags, {keys.first}, 0, 1, reply);
  write_key_specification(keys.further_flags, {second}, from(second), keys.step, reply);
}

// The keys that are always at the same places.
KeyPositions fixed_range(const KeyPositions& keys) {
  if (keys.destination_at != 0) return {keys.destination_at, keys.destination_at, 1};
  if (keys.count_at != 0) return {};
  return keys.stored_from != 0 ? KeyPositions{keys.first, keys.first, 1} : keys;
}

// ---- COMMAND DOCS -------------------------------------------------------------------------------

void write_field(std::string_view name, std::string_view text, Reply& reply) {
  if (text.empty()) return;
  reply.bulk(name);
  reply.bulk(text);
}

// Entries are "version: what changed".
void write_history(std::string_view history, Reply& reply) {
  const std::vector<std::string_view> entries = split(history, '|');
  reply.bulk("history");
  reply.set(entries.size());
  for (std::string_view entry : entries) {
    const size_t colon = entry.find(": ");
    reply.array(2);
    reply.bulk(entry.substr(0, colon));
    reply.bulk(colon == std::string_view::npos ? "" : entry.substr(colon + 2));
  }
}

}  // namespace

void write_key_flags(uint32_t flags, Reply& reply) {
  write_names(names_of(kKeyFlags, flags), reply);
}

std::vector<std::string_view> flag_names(const CommandRow& row) {
  return names_of(kCommandFlags, row.flags);
}

bool is_in_category(const CommandRow& row, std::string_view category) {
  for (std::string_view name : categories_of(row)) {
    if (text::equals_ignoring_case(name.substr(1), category)) return true;
  }
  return false;
}

void write_command_info(const CommandTable& commands, const Command& command, Reply& reply) {
  const CommandRow& row = *command.row;
  reply.array(10);
  reply.bulk(command.full_name);
  reply.integer(row.arity);
  write_names(flag_names(row), reply);
  const KeyPositions range = fixed_range(row.keys);
  reply.integer(range.first);
  reply.integer(range.last);
  reply.integer(range.step);
  write_names(categories_of(row), reply);
  const std::vector<std::string_view> tips = split(row.docs.tips, ' ');
  reply.set(tips.size());
  for (std::string_view tip : tips) reply.bulk(tip);
  write_key_specifications(row, reply);
  reply.set(row.subcommands.size());
  for (const CommandRow& sub : row.subcommands) {
    write_command_info(commands, *commands.find_subcommand(command, sub.name), reply);
  }
}

void write_command_docs(const CommandTable& commands, const Command& command, Reply& reply) {
  const CommandRow& row = *command.row;
  const CommandDocs& docs = row.docs;
  const bool is_deprecated = !docs.deprecated_since.empty();
  const auto arguments = parse_syntax(docs.syntax, command.full_name);
  const bool has_arguments = arguments && !arguments->empty();
  size_t fields =
      (is_deprecated ? 1u : 0u) + (has_arguments ? 1u : 0u) + (row.subcommands.empty() ? 0u : 1u);
  for (std::string_view text : {docs.summary, docs.since, docs.group, docs.complexity,
                                docs.deprecated_since, docs.replaced_by, docs.history}) {
    if (!text.empty()) ++fields;
  }
  reply.map(fields);
  write_field("summary", docs.summary, reply);
  write_field("since", docs.since, reply);
  write_field("group", docs.group, reply);
  write_field("complexity", docs.complexity, reply);
  if (is_deprecated) {
    reply.bulk("doc_flags");
    reply.set(1);
    reply.simple("deprecated");
    write_field("deprecated_since", docs.deprecated_since, reply);
    write_field("replaced_by", docs.replaced_by, reply);
  }
  if (!docs.history.empty()) write_history(docs.history, reply);
  if (has_arguments) {
    reply.bulk("arguments");
    write_syntax(*arguments, specification_count(row.keys), reply);
  }
  if (row.subcommands.empty()) return;
  reply.bulk("subcommands");
  reply.map(row.subcommands.size());
  for (const CommandRow& sub : row.subcommands) {
    const Command& child = *commands.find_subcommand(command, sub.name);
    reply.bulk(child.full_name);
    write_command_docs(commands, child, reply);
  }
}

}  // namespace larder::server
