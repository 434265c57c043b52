// MonitorFeed: what the clients of one worker ran, as the lines that MONITOR shows.
//
//   line := '+' seconds '.' microseconds6 " [" database ' ' client ']' { ' ' '"' argument '"' }
//   CRLF
//
// The time is that of the worker's turn. Bytes that are not printable are escaped; secrets and what
// exceeds the limits below are left out.
//
// Thread: its worker's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/request_parser.h"
#include "server/session.h"

namespace larder::server {

class MonitorFeed {
 public:
  static constexpr size_t kMostArgumentBytes = 16 << 10;
  static constexpr size_t kMostLineBytes = 1 << 20;

  void add(const Session& session, protocol::Arguments arguments, int64_t now_us);

  bool empty() const { return text_.empty(); }
  size_t size() const { return text_.size(); }
  std::string_view text_after(size_t offset) const {
    return std::string_view(text_).substr(offset);
  }
  // All lines; none are left.
  std::string take();

 private:
  std::string text_;
};

// A worker's monitors, as the others see them.
struct alignas(64) MonitorStation {
  std::atomic<uint32_t> monitors{0};
  std::atomic<size_t> bytes_on_the_way{0};  // lines in its mailbox
};

}  // namespace larder::server
