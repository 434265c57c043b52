#include "tests/simulation/contract_world.h"

#include "tests/simulation/sim_driver.h"

namespace larder::simulation {
namespace {

// No short sends: the tests' sends of a few bytes are not sent on in pieces.
// What the network holds in each direction: less than the tests' large streams.
constexpr size_t kPipeBytes = 1 << 20;

class SimPeer final : public contract::Peer {
 public:
  explicit SimPeer(std::unique_ptr<ClientEnd> end) : end_(std::move(end)) {}

  size_t write(std::string_view bytes) override { return end_->write(bytes); }
  contract::PeerRead read(size_t limit) override {
    contract::PeerRead result;
    result.ended = !end_->read(limit, result.bytes);
    return result;
  }
  void finish() override { end_->finish(); }
  void close() override { end_->close(); }
  void reset() override { end_->reset(); }

 private:
  std::unique_ptr<ClientEnd> end_;
};

class SimWorld final : public contract::World {
 public:
  explicit SimWorld(const contract::WorldOptions& options)
      : faults_{.split_receive = 300,
                .starve = 100,
                .delay_send = 100,
                .delay_close = 100,
                .receive_buffer_bytes = options.receive_buffer_bytes,
                .receive_buffer_count = options.receive_buffer_count},
        driver_(network_, clock_, faults_, Random(1), /*listens=*/true, nullptr) {}

  server::Driver& driver() override { return driver_; }
  bool has_descriptors() const override { return false; }
  std::unique_ptr<contract::Peer> connect() override {
    auto end = network_.connect(kPipeBytes, kPipeBytes);
    return end == nullptr ? nullptr : std::make_unique<SimPeer>(std::move(end));
  }

 private:
  Network network_;
  SimClock clock_;
  NetworkFaults faults_;
  SimDriver driver_;
};

}  // namespace

std::unique_ptr<contract::World> make_simulated_world(const contract::WorldOptions& options,
                                                      std::string&) {
  return std::make_unique<SimWorld>(options);
}

}  // namespace larder::simulation
