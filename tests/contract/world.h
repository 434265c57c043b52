// World: a driver together with the other side of the network, as the contract tests see them.
//
// The contract (server/driver/event.h) is the same for every driver, so its tests are written once
// against this interface and run in each world of worlds(). A new driver joins with one line there.
//
// Nothing here waits, except Driver::turn(); time is what Driver::now() says, so a simulated world
// moves its clock and its network while a turn waits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/driver/driver.h"

namespace larder::contract {

// What reading gave: bytes, or the end of the stream, or neither yet.
struct PeerRead {
  std::string bytes;
  bool ended = false;  // closed or reset by the server
};

// The client's end of one connection.
class Peer {
 public:
  virtual ~Peer() = default;
  // Returns how many bytes the network took; 0 if it is full or the connection is gone.
  virtual size_t write(std::string_view bytes) = 0;
  virtual PeerRead read(size_t limit) = 0;
  virtual void finish() = 0;  // sends the end of the stream, goes on reading
  virtual void close() = 0;
  virtual void reset() = 0;
};

struct WorldOptions {
  uint32_t receive_buffer_count = 64;
  uint32_t receive_buffer_bytes = 64 * 1024;
};

class World {
 public:
  virtual ~World() = default;
  virtual server::Driver& driver() = 0;
  // Null if nobody listens.
  virtual std::unique_ptr<Peer> connect() = 0;
  // Are its sockets descriptors of this process, which can run out of them?
  virtual bool has_descriptors() const { return true; }
};

struct WorldFactory {
  const char* name;
  // Null, with the reason, where this machine lacks what the driver needs.
  std::unique_ptr<World> (*make)(const WorldOptions& options, std::string& why_not);
};

// The factories whose worlds exist on this machine; prints why another does not, once.
const std::vector<WorldFactory>& worlds();

}  // namespace larder::contract
