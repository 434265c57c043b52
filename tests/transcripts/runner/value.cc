#include "tests/transcripts/runner/value.h"

#include <charconv>
#include <optional>

namespace larder::transcripts {
namespace {

constexpr size_t kMaxDepth = 64;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  ReadResult read(Value& value) {
    read_one(value, 0);
    return {status_, at_, reason_};
  }

 private:
  bool fail(std::string reason) {
    status_ = ReadStatus::malformed;
    reason_ = std::move(reason);
    return false;
  }

  bool wait() {
    status_ = ReadStatus::incomplete;
    return false;
  }

  bool read_line(std::string_view& line) {
    const size_t end = bytes_.find_first_of("\r\n", at_);
    if (end == std::string_view::npos) return wait();
    if (bytes_[end] == '\n') return fail("a line ends with LF alone");
    if (end + 1 == bytes_.size()) return wait();
    if (bytes_[end + 1] != '\n') return fail("CR without LF in a line");
    line = bytes_.substr(at_, end - at_);
    at_ = end + 2;
    return true;
  }

  static std::optional<int64_t> number(std::string_view text) {
    int64_t result = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, result);
    if (error != std::errc{} || stop != end || text == "-0") return std::nullopt;
    const std::string_view digits = text[0] == '-' ? text.substr(1) : text;
    if (digits.size() > 1 && digits[0] == '0') return std::nullopt;
    return result;
  }

  bool read_counted(Value& value, std::string_view line) {
    const std::optional<int64_t> size = number(line);
    if (!size || *size < -1) return fail("bad length '" + std::string(line) + "'");
    if (*size == -1) {
      if (value.kind != ValueKind::bulk) return fail("only $ may have length -1");
      value.absent = true;
      return true;
    }
    const auto length = static_cast<size_t>(*size);
    if (bytes_.size() - at_ < length + 2) return wait();
    value.text.assign(bytes_.substr(at_, length));
    if (bytes_.substr(at_ + length, 2) != "\r\n") return fail("no CRLF after the bytes of a bulk");
    at_ += length + 2;
    if (value.kind != ValueKind::verbatim) return true;
    if (length < 4 || value.text[3] != ':') return fail("verbatim string without its format");
    value.format = value.text.substr(0, 3);
    value.text.erase(0, 4);
    return true;
  }

  bool read_elements(Value& value, std::string_view line, size_t depth) {
    const std::optional<int64_t> count = number(line);
    if (!count || *count < -1) return fail("bad count '" + std::string(line) + "'");
    if (*count == -1) {
      if (value.kind != ValueKind::array) return fail("only * may have count -1");
      value.absent = true;
      return true;
    }
    const int64_t total = value.kind == ValueKind::map ? 2 * *count : *count;
    for (int64_t i = 0; i < total; ++i) {
      value.elements.emplace_back();
      if (!read_one(value.elements.back(), depth + 1)) return false;
    }
    return true;
  }

  bool read_one(Value& value, size_t depth) {
    if (depth > kMaxDepth) return fail("nested too deeply");
    if (at_ == bytes_.size()) return wait();
    const char kind = bytes_[at_];
    if (std::string_view("+-:$*_#,(!=%~>").find(kind) == std::string_view::npos) {
      return fail("unknown type byte " + quote(bytes_.substr(at_, 1)));
    }
    ++at_;
    std::string_view line;
    if (!read_line(line)) return false;
    value = Value{};
    value.kind = static_cast<ValueKind>(kind);
    bool good = true;
    switch (value.kind) {
      case ValueKind::bulk:
      case ValueKind::verbatim:
      case ValueKind::blob_error:
        good = read_counted(value, line);
        break;
      case ValueKind::array:
      case ValueKind::map:
      case ValueKind::set:
      case ValueKind::push:
        good = read_elements(value, line, depth);
        break;
      case ValueKind::integer:
        if (!number(line)) return fail("bad integer '" + std::string(line) + "'");
        value.text = line;
        break;
      case ValueKind::null:
        if (!line.empty()) return fail("bytes after _");
        break;
      case ValueKind::boolean:
        if (line != "t" && line != "f") return fail("bad boolean '" + std::string(line) + "'");
        value.text = line;
        break;
      case ValueKind::simple:
      case ValueKind::error:
      case ValueKind::real:
      case ValueKind::big_number:
        value.text = line;
        break;
    }
    if (good) status_ = ReadStatus::complete;
    return good;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  ReadStatus status_ = ReadStatus::incomplete;
  std::string reason_;
};

std::string join(const Value& value, const char* open, const char* close) {
  std::string out = open;
  for (size_t i = 0; i < value.elements.size(); ++i) {
    const bool is_map_value = value.kind == ValueKind::map && i % 2 == 1;
    if (i > 0) out += is_map_value ? ": " : ", ";
    const Value& element = value.elements[i];
    const bool needs_quotes = element.kind == ValueKind::simple || element.kind == ValueKind::error;
    if (needs_quotes) {
      out += static_cast<char>(element.kind) + quote(element.text);
    } else {
      out += render(element);
    }
  }
  return out + close;
}

}  // namespace

ReadResult read_value(std::string_view bytes, Value& value) {
  return Reader(bytes).read(value);
}

std::string render(const Value& value) {
  switch (value.kind) {
    case ValueKind::simple:
    case ValueKind::error: {
      // The bare form is for plain texts; what it would misread is quoted.
      const bool is_plain = !value.text.empty() && value.text.back() != ' ' &&
                            value.text.find_first_of("\"/<\\\r\n$") == std::string::npos;
      return static_cast<char>(value.kind) + (is_plain ? value.text : quote(value.text));
    }
    case ValueKind::integer:
    case ValueKind::boolean:
    case ValueKind::real:
    case ValueKind::big_number:
      return static_cast<char>(value.kind) + value.text;
    case ValueKind::bulk:
      return value.absent ? "$-1" : "$" + quote(value.text);
    case ValueKind::blob_error:
      return "!" + quote(value.text);
    case ValueKind::verbatim:
      return "=" + value.format + quote(value.text);
    case ValueKind::null:
      return "_";
    case ValueKind::array:
      return value.absent ? "*-1" : join(value, "[", "]");
    case ValueKind::map:
      return join(value, "{", "}");
    case ValueKind::set:
      return join(value, "~{", "}");
    case ValueKind::push:
      return join(value, ">[", "]");
  }
  return "?";
}

std::string quote(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr size_t kLongRun = 40;
  if (bytes.size() >= kLongRun && bytes.find_first_not_of(bytes[0]) == std::string_view::npos) {
    return quote(bytes.substr(0, 1)) + "*" + std::to_string(bytes.size());
  }
  std::string out = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '$') {
      out += "\\$";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte > 0x7e) {
      out += "\\x";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace larder::transcripts
