#include <charconv>

#include "tests/transcripts/runner/pattern.h"
#include "tests/transcripts/runner/regular_expression.h"

namespace larder::transcripts {
namespace {

using Mismatch = std::optional<std::string>;

constexpr size_t kShownBytes = 400;

std::string shorten(std::string text) {
  if (text.size() > kShownBytes) {
    const size_t size = text.size();
    text.resize(kShownBytes);
    text += "... (" + std::to_string(size) + " bytes)";
  }
  return text;
}

std::optional<int64_t> to_integer(std::string_view text) {
  int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

Mismatch match_range(const TextPattern& pattern, const std::string& text,
                     const Variables& variables) {
  const std::optional<int64_t> number = to_integer(text);
  if (!number) return "expected a number, got " + quote(text);
  const auto bound = [&variables](const Text& source) -> std::optional<int64_t> {
    const std::optional<std::string> expanded = source.expand(variables);
    return expanded ? to_integer(*expanded) : std::nullopt;
  };
  const std::optional<int64_t> low = pattern.has_low ? bound(pattern.low) : INT64_MIN;
  const std::optional<int64_t> high = pattern.has_high ? bound(pattern.high) : INT64_MAX;
  if (!low || !high) return "an end of the range is no number or an unknown variable";
  if (*number >= *low && *number <= *high) return std::nullopt;
  return "expected a number in <" + (pattern.has_low ? std::to_string(*low) : "") + ".." +
         (pattern.has_high ? std::to_string(*high) : "") + ">, got " + text;
}

Mismatch match_text(const TextPattern& pattern, const std::string& text,
                    const Variables& variables);

Mismatch match_lines(const TextPattern& pattern, const std::string& text,
                     const Variables& variables) {
  std::vector<std::string> lines;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    lines.push_back(std::move(line));
    start = end + 1;
  }
  for (const TextPattern& wanted : pattern.lines) {
    bool is_found = false;
    for (const std::string& line : lines) {
      is_found = is_found || !match_text(wanted, line, variables);
    }
    if (!is_found) {
      const std::string shown = wanted.text.expand(variables).value_or("(unknown variable)");
      return "no line is like " + quote(shown) + " in " + shorten(quote(text));
    }
  }
  return std::nullopt;
}

Mismatch match_text(const TextPattern& pattern, const std::string& text,
                    const Variables& variables) {
  switch (pattern.form) {
    case TextPattern::Form::any:
      return std::nullopt;
    case TextPattern::Form::range:
      return match_range(pattern, text, variables);
    case TextPattern::Form::lines:
      return match_lines(pattern, text, variables);
    case TextPattern::Form::literal:
    case TextPattern::Form::regex:
      break;
  }
  const std::optional<std::string> wanted = pattern.text.expand(variables);
  if (!wanted) return "the expectation uses a variable that is not known here";
  if (pattern.form == TextPattern::Form::literal) {
    if (text == *wanted) return std::nullopt;
    return "expected " + shorten(quote(*wanted)) + ", got " + shorten(quote(text));
  }
  std::string error;
  const RegexResult result = match_whole(*wanted, text, error);
  if (result == RegexResult::matches) return std::nullopt;
  if (result == RegexResult::bad_expression) return "cannot match /" + *wanted + "/: " + error;
  return "expected /" + *wanted + "/, got " + shorten(quote(text));
}

// The kind that a pattern's kind shows itself as in this reading.
bool kind_fits(ValueKind wanted, ValueKind got, Reading reading) {
  if (wanted == got) return true;
  if (reading != Reading::in_resp2) return false;
  switch (wanted) {
    case ValueKind::map:
    case ValueKind::set:
    case ValueKind::push:
      return got == ValueKind::array;
    case ValueKind::real:
    case ValueKind::big_number:
    case ValueKind::verbatim:
      return got == ValueKind::bulk;
    case ValueKind::boolean:
      return got == ValueKind::integer;
    default:
      return false;
  }
}

Mismatch match_scalar(const Pattern& pattern, const Value& value, Reading reading,
                      const Variables& variables) {
  if (!kind_fits(pattern.kind, value.kind, reading) || value.absent) {
    return std::string("expected type ") + static_cast<char>(pattern.kind) + ", got " +
           shorten(render(value));
  }
  if (pattern.kind == ValueKind::boolean && value.kind == ValueKind::integer) {
    const std::string wanted = pattern.text.text.expand(variables) == "t" ? "1" : "0";
    if (value.text == wanted) return std::nullopt;
    return "expected :" + wanted + ", got :" + value.text;
  }
  if (value.kind == ValueKind::verbatim && value.format != pattern.format) {
    return "expected format " + pattern.format + ", got " + value.format;
  }
  return match_text(pattern.text, value.text, variables);
}

Mismatch match_ordered(const Pattern& pattern, const Value& value, Reading reading,
                       Variables& variables) {
  if (pattern.is_pairs && reading == Reading::in_resp2) {
    Pattern flat;
    flat.form = Pattern::Form::ordered;
    for (const Pattern& pair : pattern.items) {
      flat.items.insert(flat.items.end(), pair.items.begin(), pair.items.end());
    }
    return match_ordered(flat, value, reading, variables);
  }
  const size_t wanted = pattern.items.size();
  const size_t got = value.elements.size();
  for (size_t i = 0; i < std::min(wanted, got); ++i) {
    if (const Mismatch why = match(pattern.items[i], value.elements[i], reading, variables)) {
      return "[" + std::to_string(i) + "]: " + *why;
    }
  }
  if (got < wanted || (got > wanted && !pattern.is_open)) {
    return "expected " + std::to_string(wanted) + " elements, got " + std::to_string(got) + ": " +
           shorten(render(value));
  }
  return std::nullopt;
}

// Assigns every wanted group of `width` items a group of elements of its own (augmenting paths), so
// that wide patterns do not take what only narrow ones could have left.
class Assignment {
 public:
  Assignment(const Pattern& pattern, const Value& value, Reading reading, Variables& variables)
      : pattern_(pattern), value_(value), reading_(reading), variables_(variables) {
    width_ = pattern.kind == ValueKind::map ? 2 : 1;
  }

