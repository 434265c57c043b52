// SlowLog: the commands that took longest to run, newest first, for SLOWLOG.
//
// Owns copies of what clients said, cut short: at most 32 arguments of 128 bytes. One for the node;
// slow commands are rare, so the workers share it behind a lock.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"

namespace larder::server {

struct SlowEntry {
  static constexpr size_t kMostArguments = 32;
  static constexpr size_t kMostArgumentBytes = 128;
  // A client's name is not worth more either.
  static constexpr size_t kMostNameBytes = 128;

  uint64_t id = 0;
  int64_t at_unix_s = 0;
  int64_t duration_us = 0;
  std::vector<std::string> arguments;
  std::string peer;
  std::string name;
};

// The arguments as SLOWLOG keeps them: long ones end in "... (N more bytes)", and what is beyond
// the last but one place becomes "... (N more arguments)". Secrets are left out (redaction.h).
// `note`, if not empty, is one more argument at the end.
std::vector<std::string> shortened(protocol::Arguments arguments, std::string_view note = {});

class SlowLog {
 public:
  // Gives the entry its id; keeps the `most` newest.
  void add(SlowEntry entry, uint64_t most);
  size_t size() const;
  // Newest first, at most `count`.
  std::vector<SlowEntry> newest(size_t count) const;
  // Ids go on.
  void clear();

 private:
  mutable std::mutex mutex_;
  std::deque<SlowEntry> entries_;  // newest first
  uint64_t next_id_ = 0;
};

}  // namespace larder::server
