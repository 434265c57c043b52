#include "protocol/request_parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "protocol/inline_request.h"
#include "protocol/number.h"

namespace larder::protocol {

// What is said when a header line, "*count" or "$length", cannot be read.
struct RequestParser::HeaderWords {
  std::string_view invalid;
  std::string_view too_long;
};

namespace {

constexpr std::string_view kInvalidCount = "ERR Protocol error: invalid multibulk length";
constexpr std::string_view kInvalidLength = "ERR Protocol error: invalid bulk length";
constexpr std::string_view kTooManyBeforeAuth =
    "ERR Protocol error: unauthenticated multibulk length";
constexpr std::string_view kTooLongBeforeAuth = "ERR Protocol error: unauthenticated bulk length";
constexpr std::string_view kCountLineTooLong = "ERR Protocol error: too big mbulk count string";
constexpr std::string_view kLengthLineTooLong = "ERR Protocol error: too big bulk count string";
constexpr std::string_view kInlineTooLong = "ERR Protocol error: too big inline request";
constexpr std::string_view kUnbalancedQuotes = "ERR Protocol error: unbalanced quotes in request";
// Redis closes such a client without a word.
constexpr std::string_view kRequestTooLong = "ERR Protocol error: too big request";
// Redis skips these two bytes unseen and so reads on at a wrong place.
constexpr std::string_view kNoLineEndAfterBulk = "ERR Protocol error: expected CRLF after bulk";

// One text for each byte that can stand where '$' should, so that error() needs no memory.
constexpr std::string_view kExpectedDollar = "ERR Protocol error: expected '$', got '?'";
using ExpectedDollarText = std::array<char, kExpectedDollar.size()>;
constexpr auto kExpectedDollarTexts = [] {
  std::array<ExpectedDollarText, 256> texts{};
  for (size_t byte = 0; byte < texts.size(); ++byte) {
    for (size_t i = 0; i < kExpectedDollar.size(); ++i) texts[byte][i] = kExpectedDollar[i];
    texts[byte][kExpectedDollar.size() - 2] = static_cast<char>(byte);
  }
  return texts;
}();

std::string_view expected_dollar(char got) {
  const ExpectedDollarText& text = kExpectedDollarTexts[static_cast<unsigned char>(got)];
  return {text.data(), text.size()};
}

// Reads a number of one to three digits and its CRLF at `p`, the usual case; returns what follows
// it, or null when it is anything else (or may be: the slow way decides).
inline const char* read_short_number(const char* p, const char* end, int64_t& number) {
  if (end - p < 5) return nullptr;
  const auto digit = [p](int i) { return static_cast<unsigned char>(p[i]) - unsigned{'0'}; };
  const auto line_ends = [p](int i) { return p[i] == '\r' && p[i + 1] == '\n'; };
  unsigned value = digit(0);
  if (value > 9) return nullptr;
  if (line_ends(1)) {
    number = value;
    return p + 3;
  }
  if (value == 0 || digit(1) > 9) return nullptr;
  value = value * 10 + digit(1);
  if (line_ends(2)) {
    number = value;
    return p + 4;
  }
  if (digit(2) > 9 || !line_ends(3)) return nullptr;
  number = value * 10 + digit(2);
  return p + 5;
}

// The text for a bulk whose length is above its limit. The order of the questions is that in which
// a client that sends one byte at a time would have run into the limits.
std::string_view why_too_long(int64_t length, size_t payload_at, const RequestLimits& limits) {
  if (payload_at > limits.max_request_bytes) return kRequestTooLong;
  const bool before_auth = !limits.authenticated && length <= RequestLimits().max_bulk_bytes;
  return before_auth ? kTooLongBeforeAuth : kInvalidLength;
}

}  // namespace

ParseResult RequestParser::next(std::string_view input, const RequestLimits& limits,
                                ArgumentList& arguments) {
  if (input.empty() || input.size() < bytes_needed_) return {ParseStatus::incomplete, 0};
  bytes_needed_ = 0;
  if (input.front() != '*') return next_inline(input, limits, arguments);

  const size_t views_before = arguments.views.size();
  const Step step = remaining_ == kCountUnknown ? cut(input, limits, arguments)
                                                : resume(input, limits, arguments);
  if (step == Step::complete) {
    const size_t consumed = position_;
    forget_request();
    const bool asks = arguments.views.size() != views_before;
    return {asks ? ParseStatus::complete : ParseStatus::empty, consumed};
  }
  arguments.views.resize(views_before);
  if (step == Step::incomplete) return {ParseStatus::incomplete, 0};
  forget_request();
  return {ParseStatus::error, 0};
}

ParseResult RequestParser::next_inline(std::string_view input, const RequestLimits& limits,
                                       ArgumentList& arguments) {
  // The line's text may be max_inline_bytes long; one byte more without LF is too much.
  const size_t bound = std::min(limits.max_inline_bytes, limits.max_request_bytes);
  const size_t window = bound < input.size() ? bound + 1 : input.size();
  const void* const found =
      scanned_ < window ? std::memchr(input.data() + scanned_, '\n', window - scanned_) : nullptr;
  if (found == nullptr) {
    scanned_ = window;
    if (window <= bound) return {ParseStatus::incomplete, 0};
    fail(kInlineTooLong);
    forget_request();
    return {ParseStatus::error, 0};
  }

  const auto line_end = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  std::string_view line = input.substr(0, line_end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const size_t views_before = arguments.views.size();
  const bool balanced = split_inline(line, arguments);
  forget_request();
  if (!balanced) {
    fail(kUnbalancedQuotes);
    return {ParseStatus::error, 0};
  }
  const bool asks = arguments.views.size() != views_before;
  return {asks ? ParseStatus::complete : ParseStatus::empty, line_end + 1};
}

// A request whose first bytes were not enough: finds its end before it is cut from the start, so
// that however often it is resumed, each of its headers is read twice and no list of the arguments
// so far is kept.
RequestParser::Step RequestParser::resume(std::string_view input, const RequestLimits& limits,
                                          ArgumentList& arguments) {
  const Step step = read_bulks<Pass::skip>(input, limits, arguments);
  if (step != Step::complete) return step;
  const std::string_view whole = input.substr(0, position_);
  forget_request();
  return cut(whole, limits, arguments);
}

RequestParser::Step RequestParser::cut(std::string_view input, const RequestLimits& limits,
                                       ArgumentList& arguments) {
  const Step step = read_count(input, limits);
  if (step != Step::complete) return step;
  return read_bulks<Pass::collect>(input, limits, arguments);
}

template <RequestParser::Pass pass>
RequestParser::Step RequestParser::read_bulks(std::string_view input, const RequestLimits& limits,
                                              ArgumentList& arguments) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* p = begin + position_;
  int64_t remaining = remaining_;
  const auto stop = [&](Step step) {
    position_ = static_cast<size_t>(p - begin);
    remaining_ = remaining;
    return step;
  };
  for (; remaining > 0; --remaining) {
    if (p == end) return stop(Step::incomplete);
    if (*p != '$') return fail(expected_dollar(*p));
    int64_t length = 0;
    const char* payload = read_short_number(p + 1, end, length);
    if (payload == nullptr) {
      size_t line_end = 0;
      const auto at = static_cast<size_t>(p - begin);
      const Step step = read_length(input, at, limits, length, line_end);
      if (step != Step::complete) return stop(step);
      payload = begin + line_end;
    }
    const auto payload_at = static_cast<size_t>(payload - begin);
    if (length > limits.max_bulk_bytes) return fail(why_too_long(length, payload_at, limits));
    const auto size = static_cast<size_t>(length);
    const size_t bulk_end = payload_at + size + 2;
    if (bulk_end > limits.max_request_bytes) return fail(kRequestTooLong);
    if (bulk_end > input.size()) {
      bytes_needed_ = bulk_end;
      return stop(Step::incomplete);
    }
    if (payload[size] != '\r' || payload[size + 1] != '\n') return fail(kNoLineEndAfterBulk);
    if constexpr (pass == Pass::collect) arguments.views.emplace_back(payload, size);
    p = payload + size + 2;
  }
  return stop(Step::complete);
}

// Reads "*count" into remaining_ (a negative one as 0: it asks nothing) and position_.
RequestParser::Step RequestParser::read_count(std::string_view input, const RequestLimits& limits) {
  int64_t count = 0;
  const char* const after = read_short_number(input.data() + 1, input.data() + input.size(), count);
  if (after != nullptr) {
    position_ = static_cast<size_t>(after - input.data());
  } else {
    const HeaderWords words{kInvalidCount, kCountLineTooLong};
    const Step step = read_header_line(input, 0, limits, words, count, position_);
    if (step != Step::complete) return step;
  }
  if (position_ > limits.max_request_bytes) return fail(kRequestTooLong);
  if (count > limits.max_arguments) {
    const bool before_auth = !limits.authenticated && count <= RequestLimits().max_arguments;
    return fail(before_auth ? kTooManyBeforeAuth : kInvalidCount);
  }
  remaining_ = std::max<int64_t>(count, 0);
  scanned_ = position_;
  return Step::complete;
}

// Reads the "$length" that begins at `at`, in full generality.
RequestParser::Step RequestParser::read_length(std::string_view input, size_t at,
                                               const RequestLimits& limits, int64_t& length,
                                               size_t& payload) {
  const HeaderWords words{kInvalidLength, kLengthLineTooLong};
  const Step step = read_header_line(input, at, limits, words, length, payload);
  if (step == Step::complete && length < 0) return fail(kInvalidLength);
  return step;
}

// Reads the number on the header line that begins at `at` with its kind.
RequestParser::Step RequestParser::read_header_line(std::string_view input, size_t at,
                                                    const RequestLimits& limits,
                                                    const HeaderWords& words, int64_t& number,
                                                    size_t& line_end) {
  // CR must come within the window: the longest line allowed, or what the request may still take.
  const size_t room = limits.max_request_bytes - at;
  const bool line_bound = limits.max_inline_bytes < room;
  const size_t window_end = line_bound ? at + limits.max_inline_bytes + 1 : at + room;
  const size_t from = std::max(scanned_, at + 1);
  const size_t to = std::min(input.size(), window_end);
  const void* const found = from < to ? std::memchr(input.data() + from, '\r', to - from) : nullptr;
  if (found == nullptr) {
    if (to == window_end) return fail(line_bound ? words.too_long : kRequestTooLong);
    scanned_ = to;
    return Step::incomplete;
  }

  const auto line_stop = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  scanned_ = line_stop;
  if (line_stop + 1 == input.size()) return Step::incomplete;
  if (input[line_stop + 1] != '\n') return fail(words.invalid);
  const std::optional<int64_t> value = parse_int64(input.substr(at + 1, line_stop - at - 1));
  if (!value) return fail(words.invalid);
  number = *value;
  line_end = line_stop + 2;
  return Step::complete;
}

RequestParser::Step RequestParser::fail(std::string_view text) {
  error_ = text;
  return Step::error;
}

void RequestParser::forget_request() {
  position_ = 0;
  scanned_ = 0;
  bytes_needed_ = 0;
  remaining_ = kCountUnknown;
}

}  // namespace larder::protocol