  Mismatch run() {
    const size_t wanted = pattern_.items.size() / width_;
    const size_t got = value_.elements.size() / width_;
    if (value_.elements.size() % width_ != 0) return std::string("expected pairs");
    owner_.assign(got, kNobody);
    for (size_t i = 0; i < wanted; ++i) {
      visited_.assign(got, false);
      if (!place(i)) {
        return "nothing matches item " + std::to_string(i) + why_.value_or("") + " in " +
               shorten(render(value_));
      }
    }
    if (got > wanted && !pattern_.is_open) {
      return "expected " + std::to_string(wanted) + " elements, got " + std::to_string(got) + ": " +
             shorten(render(value_));
    }
    for (size_t j = 0; j < got; ++j) {
      if (owner_[j] != kNobody) fits(owner_[j], j, variables_);
    }
    return std::nullopt;
  }

 private:
  static constexpr size_t kNobody = SIZE_MAX;

  bool fits(size_t item, size_t element, Variables& variables) {
    for (size_t k = 0; k < width_; ++k) {
      const Mismatch why = match(pattern_.items[item * width_ + k],
                                 value_.elements[element * width_ + k], reading_, variables);
      if (why) {
        if (k == 1) why_ = " (" + *why + ")";
        return false;
      }
    }
    return true;
  }

  bool place(size_t item) {
    for (size_t j = 0; j < owner_.size(); ++j) {
      Variables scratch = variables_;
      if (visited_[j] || !fits(item, j, scratch)) continue;
      visited_[j] = true;
      if (owner_[j] == kNobody || place(owner_[j])) {
        owner_[j] = item;
        return true;
      }
    }
    return false;
  }

  const Pattern& pattern_;
  const Value& value_;
  Reading reading_;
  Variables& variables_;
  size_t width_ = 1;
  std::vector<size_t> owner_;
  std::vector<bool> visited_;
  Mismatch why_;
};

Mismatch match_null(const Pattern& pattern, const Value& value, Reading reading) {
  bool is_wanted = value.kind == ValueKind::null;
  if (pattern.form != Pattern::Form::null && reading != Reading::in_resp3) {
    const bool is_bulk = pattern.form == Pattern::Form::null_bulk;
    is_wanted = value.absent && value.kind == (is_bulk ? ValueKind::bulk : ValueKind::array);
  }
  if (is_wanted) return std::nullopt;
  const char* wanted = pattern.form == Pattern::Form::null        ? "_"
                       : pattern.form == Pattern::Form::null_bulk ? "$-1"
                                                                  : "*-1";
  return std::string("expected ") + wanted + ", got " + shorten(render(value));
}

Mismatch match_form(const Pattern& pattern, const Value& value, Reading reading,
                    Variables& variables) {
  switch (pattern.form) {
    case Pattern::Form::any:
      return std::nullopt;
    case Pattern::Form::scalar:
      return match_scalar(pattern, value, reading, variables);
    case Pattern::Form::null_bulk:
    case Pattern::Form::null_array:
    case Pattern::Form::null:
      return match_null(pattern, value, reading);
    case Pattern::Form::ordered:
    case Pattern::Form::unordered:
      break;
  }
  if (!kind_fits(pattern.kind, value.kind, reading) || value.absent) {
    return std::string("expected type ") + static_cast<char>(pattern.kind) + ", got " +
           shorten(render(value));
  }
  if (pattern.form == Pattern::Form::ordered) {
    return match_ordered(pattern, value, reading, variables);
  }
  return Assignment(pattern, value, reading, variables).run();
}

}  // namespace

std::optional<std::string> match(const Pattern& pattern, const Value& value, Reading reading,
                                 Variables& variables) {
  Mismatch why = match_form(pattern, value, reading, variables);
  if (!why && !pattern.capture.empty()) {
    variables[pattern.capture] = value.is_aggregate() ? render(value) : value.text;
  }
  return why;
}

}  // namespace larder::transcripts
