// Owner: keys of its own in three databases, each reply checked against the model.
#include <map>

#include "tests/simulation/workloads.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;

class Owner final : public Workload {
 public:
  Owner(SharedFacts& facts, unsigned number) : facts_(facts), number_(number) {}

  std::string name() const override { return "owner"; }

  void speak(Client& client) override {
    maybe_echo(client);
    Random& random = client.random();
    if (random.chance(80)) return select(client);
    if (random.chance(150)) return transact(client);
    if (random.chance(60)) return ask_many(client);
    const ModelCommand command = next_command(random);
    const uint64_t evicted = facts_.evictions_of(database_, command.key);
    client.request(command.words(), [this, command, database = database_, evicted](
                                        const Value& reply, UnixRange range) {
      return follow(database, command, range, evicted, reply);
    });
  }

  // What ran of the last requests is unknown, so the keys are given up for others.
  void lost(size_t) override {
    ++incarnation_;
    models_.clear();
    database_ = 0;
  }

 private:
  std::string random_key(Random& random) const {
    return "o" + std::to_string(number_) + "." + std::to_string(incarnation_) + ":" +
           std::to_string(random.below(6));
  }
  // Some keys are mostly lists, the others mostly strings.
  ModelCommand next_command(Random& random) const {
    const std::string key = random_key(random);
    return random_command(random, key, (key.back() - '0') % 3 == 2);
  }
  KeyModel& model(unsigned database, const std::string& key) { return models_[{database, key}]; }

  std::string follow(unsigned database, const ModelCommand& command, UnixRange range,
                     uint64_t evicted_when_made, const Value& reply) {
    return model(database, command.key)
        .follow(command, range, facts_.max_unix_ms,
                {evicted_when_made, facts_.evictions_of(database, command.key)},
                facts_.maxmemory_bytes, reply);
  }

  void select(Client& client) {
    database_ = static_cast<unsigned>(client.random().below(3));
    client.request({"SELECT", std::to_string(database_)}, expect_simple("OK"));
  }

  void ask_many(Client& client) {
    std::vector<std::string> keys;
    std::vector<uint64_t> evicted;
    Words words{"MGET"};
    for (size_t i = client.random().size_up_to(8); i > 0; --i) {
      keys.push_back(random_key(client.random()));
      words.push_back(keys.back());
      evicted.push_back(facts_.evictions_of(database_, keys.back()));
    }
    client.request(
        words,
        [this, keys, evicted, database = database_](const Value& reply,
                                                    UnixRange range) -> std::string {
          if (reply.kind != ValueKind::array || reply.elements.size() != keys.size()) {
            return "expected as many values as keys";
          }
          for (size_t i = 0; i < keys.size(); ++i) {
            ModelCommand get;
            get.verb = Verb::mget_one;
            get.key = keys[i];
            Value one;
            one.kind = ValueKind::array;
            one.elements.push_back(reply.elements[i]);
            std::string wrong = follow(database, get, range, evicted[i], one);
            if (!wrong.empty()) return wrong;
          }
          return {};
        });
  }

  void transact(Client& client) {
    Random& random = client.random();
    const bool watches = random.chance(400);
    const std::string watched = random_key(random);
    const unsigned watched_database = database_;
    if (watches) client.request({"WATCH", watched}, expect_simple("OK"));
    client.request({"MULTI"}, expect_simple("OK"));
    std::vector<std::pair<unsigned, ModelCommand>> queue;
    for (size_t i = random.size_up_to(6); i > 0; --i) {
      queue.emplace_back(database_, next_command(random));
      client.request(queue.back().second.words(), expect_simple("QUEUED"));
    }
    if (random.chance(100)) return client.request({"DISCARD"}, expect_simple("OK"));
    std::vector<uint64_t> evicted;
    for (const auto& [database, command] : queue) {
      evicted.push_back(facts_.evictions_of(database, command.key));
    }
    client.request(
        {"EXEC"},
        [this, watches, watched, watched_database, queue, evicted](
            const Value& reply, UnixRange range) -> std::string {
          const bool is_null =
              reply.kind == ValueKind::null || (reply.kind == ValueKind::array && reply.absent);
          if (is_null) {
            const bool may_be =
                watches && model(watched_database, watched)
                               .may_have_gone(facts_.max_unix_ms,
                                              facts_.evictions_of(watched_database, watched));
            return may_be ? "" : "EXEC failed although nobody changed a watched key";
          }
          if (reply.kind != ValueKind::array || reply.elements.size() != queue.size()) {
            return "expected as many results as queued commands";
          }
          for (size_t i = 0; i < queue.size(); ++i) {
            const auto& [database, command] = queue[i];
            std::string wrong = follow(database, command, range, evicted[i], reply.elements[i]);
            if (!wrong.empty()) return "in EXEC: " + wrong;
          }
          return {};
        });
  }

  SharedFacts& facts_;
  unsigned number_;
  unsigned incarnation_ = 0;
  unsigned database_ = 0;
  std::map<std::pair<unsigned, std::string>, KeyModel> models_;
};

}  // namespace

std::unique_ptr<Workload> make_owner(SharedFacts& facts, unsigned number) {
  return std::make_unique<Owner>(facts, number);
}

}  // namespace larder::simulation
