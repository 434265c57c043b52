// KeyWalk: KEYS in parts, so that nobody waits for ten million keys: how far it has come, and what
// it has found, ready to be sent.
//
// Each part holds the locks of the shards it looks at, and no others. A key that is there from the
// first part to the last is found exactly once; one that comes or goes meanwhile may be missed.
//
// Owns the text it has found, in chunks that nothing moves; the reply takes them over.
// Thread: the worker of the session whose request it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/reply.h"
#include "protocol/reply_buffer.h"
#include "server/text/glob.h"

namespace larder::server {

class KeyContext;

class KeyWalk {
 public:
  // Looks at about `most` more keys of the context's database; true when those were the last.
  // Stops early at a shard that is taken, and when is_too_dear(). O(most).
  bool go_on(KeyContext& context, std::string_view pattern, size_t most);
  // Matching took more steps than any request may.
  bool is_too_dear() const { return budget_.is_spent(); }

  // Bytes of what was found, as they will be sent.
  size_t bytes() const { return bytes_; }
  // Answers what was found, without copying much of it. The walk is over then.
  void answer(protocol::Reply& reply);

 private:
  void add(std::string_view key);

  unsigned shard_ = 0;
  uint64_t position_ = 0;  // in the shard's hash order (Shard::scan())
  text::GlobBudget budget_;
  size_t count_ = 0;
  size_t bytes_ = 0;
  std::vector<std::unique_ptr<protocol::ReplyBuffer>> chunks_;
};

}  // namespace larder::server
