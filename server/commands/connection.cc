// HELLO, AUTH, PING, ECHO, SELECT, QUIT, RESET: who the client is and how it is spoken to.
//
// HELLO and AUTH decide before they change anything: an error leaves the session as it was.
#include <optional>
#include <string>

#include "protocol/number.h"
#include "server/commands/families.h"
#include "server/commands/parts.h"
#include "server/commands/session_names.h"
#include "server/commands/values.h"
#include "server/contexts.h"
#include "server/pubsub/subscriptions.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"
#include "server/tracking/tracking_table.h"
#include "server/version.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Dialect;
using protocol::Reply;
using text::equals_ignoring_case;

constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";

// Takes a time that depends on the length of `attempt` alone. REQUIRES: `secret` is not empty.
bool is_same_secret(std::string_view attempt, std::string_view secret) {
  unsigned difference = attempt.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < attempt.size(); ++i) {
    difference |= static_cast<unsigned char>(attempt[i] ^ secret[i % secret.size()]);
  }
  return difference == 0;
}

// The only user is "default"; without `requirepass` it is let in with any password, as in Redis.
bool may_enter(const Config& config, std::string_view user, std::string_view password) {
  if (user != "default") return false;
  return config.requirepass.empty() || is_same_secret(password, config.requirepass);
}

// ---- HELLO --------------------------------------------------------------------------------------

struct HelloRequest {
  std::optional<Dialect> dialect;
  bool authenticates = false;
  std::optional<std::string_view> name;
};

// Writes the error and answers nothing if the request cannot be granted.
std::optional<HelloRequest> read_hello(SessionContext& context, Arguments arguments, Reply& reply) {
  HelloRequest request;
  if (arguments.size() >= 2) {
    const std::optional<int64_t> version = protocol::parse_int64(arguments[1]);
    if (!version) {
      reply.error("ERR Protocol version is not an integer or out of range");
      return std::nullopt;
    }
    if (*version != 2 && *version != 3) {
      reply.error("NOPROTO unsupported protocol version");
      return std::nullopt;
    }
    request.dialect = static_cast<Dialect>(*version);
  }
  for (size_t i = 2; i < arguments.size(); ++i) {
    const size_t more = arguments.size() - 1 - i;
    if (equals_ignoring_case(arguments[i], "auth") && more >= 2) {
      if (!may_enter(context.config(), arguments[i + 1], arguments[i + 2])) {
        reply.error(kWrongPassword);
        return std::nullopt;
      }
      request.authenticates = true;
      i += 2;
    } else if (equals_ignoring_case(arguments[i], "setname") && more >= 1) {
      if (!is_session_attribute(arguments[i + 1])) {
        reply.error(kBadSessionName);
        return std::nullopt;
      }
      request.name = arguments[++i];
    } else {
      reply.error("ERR Syntax error in HELLO option '" + text::shortened(arguments[i]) + "'");
      return std::nullopt;
    }
  }
  if (!context.session().authenticated && !request.authenticates) {
    reply.error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
        "protocol version at the same time");
    return std::nullopt;
  }
  return request;
}

