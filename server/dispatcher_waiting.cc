// Clients that wait for keys: how they begin to, who is served when a key is written to, and what
// has to be locked for that.
//
// Who waits is served by whoever writes, after its command or transaction and before its shards
// are unlocked, in the order in which the keys were written to and, for each key, in that in
// which its waiters came. What that does to other keys (BLMOVE's destination) may serve others in
// turn, so their shards belong to those a write holds.
#include <set>
#include <string_view>
#include <utility>

#include "server/dispatcher.h"
#include "server/key_arguments.h"
#include "server/node.h"
#include "server/waiter.h"

namespace larder::server {

using protocol::Reply;

// ---- beginning and ending -----------------------------------------------------------------------

void Dispatcher::begin_waiting(Session& session, const Request& request, KeyContext& context) {
  const WaitRequest& wish = *context.wait_request();
  std::vector<std::string_view> words(request.arguments.begin(), request.arguments.end());
  for (const auto& [at, text] : wish.settled) words[at] = text;
  auto waiter = std::make_shared<Waiter>(node_.next_arrival(), worker_index_, session,
                                         *request.command, words);
  waiter->timeout_ms = wish.timeout_ms;
  waiter->awaited = wish.awaited;
  // The same keys, in the copy of the request, which outlives this one's bytes.
  const protocol::Arguments arguments = waiter->arguments();
  const KeyArguments places = key_arguments(*request.command->row, arguments);
  for (size_t i = 0; i < places.total(); ++i) {
    waiter->keys.push_back({arguments[places.at(i)], context.keys()[i].hash});
  }
  for (const Key& key : waiter->awaited_keys()) {
    node_.keyspace().slot(key.shard()).waiters.add(session.database, key.text, waiter->arrival(),
                                                   waiter);
  }
  session.waiter = std::move(waiter);
}

bool Dispatcher::forget_waiter(const Waiter& waiter) {
  ShardSet shards;
  for (const Key& key : waiter.awaited_keys()) shards.add(key.shard());
  if (!node_.keyspace().try_lock(shards)) return false;
  take_out(waiter);
  node_.keyspace().unlock(shards);
  return true;
}

// REQUIRES: the shards of the keys that it waits for are locked.
void Dispatcher::take_out(const Waiter& waiter) {
  for (const Key& key : waiter.awaited_keys()) {
    node_.keyspace().slot(key.shard()).waiters.remove(waiter.database(), key.text,
                                                      waiter.arrival());
  }
}

// ---- what has to be locked ----------------------------------------------------------------------

// The shards that serving those who wait for `keys` would write to, beyond `locked`; of those
// waiters only that can be seen, so after locking more one has to ask again. Whatever database a
// command writes to, it is the same shard.
ShardSet Dispatcher::missing_for_waiters(std::span<const Key> keys, const ShardSet& locked) {
  ShardSet missing;
  std::vector<Key> reached;
  std::set<std::string_view> known;
  const auto reach = [&](const Key& key) {
    if (known.insert(key.text).second) reached.push_back(key);
  };
  for (const Key& key : keys) reach(key);
  for (size_t i = 0; i < reached.size(); ++i) {
    const Key key = reached[i];
    if (!locked.contains(key.shard())) {
      missing.add(key.shard());
      continue;
    }
    const WaiterTable& table = node_.keyspace().slot(key.shard()).waiters;
    for (unsigned database = 0; !table.empty() && database < storage::kMaxDatabases; ++database) {
      const WaiterTable::Line* line = table.find(database, key.text);
      if (line == nullptr) continue;
      for (const auto& [arrival, waiter] : *line) {
        for (const Key& written : waiter->written_keys()) reach(written);
      }
    }
  }
  return missing;
}

bool Dispatcher::lock_with_waiters(ShardSet& shards, std::span<const Key> keys) {
  Keyspace& keyspace = node_.keyspace();
  while (keyspace.try_lock(shards)) {
    const ShardSet missing = missing_for_waiters(keys, shards);
    if (missing.empty()) return true;
    keyspace.unlock(shards);
    missing.for_each([&shards](unsigned shard) {
      shards.add(shard);
      return true;
    });
  }
  return false;
}

// ---- serving ------------------------------------------------------------------------------------

void Dispatcher::serve_waiters(const ShardSet& locked) {
  std::vector<ReadyKey>& ready = environment_.ready;
  // Serving may make further keys ready.
  for (size_t i = 0; i < ready.size(); ++i) {
    const ReadyKey key = std::move(ready[i]);
    serve_waiters_of(key, locked);
  }
  ready.clear();
}

void Dispatcher::serve_lost() {
  std::vector<ReadyKey> lost;
  lost.swap(environment_.lost);
  for (ReadyKey& each : lost) {
    const Key key{each.text, each.hash};
    ShardSet shards;
    shards.add(key.shard());
    if (!lock_with_waiters(shards, {&key, 1})) {
      environment_.lost.push_back(std::move(each));
      continue;
    }
    if (keeps_ranks_) begin(shards);
    environment_.ready.push_back({each.database, each.hash, each.text});
    serve_waiters(shards);
    commit_effects(/*together=*/true, /*writer=*/0);
    settle(shards);
    node_.keyspace().unlock(shards);
  }
}

void Dispatcher::serve_waiters_of(const ReadyKey& ready, const ShardSet& locked) {
  const Key key{ready.text, ready.hash};
  const WaiterTable& table = node_.keyspace().slot(key.shard()).waiters;
  uint64_t seen = 0;  // arrivals are above 0
  while (const WaiterTable::Line* line = table.find(ready.database, key.text)) {
    const auto place = line->upper_bound(seen);
    if (place == line->end()) return;
    seen = place->first;
    const std::shared_ptr<Waiter> waiter = place->second;
    const CommandRow& row = *waiter->command().row;
    KeyContext context(environment_, ready.database, waiter->keys, waiter->arguments(), &locked);
    // Whose time is over is taken out by its own worker.
    if (!row.serving.finds(context, key, waiter->arguments())) continue;
    if (!waiter->claim(Waiter::State::served)) continue;
    Reply reply(waiter->reply, waiter->dialect());
    row.serving.serve(context, key, waiter->arguments(), reply);
    served_.push_back(waiter);
  }
}

}  // namespace larder::server
