// What both drivers do with sockets in the same way. No state but what is named here; plain system
// calls that do not wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>

#include "server/driver/event.h"
#include "server/driver/listener.h"

namespace larder::server {

// Ends the process with a message if `holds` is false: a programmer's error, or a kernel that broke
// its word. Always on.
inline void check(bool holds, const char* message);
[[noreturn]] void fail(const char* message, int error = 0);

inline void check(bool holds, const char* message) {
  if (!holds) fail(message);
}

// Writes both ends of an accepted connection as CLIENT LIST prints them.
void describe(SocketHandle handle, const ListenSocket& listener, Addresses& addresses);

// Probes the peer after so many seconds of silence, and gives it up after three unanswered probes
// within as many again; 0: never. For TCP sockets; false with errno if the system refuses.
bool set_keepalive(SocketHandle handle, int seconds);

// Writes `text` as far as it goes without waiting, closes the socket.
void refuse(SocketHandle handle, std::string_view text);

// The addresses of one turn's accepted connections. Keeps its strings' memory; pointers stay valid
// until the next rewind().
class AddressPool {
 public:
  void rewind() { used_ = 0; }
  Addresses& next() {
    if (used_ == pool_.size()) pool_.emplace_back();
    return pool_[used_++];
  }

 private:
  std::deque<Addresses> pool_;
  size_t used_ = 0;
};

// Accepting stops for this long when descriptors or memory have run out: the clients wait in the
// backlog instead of costing the others a busy loop.
constexpr int64_t kAcceptPauseNs = 100'000'000;

// Whether an accept() that failed may succeed at once for the next client in the backlog.
bool is_passing_accept_error(int error);

// Reads the monotonic and the wall clock.
Now read_clocks();

}  // namespace larder::server
