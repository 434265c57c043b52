// Player: plays a transcript through a Transport and tells what differed.
//
// It has no sockets, threads or clock: the transport moves the bytes and owns the time, so the same
// files run over TCP (main.cc) and inside the simulator. Every scene begins with no connection but
// the player's own one ("control"), which empties the server with FLUSHALL, and is played once
// per dialect it is meant for.
//
// A reply that does not match is noted and the scene goes on, as request and reply are still in
// step; a reply that does not come, or a connection that is lost, ends the scene.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/transcripts/runner/script.h"

namespace larder::transcripts {

enum class Arrival {
  bytes,    // something was appended
  closed,   // the server has closed the connection; all its bytes were delivered before
  timeout,  // the time is over
};

// Named connections to one server. All calls come from one thread.
class Transport {
 public:
  virtual ~Transport() = default;

  // Makes a new connection; the name is free. False: refused.
  virtual bool open(std::string_view connection) = 0;
  // Closes from the client's side; harmless after the server did.
  virtual void close(std::string_view connection) = 0;
  // Hands over all of `bytes`. False: the connection is gone (what the server said before is still
  // to be received). Must not deadlock when the server stops reading until its replies are read.
  virtual bool send(std::string_view connection, std::string_view bytes) = 0;
  // Appends to `bytes` what has come, or waits for it, at most `wait_ms` of the server's time.
  virtual Arrival receive(std::string_view connection, int64_t wait_ms, std::string& bytes) = 0;
  // Lets `duration_ms` pass (a pause between two tries of a repeated request).
  virtual void pause(int64_t duration_ms) = 0;
  // Simulated time can be moved at will; real time cannot.
  virtual bool has_simulated_time() const = 0;
  virtual void advance(int64_t duration_ms) = 0;
};

struct Failure {
  size_t line = 0;
  std::string scene;
  std::string message;
};

struct Skip {
  std::string scene;  // empty: the whole file
  std::string reason;
};

struct Outcome {
  size_t scenes_played = 0;  // counted once per dialect
  size_t replies_checked = 0;
  std::vector<Skip> skips;
  std::vector<Failure> failures;
};

struct PlayerOptions {
  int64_t reply_timeout_ms = 10'000;
  // Recording: told the reply to the request on this line; none came within the timeout if null.
  std::function<void(size_t line, const Value& value)> on_recorded;
};

class Player {
 public:
  Player(Transport& transport, PlayerOptions options)
      : transport_(&transport), options_(std::move(options)) {}

  // Plays every scene of a transcript against a server that was started with its config.
  Outcome play(const Transcript& transcript);

 private:
  struct Connection {
    std::string name;
    std::string unread;
    bool is_closed = false;
  };
  enum class Got { value, nothing, lost };

  bool open_control();
  bool identify(const Transcript& transcript);
  bool applies(const Condition& condition, std::string& why_not) const;
  bool applies(const Step& step) const;
  void play_scene(const Scene& scene, Dialects dialect);
  bool prepare_scene();
  void finish_scene();
  bool play_step(const Scene& scene, size_t& index);
  bool repeat_request(const Step& request, const Step& expectation);
  bool expect_closed(const Step& step, Connection& connection);
  bool expect_raw(const Step& step, Connection& connection);
  bool expect_nothing(const Step& step, Connection& connection);
  bool record(const Step& step, Connection& connection);

  Connection* find(std::string_view name);
  Connection* find_or_open(const Step& step);
  Connection* open(const std::string& name);
  bool send_request(const Step& step, Connection& connection);
  Got read_reply(Connection& connection, int64_t wait_ms, Value& value, std::string& why);
  bool exchange(std::string_view connection, const std::vector<std::string>& words, Value& value);
  void note(const Step& step, std::string message);
  void note(size_t line, std::string message);

  Transport* transport_;
  PlayerOptions options_;
  Outcome outcome_;
  Product product_ = Product::larder;
  std::vector<int> version_;
  const Scene* scene_ = nullptr;
  Dialects dialect_ = Dialects::resp2;
  Reading reading_ = Reading::exact;
  Variables variables_;
  std::string password_;  // of the player's own connection
  std::vector<Connection> connections_;
};

// Words as one RESP request (an array of bulk strings).
std::string encode_request(const std::vector<std::string>& words);

}  // namespace larder::transcripts
