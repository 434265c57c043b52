// Tracking: how one client wants to be told that keys it may have cached have changed (CLIENT
// TRACKING). Part of its session; a session that does not track has none.
//
// Thread: the worker of its connection.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace larder::server {

struct Tracking {
  unsigned worker = 0;  // of the client
  bool broadcast = false;
  bool optin = false;
  bool optout = false;
  bool noloop = false;
  bool caching = false;  // CLIENT CACHING was said for what comes next
  bool redirect_is_broken = false;
  uint64_t redirect = 0;  // session id; 0: the client itself
  unsigned redirect_worker = 0;
  std::set<std::string> prefixes;  // of a broadcasting client; they do not overlap

  // Does what the client reads now concern it later?
  bool remembers_reads() const {
    return !broadcast && !(optin && !caching) && !(optout && caching);
  }
};

}  // namespace larder::server