void hello(SessionContext& context, Arguments arguments, Reply& reply) {
  const std::optional<HelloRequest> request = read_hello(context, arguments, reply);
  if (!request) return;
  Session& session = context.session();
  if (request->authenticates) session.authenticated = true;
  if (request->name) session.name = *request->name;
  if (request->dialect) session.dialect = *request->dialect;
  reply.set_dialect(session.dialect);
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(kRedisVersion);
  reply.bulk("proto");
  reply.integer(static_cast<int64_t>(session.dialect));
  reply.bulk("id");
  reply.integer(static_cast<int64_t>(session.id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
}

// ---- the others ---------------------------------------------------------------------------------

void auth(SessionContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 3) return reply.error("ERR syntax error");
  if (arguments.size() == 2 && context.config().requirepass.empty()) {
    return reply.error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  const std::string_view user = arguments.size() == 3 ? arguments[1] : "default";
  if (!may_enter(context.config(), user, arguments.back())) return reply.error(kWrongPassword);
  context.session().authenticated = true;
  reply.ok();
}

void ping(SessionContext& context, Arguments arguments, Reply& reply) {
  if (arguments.size() > 2) {
    return reply.error("ERR wrong number of arguments for 'ping' command");
  }
  if (context.session().is_in_subscriber_mode()) {
    // What a client expects that reads nothing but messages.
    reply.array(2);
    reply.bulk("pong");
    return reply.bulk(arguments.size() == 2 ? arguments[1] : std::string_view());
  }
  if (arguments.size() == 2) return reply.bulk(arguments[1]);
  reply.simple("PONG");
}

void echo(SessionContext&, Arguments arguments, Reply& reply) {
  reply.bulk(arguments[1]);
}

void select(SessionContext& context, Arguments arguments, Reply& reply) {
  const std::optional<unsigned> index =
      read_database(arguments[1], context.config().databases, reply);
  if (!index) return;
  context.session().database = static_cast<uint8_t>(*index);
  reply.ok();
}

void quit(SessionContext& context, Arguments, Reply& reply) {
  context.session().close_after_reply = true;
  reply.ok();
}

// Name and version of the client's library stay: they are still true.
void reset(KeyContext& context, Session& session, Arguments, Reply& reply) {
  context.unwatch_all(session);
  context.environment().subscriptions->leave(session);
  if (session.tracking != nullptr) context.environment().tracking->end(session);
  session.transaction.reset();
  session.dialect = Dialect::resp2;
  session.database = 0;
  session.authenticated = !context.environment().password_required;
  session.reply_mode = ReplyMode::on;
  session.no_evict = false;
  session.no_touch = false;
  session.monitoring = false;
  session.name.clear();
  reply.set_dialect(session.dialect);
  reply.simple("RESET");
}

constexpr uint32_t kHandshake = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;

constexpr auto kRows = checked({
    {"hello",
     -1,
     kHandshake,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     hello,
     {.summary = "Agrees on the protocol; on request also authenticates and names the connection.",
      .since = "6.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "[protover [AUTH username password] [SETNAME clientname]]",
      .history = "6.2.0: Without arguments only describes the connection."}},
    {"auth",
     -2,
     kHandshake,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     auth,
     {.summary = "Says who the client is, with a password.",
      .since = "1.0.0",
      .group = "connection",
      .complexity = "O(N) where N is the number of passwords defined for the user",
      .syntax = "[username] password",
      .history = "6.0.0: Takes a user name."}},
    {"ping",
     -1,
     kFast | kSubscriberMode,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     ping,
     {.summary = "Answers PONG, or the message.",
      .since = "1.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "[message]",
      .tips = "request_policy:all_shards response_policy:all_succeeded"}},
    {"echo",
     2,
     kLoading | kStale | kFast,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     echo,
     {.summary = "Answers the message.",
      .since = "1.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "message"}},
    {"select",
     2,
     kLoading | kStale | kFast,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     select,
     {.summary = "Chooses the database that later commands of this connection use.",
      .since = "1.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = "index"}},
    {"quit",
     -1,
     kHandshake | kTransactionControl | kSubscriberMode,
     kConnectionCategory,
     {},
     LockPlan::nothing,
     quit,
     {.summary = "Closes the connection once everything is answered.",
      .since = "1.0.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
    {"reset",
     1,
     kHandshake | kTransactionControl | kSubscriberMode,
     kConnectionCategory,
     {},
     LockPlan::watched,
     reset,
     {.summary = "Makes the connection as it was when it began.",
      .since = "6.2.0",
      .group = "connection",
      .complexity = "O(1)",
      .syntax = ""}},
});

}  // namespace

CommandFamily connection_commands() {
  static const std::vector<CommandRow> rows = joined({kRows, client_commands()});
  return rows;
}

}  // namespace larder::server
