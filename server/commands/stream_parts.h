// What the commands on streams share: ids as clients write them, ranges, and answering with
// entries.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/number.h"
#include "protocol/reply.h"
#include "server/command.h"
#include "server/commands/values.h"
#include "storage/stream/stream.h"

namespace larder::server {

using storage::kLastStreamId;
using storage::Stream;
using storage::StreamId;

// The key flags and positions of most.
inline constexpr KeyPositions kReadStream{1, 1, 1, kKeyReadOnly | kKeyAccess};
inline constexpr KeyPositions kDeleteFromStream{1, 1, 1, kKeyReadWrite | kKeyDelete};
inline constexpr KeyPositions kUpdateStream{1, 1, 1, kKeyReadWrite | kKeyUpdate};

// May a command on streams work with what find() answered: a stream, or nothing? Answers the error
// if not.
[[nodiscard]] inline bool is_stream_or_absent(const storage::Entry& entry,
                                              protocol::Reply& reply) {
  if (!entry || entry.type() == storage::Type::stream) [[likely]] return true;
  reply.error(kWrongType);
  return false;
}
// REQUIRES: it is one.
inline Stream& stream_of(const storage::Entry& entry) { return entry.object().as<Stream>(); }

// "1526919030474-55"
class StreamIdText {
 public:
  explicit StreamIdText(StreamId id);
  operator std::string_view() const { return {bytes_, size_}; }

 private:
  char bytes_[2 * protocol::kMaxInt64Chars + 1];
  size_t size_;
};

// An id as clients write one: both parts, or the first alone, where `missing_seq` stands for the
// second. Nothing if it is none.
std::optional<StreamId> parse_stream_id(std::string_view text, uint64_t missing_seq);
// The same; answers the error if it is none.
std::optional<StreamId> read_stream_id(std::string_view text, uint64_t missing_seq,
                                       protocol::Reply& reply);
// All of `texts`, or nothing.
std::optional<std::vector<StreamId>> read_stream_ids(protocol::Arguments texts,
                                                     protocol::Reply& reply);

struct StreamInterval {
  StreamId first;
  StreamId last;
};
// Ids, `-` and `+` for the ends, an id after `(` if it itself is not meant. Answers the error and
// returns nothing if one is none.
std::optional<StreamId> read_interval_start(std::string_view text, protocol::Reply& reply);
std::optional<StreamId> read_interval_end(std::string_view text, protocol::Reply& reply);
std::optional<StreamInterval> read_interval(std::string_view first, std::string_view last,
                                            protocol::Reply& reply);

inline void reply_id(protocol::Reply& reply, StreamId id) { reply.bulk(StreamIdText(id)); }
// Its id, and its fields and values as one array. REQUIRES: the cursor stands at an entry.
void reply_entry(protocol::Reply& reply, const Stream::Cursor& at);
// An array of the entries of an interval, at most so many of them.
void reply_range(protocol::Reply& reply, const Stream& stream, const StreamInterval& interval,
                 size_t most);
void reply_range_backwards(protocol::Reply& reply, const Stream& stream,
                           const StreamInterval& interval, size_t most);

}  // namespace larder::server
