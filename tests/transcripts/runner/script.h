// Transcript: one file of conversations, parsed. README.md beside this folder is the grammar for
// authors; this is what the player walks through.
//
// Invariants: a file proves something (it says what), every scene has a name of its own, and a
// request that is repeated (`within`) is followed by the reply it waits for.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/transcripts/runner/pattern.h"

namespace larder::transcripts {

enum class Product { larder, redis };

// Where a line or scene applies.
struct Condition {
  enum class Kind { always, only, since };
  Kind kind = Kind::always;
  Product product = Product::redis;
  std::vector<int> version;  // since: first redis version; Larder always qualifies
  std::string reason;
};

enum class Stage { anywhere, simulated, real };

struct Step {
  enum class Kind {
    send,            // words, as one request
    send_raw,        // raw bytes
    expect,          // pattern
    expect_raw,      // raw bytes, exactly
    expect_closed,   // the server closes the connection
    expect_nothing,  // no unread reply has arrived
    open,
    close,    // by the client
    advance,  // milliseconds of simulated time
    bind,     // variable `connection` becomes `raw`
  };
  Kind kind = Kind::send;
  size_t line = 0;
  std::string connection;
  std::vector<Text> words;
  Text raw;
  Pattern pattern;
  int64_t within_ms = -1;  // send: repeat until the next step's reply matches, at most so long
  int64_t advance_ms = 0;
  Condition condition;
  Stage stage = Stage::anywhere;
  bool records = false;  // expect: accepts anything and reports it (recording)
  std::string source;
};

enum class Dialects { both, resp2, resp3 };

struct Scene {
  std::string name;
  size_t line = 0;
  Dialects dialects = Dialects::both;
  Condition condition;
  std::vector<Step> steps;

  bool needs_simulated_time() const;
};

struct Transcript {
  std::string path;
  std::string proves;
  std::vector<std::pair<std::string, std::string>> config;  // redis.conf name, value
  Condition condition;
  std::vector<Scene> scenes;
};

struct ParseOptions {
  bool record = false;  // give every request without an expectation one that records
};

// Parses a whole file. On failure `error` is "path:line: message" and the transcript is unusable.
bool parse_transcript(std::string path, std::string_view text, const ParseOptions& options,
                      Transcript& transcript, std::string& error);

}  // namespace larder::transcripts
