// SimTransport: the transcript player's connections to a simulated server. Its time can be moved.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/simulation/sim_server.h"
#include "tests/transcripts/runner/player.h"

namespace larder::simulation {

class SimTransport final : public transcripts::Transport {
 public:
  // Both must outlive it.
  SimTransport(SimServer& server, Random& random) : server_(server), random_(random) {}

  bool open(std::string_view connection) override;
  void close(std::string_view connection) override;
  bool send(std::string_view connection, std::string_view bytes) override;
  transcripts::Arrival receive(std::string_view connection, int64_t wait_ms,
                               std::string& bytes) override;
  void pause(int64_t duration_ms) override { advance(duration_ms); }
  bool has_simulated_time() const override { return true; }
  void advance(int64_t duration_ms) override;

 private:
  struct End {
    std::unique_ptr<ClientEnd> end;
    std::string early;  // came while a send was waiting
    bool is_over = false;
  };

  End* find(std::string_view connection);
  void read(End& end);
  // Moves the clock to when a worker wants to be stepped, at most to `end_ns`.
  void advance_once(int64_t end_ns);

  SimServer& server_;
  Random& random_;
  std::map<std::string, End, std::less<>> ends_;
};

}  // namespace larder::simulation
