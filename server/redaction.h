// Redaction: which arguments of a request are secrets, so that neither SLOWLOG nor MONITOR shows
// them: passwords in AUTH and HELLO, and values of secret settings in CONFIG SET.
//
// By the words alone, whatever became of the request: a password mistyped is one nearly right.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"

namespace larder::server {

constexpr std::string_view kRedacted = "(redacted)";

class Redaction {
 public:
  explicit Redaction(protocol::Arguments arguments);

  bool hides(size_t argument) const;

 private:
  std::vector<size_t> hidden_;  // ascending
};

}  // namespace larder::server
