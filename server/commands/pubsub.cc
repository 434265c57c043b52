// SUBSCRIBE, PUBLISH and their relatives, PUBSUB.
//
// (Un)subscribing is answered by one push for each name, whatever CLIENT REPLY says; PUBLISH only
// counts: messages leave through the workers' boxes (server/pubsub).
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/contexts.h"
#include "server/pubsub/subscriptions.h"
#include "server/text/glob.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;

// ---- subscribing --------------------------------------------------------------------------------

struct Words {
  std::string_view subscribe;
  std::string_view unsubscribe;
};

constexpr Words words(TopicKind kind) {
  switch (kind) {
    case TopicKind::channel:
      return {"subscribe", "unsubscribe"};
    case TopicKind::pattern:
      return {"psubscribe", "punsubscribe"};
    case TopicKind::shard_channel:
      break;
  }
  return {"ssubscribe", "sunsubscribe"};
}

// What the client is told it has now: channels and patterns are counted together.
int64_t count(const Session& session, TopicKind kind) {
  if (session.subscriber == nullptr) return 0;
  const Subscriber& subscriber = *session.subscriber;
  if (kind == TopicKind::shard_channel) return static_cast<int64_t>(subscriber.count(kind));
  return static_cast<int64_t>(subscriber.count(TopicKind::channel) +
                              subscriber.count(TopicKind::pattern));
}

template <TopicKind kind>
void subscribe(SessionContext& context, Arguments arguments, Reply& reply) {
  Session& session = context.session();
  const size_t most_bytes = context.config().query_buffer_limit_bytes;
  for (std::string_view name : arguments.subspan(1)) {
    if (context.subscriptions().subscribe(session, kind, name, most_bytes) ==
        Subscribed::too_much) {
      return reply.error("ERR subscriptions exceed client-query-buffer-limit");
    }
    reply.push(3);
    reply.bulk(words(kind).subscribe);
    reply.bulk(name);
    reply.integer(count(session, kind));
  }
}

template <TopicKind kind>
void unsubscribe_one(SessionContext& context, std::string_view name, Reply& reply) {
  Session& session = context.session();
  context.subscriptions().unsubscribe(session, kind, name);
  reply.push(3);
  reply.bulk(words(kind).unsubscribe);
  reply.bulk(name);
  reply.integer(count(session, kind));
}

template <TopicKind kind>
void unsubscribe(SessionContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 1) {
    for (std::string_view name : arguments.subspan(1)) unsubscribe_one<kind>(context, name, reply);
    return;
  }
  const std::vector<std::string> all = Subscriptions::names(context.session(), kind);
  for (const std::string& name : all) unsubscribe_one<kind>(context, name, reply);
  if (!all.empty()) return;
  reply.push(3);
  reply.bulk(words(kind).unsubscribe);
  reply.null();
  reply.integer(count(context.session(), kind));
}

// ---- publishing ---------------------------------------------------------------------------------

template <TopicKind kind>
void publish(SessionContext& context, Arguments arguments, Reply& reply) {
  reply.integer(static_cast<int64_t>(context.publish(kind, arguments[1], arguments[2])));
}

// ---- PUBSUB -------------------------------------------------------------------------------------

template <TopicKind kind>
void channels(SessionContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 3) return write_subcommand_syntax_error("pubsub", arguments[1], reply);
  text::GlobBudget budget;
  const std::vector<std::string> names =
      context.subscriptions().registry().names(kind, [&](std::string_view name) {
        return arguments.size() == 2 ||
               text::glob_match(arguments[2], name, text::GlobCase::exact, budget);
      });
  if (budget.is_spent()) return reply.error(text::kGlobTooDear);
  reply.array(names.size());
  for (const std::string& name : names) reply.bulk(name);
}

template <TopicKind kind>
void number_of_subscribers(SessionContext& context, Arguments arguments, Reply& reply) {
  const Arguments names = arguments.subspan(2);
  reply.array(names.size() * 2);
  for (std::string_view name : names) {
    reply.bulk(name);
    reply.integer(static_cast<int64_t>(context.subscriptions().registry().subscribers(kind, name)));
  }
}

void number_of_patterns(SessionContext& context, Arguments, Reply& reply) {
  reply.integer(
      static_cast<int64_t>(context.subscriptions().registry().topics(TopicKind::pattern)));
}

