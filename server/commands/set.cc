// SET key value [condition] [GET] [lifetime]; set_options.h has the grammar.
#include "server/commands/set.h"

#include "server/commands/set_options.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;

void store(KeyContext& context, std::string_view value, const SetOptions& options, Entry entry) {
  const Key& key = context.key();
  const int64_t deadline_ms = options.deadline_of(entry);
  context.set(key, entry, value, deadline_ms);
  context.wrote(key, EventClass::string, "set");
  if (!context.notes_events()) [[likely]]
    return;
  if (options.lifetime == Lifetime::until) context.wrote(key, EventClass::generic, "expire");
  if (!context.listening()) return;
  if (deadline_ms == storage::kNoDeadline) {
    context.effect({"SET", key.text, value});
  } else {
    context.effect({"SET", key.text, value, "PXAT", IntegerText(deadline_ms)});
  }
}

}  // namespace

void set_command(KeyContext& context, Arguments arguments, Reply& reply) {
  std::optional<SetOptions> options = SetOptions{};
  if (arguments.size() > 3) {
    options = read_set_options(arguments.subspan(3), SetGrammar::one_key, "set", context, reply);
    if (!options) return;
  }
  const Entry entry = options->get ? context.look_up(context.key()) : context.find(context.key());
  if ((options->get || options->condition.compares()) && !is_string_or_absent(entry, reply)) return;
  const bool holds = options->condition.holds(entry);
  if (options->get) {
    reply_value_or_null(reply, entry);  // before the store: it may free the old value
  } else if (!holds) {
    reply.null();
  }
  if (!holds) return;
  store(context, arguments[2], *options, entry);
  if (!options->get) reply.ok();
}

}  // namespace larder::server
