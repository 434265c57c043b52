// Invalidation: keys that clients of one worker may have cached have changed; on its way to that
// worker, in the same box as messages, so that it is never overtaken by what came later.
//
// Thread: immutable once posted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace larder::server {

struct Invalidation {
  enum class Kind : uint8_t {
    keys,        // they changed, or their readers are not remembered any longer
    everything,  // all keys, for all tracking clients of the worker, or for `clients`
    redirected,  // of `origin`, whose invalidations clients[0] is to be sent
    broken,      // clients[0] redirects to one that is gone
  };

  Kind kind = Kind::keys;
  bool broadcast = false;  // for those who track by prefixes, else for those who have read the keys
  std::string keys = {};   // as a RESP array; of `redirected`: empty for everything
  uint64_t writer = 0;     // the session that changed them; 0: none
  uint64_t origin = 0;
  unsigned origin_worker = 0;
  std::vector<uint64_t> clients = {};  // session ids

  size_t bytes() const {
    return sizeof *this + keys.capacity() + clients.capacity() * sizeof(uint64_t);
  }
};

}  // namespace larder::server
