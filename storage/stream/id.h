// StreamId: what the entries of a stream are ordered by. In text: milliseconds-sequence.
//
// A value; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>

namespace larder::storage {

struct StreamId {
  uint64_t ms = 0;   // Unix time, if the server chose it
  uint64_t seq = 0;  // among those of the same millisecond

  friend constexpr auto operator<=>(const StreamId&, const StreamId&) = default;

  constexpr bool is_zero() const { return ms == 0 && seq == 0; }
  // The one behind it; nothing if it is the last of all.
  constexpr std::optional<StreamId> next() const {
    if (seq < kMost) return StreamId{ms, seq + 1};
    if (ms < kMost) return StreamId{ms + 1, 0};
    return std::nullopt;
  }
  // The one before it; nothing if it is the first of all.
  constexpr std::optional<StreamId> previous() const {
    if (seq > 0) return StreamId{ms, seq - 1};
    if (ms > 0) return StreamId{ms - 1, kMost};
    return std::nullopt;
  }

 private:
  static constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
};

inline constexpr StreamId kLastStreamId{std::numeric_limits<uint64_t>::max(),
                                        std::numeric_limits<uint64_t>::max()};

}  // namespace larder::storage
