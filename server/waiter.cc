#include "server/waiter.h"

namespace larder::server {

Waiter::Waiter(uint64_t arrival, unsigned worker, const Session& session, const Command& command,
               protocol::Arguments arguments)
    : arrival_(arrival),
      worker_(worker),
      database_(session.database),
      dialect_(session.dialect),
      request_(command, arguments) {}

size_t Waiter::bytes() const {
  return sizeof *this + request_.bytes() + keys.capacity() * sizeof(Key);
}

}  // namespace larder::server
