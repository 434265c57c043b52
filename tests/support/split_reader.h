// SplitReader: feeds a RequestParser as a connection would, for tests that compare what comes out.
//
// Every call of the parser sees its input at a new address in a block of exactly its size, so that
// a sanitizer notices any byte read beyond it and any view kept from an earlier call.
#pragma once

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"
#include "tests/support/reference_parser.h"

namespace larder::reference {

class SplitReader {
 public:
  explicit SplitReader(const protocol::RequestLimits& limits) : limits_(limits) {}

  // Gives the parser `bytes` behind what it left, and takes every request that is now whole.
  void receive(std::string_view bytes) {
    pending_ += bytes;
    while (!broken_) {
      const auto copy = std::make_unique<char[]>(pending_.size());
      std::memcpy(copy.get(), pending_.data(), pending_.size());
      protocol::ArgumentList arguments;
      const auto result = parser_.next({copy.get(), pending_.size()}, limits_, arguments);
      check(result, arguments);
      if (result.status == protocol::ParseStatus::incomplete) return;
      broken_ = result.status == protocol::ParseStatus::error;
      outcomes_.push_back({result.status,
                           result.consumed,
                           {arguments.views.begin(), arguments.views.end()},
                           broken_ ? std::string(parser_.error()) : std::string()});
      pending_.erase(0, result.consumed);
    }
  }

  // As reference::read_all: what came out, ended by an error or "incomplete".
  std::vector<Outcome> finish() const {
    std::vector<Outcome> outcomes = outcomes_;
    if (!broken_) outcomes.push_back(incomplete());
    return outcomes;
  }

 private:
  static void require(bool truth, const char* what) {
    if (!truth) throw std::logic_error(what);
  }

  // What the parser's contract says of every single result.
  void check(const protocol::ParseResult& result, const protocol::ArgumentList& arguments) const {
    const auto status = result.status;
    const bool consumes =
        status == protocol::ParseStatus::complete || status == protocol::ParseStatus::empty;
    require((result.consumed > 0) == consumes, "only a finished request consumes");
    require(result.consumed <= pending_.size(), "consumes no more than there is");
    require(arguments.views.empty() == (status != protocol::ParseStatus::complete),
            "only a complete request has arguments");
    const bool waits = status == protocol::ParseStatus::incomplete;
    require(parser_.unfinished() == (waits && !pending_.empty()), "unfinished() tells");
    require(parser_.bytes_needed() == 0 || (waits && parser_.bytes_needed() > pending_.size()),
            "needs more than there is");
    require(parser_.bytes_needed() <= limits_.max_request_bytes, "needs no more than allowed");
  }

  protocol::RequestLimits limits_;
  protocol::RequestParser parser_;
  std::string pending_;
  std::vector<Outcome> outcomes_;
  bool broken_ = false;
};

}  // namespace larder::reference
