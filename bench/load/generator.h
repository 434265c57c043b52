// Generator: keeps the connections busy and counts what comes back.
//
// Owns the connections and the ring. A phase starts and ends with nothing in flight, so everything
// a phase counts (requests, bytes, the server's CPU time around it) belongs to it alone.
//
//   closed loop  every connection sends `pipeline` requests, waits for all replies, and again.
//                Latency counts from when the batch was handed to the kernel.
//   open loop    request i of the phase is due at start + i / rate, on connection i modulo
//                connections. It is sent when due, or as soon afterwards as fewer than `pipeline`
//                requests of its connection are unanswered; latency counts from when it was due, so
//                a server that stalls is charged for the requests it kept from being sent.
//                With bursts, requests come due in groups, each on one connection, at the time of
//                the group's first.
//
// Invariants: one send in flight per connection; a request buffer is rewritten only when no send
// uses it; replies never exceed requests.
//
// Thread: one. Errors: a phase that could not be completed says why in `failure`.
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/endpoint.h"
#include "bench/load/histogram.h"
#include "bench/load/reply_scanner.h"
#include "bench/load/request_maker.h"
#include "bench/load/ring.h"
#include "bench/load/samples.h"

namespace larder::bench {

struct PhaseSpec {
  RequestMaker* maker = nullptr;
  uint32_t pipeline = 1;
  uint64_t max_requests = 0;         // 0: no limit; else exactly so many
  uint64_t duration_ns = 0;          // 0: no limit; one of the two is set
  double requests_per_second = 0.0;  // 0: closed loop; else a duration means rate x duration
                                     // requests, all of which are sent, however late
  uint32_t burst = 1;                // open loop: so many come due together, at most `pipeline`
  uint64_t silence_ns = 0;           // fails when nothing came for so long
  std::vector<Sample>* samples = nullptr;  // open loop: gets one per request, as they are answered
  // Not 0: the phase ends as if its time were up; what is due already is still sent and counted.
  const volatile std::sig_atomic_t* stop = nullptr;
};

struct PhaseResult {
  uint64_t answered = 0;  // requests
  ReplyCounts counts;
  uint64_t elapsed_ns = 0;  // first request to last reply
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t client_cpu_ns = 0;
  LatencyHistogram latency;
  std::string failure;      // empty: complete
  std::string first_error;  // text of the first error reply, if any
};

class Generator {
 public:
  Generator(const Endpoint& endpoint, WireProtocol protocol);
  ~Generator();
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Opens the ring. False: io_uring cannot be used here.
  [[nodiscard]] bool open_ring(std::string& error) { return ring_.open(error); }

  // Connects, and sends each of `setup` on every connection; none may answer an error.
  [[nodiscard]] bool connect(uint32_t connections, const std::vector<std::string>& setup,
                             int timeout_ms, std::string& error);

  // Runs one phase to its end. After a failure no further phase may be run.
  PhaseResult run(const PhaseSpec& spec);

 private:
  struct Connection {
    int fd = -1;
    ReplyScanner scanner{WireProtocol::resp};
    std::unique_ptr<char[]> requests;
    std::string_view unsent;  // the part of `requests` whose sending is not complete
    bool sending = false;
    bool receiving = false;    // a multishot receive is armed
    uint32_t outstanding = 0;  // requests written and not answered
    uint64_t replies = 0;      // that came of those that answer the first of them
    uint64_t batch_at_ns = 0;  // closed loop: when the batch was handed over
    uint64_t written = 0;      // open loop: requests of this phase, written and answered
    uint64_t answered = 0;
    std::vector<uint64_t> sent_at_ns;  // with samples: of request n at n modulo pipeline
  };

  void begin(const PhaseSpec& spec);
  bool turn();
  bool finished() const;
  void stop_writing();
  void make_due(uint64_t now);
  void issue(uint32_t index, uint64_t now);
  uint32_t due_requests(const Connection& connection, uint32_t index) const;
  void write_and_send(uint32_t index, uint32_t count, uint64_t now);
  void on_completion(const Completion& completion);
  void on_received(const Completion& completion);
  void on_sent(const Completion& completion);
  void on_tick(uint64_t now);
  void record_latency(Connection& connection, uint32_t index, uint64_t answered, uint64_t now);
  uint64_t number_of(uint64_t request, uint32_t index) const;
  uint64_t due_at(uint64_t request) const;
  void fail(const std::string& reason);

  Endpoint endpoint_;
  WireProtocol protocol_;
  std::vector<Connection> connections_;
  Ring ring_;  // after what its sends point to: it ends first
  bool ticking_ = false;

  // The running phase.
  PhaseSpec spec_;
  PhaseResult result_;
  uint64_t start_ns_ = 0;
  uint64_t last_reply_ns_ = 0;
  uint64_t waiting_since_ns_ = 0;  // last reply, or first request after a quiet time
  uint64_t left_to_write_ = 0;
  uint64_t outstanding_ = 0;
  uint64_t sends_in_flight_ = 0;
  uint64_t next_due_ = 0;  // open loop: the first request whose time has not come
  bool closing_ = false;   // the time is up: nothing more is written
};

}  // namespace larder::bench
