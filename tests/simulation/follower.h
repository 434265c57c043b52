// Follower: a second node that learns of the first one only through the stream of effects, and must
// be its equal after every record.
//
// It begins with a copy of the primary's data, taken while all shards are held, at any moment. It
// has no clock: an effect must mean the same whenever it is applied.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/request_parser.h"
#include "server/dispatcher.h"
#include "server/effects.h"
#include "server/expiry_duty.h"
#include "server/node.h"

namespace larder::simulation {

// Everything a node holds: (database, key) -> (value, deadline).
struct StoredValue {
  std::string text;  // of a string
  int64_t deadline_ms;
  storage::Type type = storage::Type::string;
  std::vector<std::string> elements = {};  // of a collection, which has at least one

  // Calls visitor(deadline, field) for its own, with no field, and for those of a hash's fields.
  template <typename Visitor>
  void for_each_deadline(Visitor visitor) const {
    if (deadline_ms != storage::kNoDeadline) visitor(deadline_ms, std::string());
    for (size_t i = 0; type == storage::Type::hash && i < elements.size(); i += 3) {
      const int64_t of_field_ms = std::stoll(elements[i + 2]);
      if (of_field_ms != storage::kNoDeadline) visitor(of_field_ms, " field " + elements[i]);
    }
  }
  bool operator==(const StoredValue&) const = default;
};
using Contents = std::map<std::pair<unsigned, std::string>, StoredValue>;
Contents contents_of(server::Keyspace& keyspace);

class Follower final : public server::EffectListener {
 public:
  // Copies and attaches. REQUIRES: no shard is taken. Detaches when it goes.
  Follower(server::Node& primary, uint64_t seed);
  ~Follower() override;
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  void on_record(const server::EffectRecord& record) override;

  // Applies the records that have come.
  void apply();
  // Applies them and fails unless both nodes hold the same.
  void compare();

  uint64_t records() const { return records_; }
  uint64_t expired_events() const { return expired_events_; }

 private:
  void copy_contents();
  void apply_request(protocol::Arguments arguments);

  server::Node& primary_;
  server::Node node_;
  server::ExpiryDuty expiry_duty_;
  server::Dispatcher dispatcher_;
  server::Session session_;
  protocol::ReplyBuffer replies_;
  std::string pending_;
  std::string error_;  // noticed while a worker's step ran
  uint64_t offset_;
  uint64_t records_ = 0;
  uint64_t expired_events_ = 0;
};

}  // namespace larder::simulation