void help(SessionContext&, Arguments, Reply& reply) {
  static constexpr std::string_view kLines[] = {
      "CHANNELS [<pattern>]",
      "    The channels that have subscribers; those that match <pattern>.",
      "NUMPAT",
      "    How many different patterns clients have subscribed to.",
      "NUMSUB [<channel> ...]",
      "    How many clients have subscribed to each channel by its name.",
      "SHARDCHANNELS [<pattern>]",
      "    The shard channels that have subscribers; those that match <pattern>.",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    How many clients have subscribed to each shard channel.",
  };
  write_help("pubsub", kLines, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr uint32_t kListening = kPubSub | kNoScript | kLoading | kStale | kSubscriberMode;
constexpr uint32_t kPublishing = kPubSub | kLoading | kStale | kFast;
constexpr uint32_t kAsking = kPubSub | kLoading | kStale;

constexpr auto kSubcommands = checked({
    {"channels",
     -2,
     kAsking,
     0,
     {},
     LockPlan::nothing,
     channels<TopicKind::channel>,
     {.summary = "Lists the channels that have subscribers.",
      .since = "2.8.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of active channels, and assuming constant time "
                    "pattern matching (relatively short channels and patterns)",
      .syntax = "[pattern]"}},
    {"numpat",
     2,
     kAsking,
     0,
     {},
     LockPlan::nothing,
     number_of_patterns,
     {.summary = "Counts the different patterns that have subscribers.",
      .since = "2.8.0",
      .group = "pubsub",
      .complexity = "O(1)",
      .syntax = ""}},
    {"numsub",
     -2,
     kAsking,
     0,
     {},
     LockPlan::nothing,
     number_of_subscribers<TopicKind::channel>,
     {.summary = "Counts the subscribers of each channel.",
      .since = "2.8.0",
      .group = "pubsub",
      .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
      .syntax = "[channel [channel ...]]"}},
    {"shardchannels",
     -2,
     kAsking,
     0,
     {},
     LockPlan::nothing,
     channels<TopicKind::shard_channel>,
     {.summary = "Lists the shard channels that have subscribers.",
      .since = "7.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of active shard channels, and assuming constant "
                    "time pattern matching (relatively short shard channels).",
      .syntax = "[pattern]"}},
    {"shardnumsub",
     -2,
     kAsking,
     0,
     {},
     LockPlan::nothing,
     number_of_subscribers<TopicKind::shard_channel>,
     {.summary = "Counts the subscribers of each shard channel.",
      .since = "7.0.0",
      .group = "pubsub",
      .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested "
                    "shard channels",
      .syntax = "[shardchannel [shardchannel ...]]"}},
    {"help",
     2,
     kLoading | kStale,
     0,
     {},
     LockPlan::nothing,
     help,
     {.summary = "Lists the subcommands of PUBSUB.",
      .since = "6.2.0",
      .group = "pubsub",
      .complexity = "O(1)",
      .syntax = ""}},
});

constexpr auto kRows = checked({
    {"subscribe",
     -2,
     kListening,
     0,
     {},
     LockPlan::nothing,
     subscribe<TopicKind::channel>,
     {.summary = "Begins to hear what is published to the channels.",
      .since = "2.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of channels to subscribe to.",
      .syntax = "channel [channel ...]"}},
    {"unsubscribe",
     -1,
     kListening,
     0,
     {},
     LockPlan::nothing,
     unsubscribe<TopicKind::channel>,
     {.summary = "Hears no more of the channels, or of all it had subscribed to by name.",
      .since = "2.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of clients already subscribed to a channel.",
      .syntax = "[channel [channel ...]]"}},
    {"psubscribe",
     -2,
     kListening,
     0,
     {},
     LockPlan::nothing,
     subscribe<TopicKind::pattern>,
     {.summary = "Begins to hear what is published to channels that match the patterns.",
      .since = "2.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of patterns the client is already subscribed to.",
      .syntax = "<pattern> [<pattern> ...]"}},
    {"punsubscribe",
     -1,
     kListening,
     0,
     {},
     LockPlan::nothing,
     unsubscribe<TopicKind::pattern>,
     {.summary = "Hears no more through the patterns, or through any pattern.",
      .since = "2.0.0",
      .group = "pubsub",
      .complexity = "O(N+M) where N is the number of patterns the client is already subscribed "
                    "and M is the number of total patterns subscribed in the system (by any "
                    "client).",
      .syntax = "[pattern [pattern ...]]"}},
    {"ssubscribe",
     -2,
     kListening,
     0,
     {.first = 1, .last = -1, .step = 1, .flags = kKeyNotKey},
     LockPlan::nothing,
     subscribe<TopicKind::shard_channel>,
     {.summary = "Begins to hear what is published to the shard channels.",
      .since = "7.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of shard channels to subscribe to.",
      .syntax = "shardchannel [shardchannel ...]"}},
    {"sunsubscribe",
     -1,
     kListening,
     0,
     {.first = 1, .last = -1, .step = 1, .flags = kKeyNotKey},
     LockPlan::nothing,
     unsubscribe<TopicKind::shard_channel>,
     {.summary = "Hears no more of the shard channels, or of any.",
      .since = "7.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of clients already subscribed to a shard channel.",
      .syntax = "[shardchannel [shardchannel ...]]"}},
    {"publish",
     3,
     kPublishing,
     0,
     {},
     LockPlan::nothing,
     publish<TopicKind::channel>,
     {.summary = "Sends a message to all who hear the channel.",
      .since = "2.0.0",
      .group = "pubsub",
      .complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel "
                    "and M is the total number of subscribed patterns (by any client).",
      .syntax = "channel message"}},
    {"spublish",
     3,
     kPublishing,
     0,
     {.first = 1, .last = 1, .step = 1, .flags = kKeyNotKey},
     LockPlan::nothing,
     publish<TopicKind::shard_channel>,
     {.summary = "Sends a message to all who hear the shard channel.",
      .since = "7.0.0",
      .group = "pubsub",
      .complexity = "O(N) where N is the number of clients subscribed to the receiving shard "
                    "channel.",
      .syntax = "shardchannel message"}},
    {"pubsub",
     -2,
     0,
     0,
     {},
     LockPlan::nothing,
     Handler(),
     {.summary = "About channels and who hears them.",
      .since = "2.8.0",
      .group = "pubsub",
      .complexity = "Depends on subcommand.",
      .syntax = ""},
     kSubcommands},
});

}  // namespace

CommandFamily pubsub_commands() {
  return kRows;
}

}  // namespace larder::server
