#include "bench/load/reply_scanner.h"

#include <algorithm>
#include <cstring>

namespace larder::bench {
namespace {

// A count or length no server means; also keeps sums of them far from overflow.
constexpr int64_t kMaxCount = int64_t{1} << 40;

// -1 or 0 .. kMaxCount; false for anything else.
bool parse_count(std::string_view text, int64_t& value) {
  if (text == "-1") {
    value = -1;
    return true;
  }
  if (text.empty() || text.size() > 13) return false;
  value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    value = value * 10 + (digit - '0');
  }
  return value <= kMaxCount;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

}  // namespace

bool ReplyScanner::scan(std::string_view bytes, ReplyCounts& counts) {
  while (!bytes.empty()) {
    if (value_left_ != 0) {
      if (!take_value_bytes(bytes, counts)) return false;
      continue;
    }
    const void* found = std::memchr(bytes.data(), '\n', bytes.size());
    if (found == nullptr) {
      const size_t room = kLineKept - std::min(kLineKept, partial_line_.size());
      partial_line_.append(bytes.substr(0, room));
      return true;
    }
    const size_t end = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (partial_line_.empty()) {
      if (!take_line(line, counts)) return false;
    } else {
      std::string joined = std::move(partial_line_);
      partial_line_.clear();
      joined.append(line.substr(0, kLineKept));
      if (!take_line(joined, counts)) return false;
    }
  }
  return true;
}

bool ReplyScanner::take_value_bytes(std::string_view& bytes, ReplyCounts& counts) {
  const uint64_t left = value_left_;
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(left, bytes.size()));
  // The value's own CRLF stands at the very end: a wrong length would go unnoticed without it.
  if (left >= 2 && left - 2 < taken && bytes[static_cast<size_t>(left - 2)] != '\r') return false;
  if (left - 1 < taken && bytes[static_cast<size_t>(left - 1)] != '\n') return false;
  bytes.remove_prefix(taken);
  value_left_ -= taken;
  if (value_left_ == 0 && protocol_ == WireProtocol::resp) {
    finish_element(bulk_is_error_, false, counts);
  }
  return true;
}

bool ReplyScanner::take_line(std::string_view line, ReplyCounts& counts) {
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  } else if (line.size() < kLineKept) {
    return false;  // a longer one may have lost its end to the cut
  }
  if (protocol_ == WireProtocol::memcached) return take_memcached_line(line, counts);
  return take_resp_line(line, counts);
}

bool ReplyScanner::take_resp_line(std::string_view line, ReplyCounts& counts) {
  if (line.empty()) return false;
  const char type = line.front();
  line.remove_prefix(1);
  int64_t count = 0;
  switch (type) {
    case '+':
    case ':':
    case '#':
    case ',':
    case '(':
      finish_element(false, false, counts);
      return true;
    case '-':
      if (!in_aggregate_) note_error(line);
      finish_element(true, false, counts);
      return true;
    case '_':
      finish_element(false, true, counts);
      return true;
    case '$':
    case '=':
    case '!':
      return parse_count(line, count) && begin_bulk(count, type == '!', counts);
    case '*':
    case '~':
    case '%':
    case '|':
    case '>':
      if (!parse_count(line, count)) return false;
      open_aggregate(type, count, counts);
      return true;
    default:
      return false;
  }
}

bool ReplyScanner::begin_bulk(int64_t length, bool is_error, ReplyCounts& counts) {
  if (length < 0) {
    finish_element(false, true, counts);
    return true;
  }
  bulk_is_error_ = is_error;
  if (is_error && !in_aggregate_) note_error("(a bulk error)");
  value_left_ = static_cast<uint64_t>(length) + 2;
  return true;
}

void ReplyScanner::open_aggregate(char type, int64_t elements, ReplyCounts& counts) {
  if (elements < 0) {
    finish_element(false, true, counts);
    return;
  }
  const bool pairs = type == '%' || type == '|';
  if (type != '|') in_aggregate_ = true;
  if (type == '>' && pending_elements_ == 1) in_push_ = true;
  // The elements are counted before the aggregate itself is ticked off, so that only the last of
  // them can end the reply. An attribute is not ticked off: its reply still comes.
  pending_elements_ += static_cast<uint64_t>(pairs ? 2 * elements : elements);
  if (type != '|') finish_element(false, false, counts);
}

void ReplyScanner::finish_element(bool is_error, bool is_nil, ReplyCounts& counts) {
  if (--pending_elements_ != 0) return;
  pending_elements_ = 1;
  const bool alone = !in_aggregate_;
  in_aggregate_ = false;
  if (in_push_) {
    in_push_ = false;
    return;
  }
  ++counts.replies;
  // The last element of an aggregate ends it, but does not make the whole reply an error or nil.
  if (is_error && alone) ++counts.errors;
  if (is_nil && alone) ++counts.nils;
}

bool ReplyScanner::take_memcached_line(std::string_view line, ReplyCounts& counts) {
  if (starts_with(line, "VALUE ")) {
    // VALUE key flags bytes [cas]
    const size_t key_end = line.find(' ', 6);
    if (key_end == std::string_view::npos) return false;
    const size_t flags_end = line.find(' ', key_end + 1);
    if (flags_end == std::string_view::npos) return false;
    std::string_view length = line.substr(flags_end + 1);
    length = length.substr(0, length.find(' '));
    int64_t value_bytes = 0;
    if (!parse_count(length, value_bytes) || value_bytes < 0) return false;
    value_seen_ = true;
    value_left_ = static_cast<uint64_t>(value_bytes) + 2;
    return true;
  }
  ++counts.replies;
  if (line == "END") {
    if (!value_seen_) ++counts.nils;
  } else if (line == "NOT_FOUND") {
    ++counts.nils;
  } else if (line == "ERROR" || starts_with(line, "CLIENT_ERROR") ||
             starts_with(line, "SERVER_ERROR") || line == "NOT_STORED") {
    note_error(line);
    ++counts.errors;
  }
  value_seen_ = false;
  return true;
}

void ReplyScanner::note_error(std::string_view text) {
  if (error_text_.empty()) error_text_.assign(text.substr(0, kLineKept));
}

}  // namespace larder::bench
