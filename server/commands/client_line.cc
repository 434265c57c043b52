#include "server/commands/client_line.h"

#include <algorithm>

#include "server/command_table.h"
#include "server/session.h"

namespace larder::server {
namespace {

void add(std::string& line, std::string_view name, std::string_view value) {
  if (!line.empty()) line += ' ';
  line += name;
  line += '=';
  line += value;
}

void add(std::string& line, std::string_view name, size_t value) {
  add(line, name, std::to_string(value));
}

int64_t seconds_since(int64_t then_ms, int64_t now_ms) {
  return std::max<int64_t>(0, (now_ms - then_ms) / 1000);
}

std::string flag_letters(const Session& session, const ConnectionFacts& facts) {
  std::string letters;
  if (session.monitoring) letters += 'O';
  if (session.is_subscribed()) letters += 'P';
  if (session.in_transaction()) letters += 'x';
  if (facts.waiting) letters += 'b';
  if (const Tracking* tracking = session.tracking.get()) {
    letters += 't';
    if (tracking->redirect_is_broken) letters += 'R';
    if (tracking->broadcast) letters += 'B';
  }
  if (facts.closing) letters += 'c';
  if (facts.is_unix_socket) letters += 'U';
  if (session.no_evict) letters += 'e';
  if (session.no_touch) letters += 'T';
  if (letters.empty()) letters = "N";
  return letters;
}

}  // namespace

std::string client_line(const Session& session, const ConnectionFacts& facts, int64_t now_ms) {
  const Transaction* transaction = session.transaction.get();
  std::string line;
  add(line, "id", std::to_string(session.id));
  add(line, "addr", facts.peer);
  add(line, "laddr", facts.local);
  add(line, "fd", std::to_string(facts.handle));
  add(line, "name", session.name);
  add(line, "age", std::to_string(seconds_since(facts.created_unix_ms, now_ms)));
  add(line, "idle", std::to_string(seconds_since(facts.last_interaction_unix_ms, now_ms)));
  add(line, "flags", flag_letters(session, facts));
  add(line, "db", session.database);
  const Subscriber* subscriber = session.subscriber.get();
  const auto subscriptions = [subscriber](TopicKind kind) {
    return subscriber == nullptr ? 0 : subscriber->count(kind);
  };
  add(line, "sub", subscriptions(TopicKind::channel));
  add(line, "psub", subscriptions(TopicKind::pattern));
  add(line, "ssub", subscriptions(TopicKind::shard_channel));
  add(line, "multi", transaction == nullptr ? "-1" : std::to_string(transaction->queue.size()));
  add(line, "watch", session.watched.size());
  add(line, "qbuf", facts.input_bytes);
  add(line, "qbuf-free", facts.input_capacity - std::min(facts.input_capacity, facts.input_bytes));
  add(line, "multi-mem", transaction == nullptr ? 0 : transaction->bytes);
  add(line, "obl", facts.output_bytes);
  add(line, "omem", facts.output_capacity);
  add(line, "tot-mem", facts.total_bytes);
  add(line, "cmd", session.last_command == nullptr ? "NULL" : session.last_command->full_name);
  add(line, "user", "default");
  const Tracking* tracking = session.tracking.get();
  add(line, "redir", tracking == nullptr ? "-1" : std::to_string(tracking->redirect));
  add(line, "resp", session.dialect == protocol::Dialect::resp3 ? "3" : "2");
  add(line, "lib-name", session.library_name);
  add(line, "lib-ver", session.library_version);
  return line;
}

}  // namespace larder::server
