#include "server/commands/stream_parts.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace larder::server {
namespace {

using protocol::Reply;

constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();

// One part of an id. As in Redis, whatever strtoull() takes, but nothing negative.
std::optional<uint64_t> parse_part(const char* text) {
  const std::optional<int64_t> number = protocol::parse_int64(text);
  if (number && *number < 0) return std::nullopt;
  if (number) return static_cast<uint64_t>(*number);
  char* end = nullptr;
  errno = 0;
  const uint64_t value = std::strtoull(text, &end, 10);
  if (errno != 0 || *text == '\0' || *end != '\0') return std::nullopt;
  return value;
}

std::optional<StreamId> invalid_id(Reply& reply) {
  reply.error("ERR Invalid stream ID specified as stream command argument");
  return std::nullopt;
}

// An end of an interval without what may stand before it.
std::optional<StreamId> read_end_of_interval(std::string_view text, bool& excludes,
                                             uint64_t missing_seq, Reply& reply) {
  excludes = text.size() > 1 && text[0] == '(';
  if (excludes) return read_stream_id(text.substr(1), missing_seq, reply);
  if (text == "-") return StreamId();
  if (text == "+") return kLastStreamId;
  return read_stream_id(text, missing_seq, reply);
}

}  // namespace

StreamIdText::StreamIdText(StreamId id) {
  char* at = protocol::write_uint64(id.ms, bytes_);
  *at++ = '-';
  size_ = static_cast<size_t>(protocol::write_uint64(id.seq, at) - bytes_);
}

std::optional<StreamId> parse_stream_id(std::string_view text, uint64_t missing_seq) {
  char parts[128];
  if (text.size() >= sizeof parts) return std::nullopt;
  std::memcpy(parts, text.data(), text.size());
  parts[text.size()] = '\0';
  char* const dash = std::strchr(parts, '-');
  if (dash != nullptr) *dash = '\0';
  const std::optional<uint64_t> ms = parse_part(parts);
  if (!ms) return std::nullopt;
  if (dash == nullptr) return StreamId{*ms, missing_seq};
  const std::optional<uint64_t> seq = parse_part(dash + 1);
  if (!seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

std::optional<StreamId> read_stream_id(std::string_view text, uint64_t missing_seq, Reply& reply) {
  const std::optional<StreamId> id = parse_stream_id(text, missing_seq);
  return id ? id : invalid_id(reply);
}

std::optional<std::vector<StreamId>> read_stream_ids(protocol::Arguments texts, Reply& reply) {
  std::vector<StreamId> ids;
  ids.reserve(texts.size());
  for (const std::string_view text : texts) {
    const std::optional<StreamId> id = read_stream_id(text, 0, reply);
    if (!id) return std::nullopt;
    ids.push_back(*id);
  }
  return ids;
}

std::optional<StreamId> read_interval_start(std::string_view text, Reply& reply) {
  bool excludes = false;
  std::optional<StreamId> id = read_end_of_interval(text, excludes, 0, reply);
  if (!id || !excludes) return id;
  id = id->next();
  if (!id) reply.error("ERR invalid start ID for the interval");
  return id;
}

std::optional<StreamId> read_interval_end(std::string_view text, Reply& reply) {
  bool excludes = false;
  std::optional<StreamId> id = read_end_of_interval(text, excludes, kMost, reply);
  if (!id || !excludes) return id;
  id = id->previous();
  if (!id) reply.error("ERR invalid end ID for the interval");
  return id;
}

std::optional<StreamInterval> read_interval(std::string_view first, std::string_view last,
                                            Reply& reply) {
  const std::optional<StreamId> start = read_interval_start(first, reply);
  if (!start) return std::nullopt;
  const std::optional<StreamId> end = read_interval_end(last, reply);
  if (!end) return std::nullopt;
  return StreamInterval{*start, *end};
}

void reply_entry(Reply& reply, const Stream::Cursor& at) {
  reply.array(2);
  reply_id(reply, at.id());
  reply.array(2 * at.fields());
  at.for_each_text([&reply](const storage::listpack::Value& value) {
    storage::NumberText scratch;
    reply.bulk(value.bytes(scratch));
  });
}

void reply_range(Reply& reply, const Stream& stream, const StreamInterval& interval, size_t most) {
  size_t left = stream.count_between(interval.first, interval.last, most);
  reply.array(left);
  for (Stream::Cursor at = stream.from(interval.first); left > 0; --left, at.next()) {
    reply_entry(reply, at);
  }
}

void reply_range_backwards(Reply& reply, const Stream& stream, const StreamInterval& interval,
                           size_t most) {
  size_t left = stream.count_between(interval.first, interval.last, most);
  reply.array(left);
  for (Stream::Cursor at = stream.up_to(interval.last); left > 0; --left, at.previous()) {
    reply_entry(reply, at);
  }
}

}  // namespace larder::server
