#include "tests/transcripts/runner/pattern.h"
#include "tests/transcripts/runner/regular_expression.h"

namespace larder::transcripts {
namespace {

bool parse_form(Cursor& cursor, Pattern& pattern, bool is_nested);

bool parse_nested(Cursor& cursor, Pattern& pattern) {
  if (!parse_form(cursor, pattern, true)) return false;
  if (cursor.take(" as ")) {
    pattern.capture = cursor.name();
    if (pattern.capture.empty()) return cursor.fail("a name is missing after 'as'");
  }
  return true;
}

bool parse_range(Cursor& cursor, TextPattern& pattern) {
  pattern.form = TextPattern::Form::range;
  cursor.take("<");
  const auto bound = [&cursor](Text& text, bool& is_given, char stop) {
    is_given = cursor.peek() != stop;
    return parse_word(cursor, ".>", text);
  };
  if (!bound(pattern.low, pattern.has_low, '.')) return false;
  if (!cursor.take("..")) return cursor.fail(".. is missing in a range");
  if (!bound(pattern.high, pattern.has_high, '>')) return false;
  if (!cursor.take(">")) return cursor.fail("> is missing after a range");
  return true;
}

bool check_regex(Cursor& cursor, const Text& text) {
  // One with variables is checked when they are known.
  const std::optional<std::string> plain = text.expand({});
  if (!plain) return true;
  std::string error;
  if (match_whole(*plain, "", error) == RegexResult::bad_expression) {
    return cursor.fail("bad regular expression /" + *plain + "/: " + error);
  }
  return true;
}

// texts, or false with no failure noted when none of its forms comes next.
bool parse_texts(Cursor& cursor, TextPattern& pattern) {
  if (cursor.take_word("any")) {
    pattern.form = TextPattern::Form::any;
    return true;
  }
  if (cursor.take("lines[")) {
    pattern.form = TextPattern::Form::lines;
    for (cursor.skip_blanks(); !cursor.take("]"); cursor.skip_blanks()) {
      if (cursor.at_end()) return cursor.fail_incomplete();
      pattern.lines.emplace_back();
      if (!parse_texts(cursor, pattern.lines.back())) {
        return cursor.fail("lines[...] holds \"literals\" and /regular expressions/");
      }
      cursor.skip_blanks();
      if (!cursor.take(",") && cursor.peek() != ']') {
        return cursor.at_end() ? cursor.fail_incomplete() : cursor.fail(", or ] is missing");
      }
    }
    return true;
  }
  switch (cursor.peek()) {
    case '"':
      pattern.form = TextPattern::Form::literal;
      while (cursor.peek() == '"') {
        if (!parse_quoted(cursor, pattern.text)) return false;
      }
      return true;
    case '/':
      pattern.form = TextPattern::Form::regex;
      return parse_regex_text(cursor, pattern.text) && check_regex(cursor, pattern.text);
    case '<':
      return parse_range(cursor, pattern);
    default:
      return false;
  }
}

// The bare text of + and -.
bool parse_bare(Cursor& cursor, TextPattern& pattern, bool is_nested) {
  pattern.form = TextPattern::Form::literal;
  const std::string_view rest = cursor.rest();
  size_t end = std::min(rest.find_first_of(is_nested ? ",]}\n" : "\n"), rest.size());
  const size_t taken = end;
  while (end > 0 && (rest[end - 1] == ' ' || rest[end - 1] == '\t')) --end;
  // Only the quoted form may hold what the bare one would misread.
  Text text;
  Cursor bare(rest.substr(0, end));
  while (!bare.at_end()) {
    const size_t blank = std::min(bare.rest().find_first_of(" \t"), bare.rest().size());
    if (blank > 0 && bare.rest().substr(0, blank).find("${") != std::string_view::npos) {
      if (!parse_word(bare, "", text)) return cursor.fail(bare.message());
    } else {
      const size_t step = std::max<size_t>(blank, 1);
      text.append(bare.rest().substr(0, step));
      bare.advance(step);
    }
  }
  pattern.text = text;
  cursor.advance(taken);
  return true;
}

bool parse_scalar(Cursor& cursor, Pattern& pattern, bool is_nested) {
  pattern.form = Pattern::Form::scalar;
  pattern.kind = static_cast<ValueKind>(cursor.peek());
  cursor.advance(1);
  if (pattern.kind == ValueKind::verbatim) {
    pattern.format = cursor.rest().substr(0, 3);
    cursor.advance(pattern.format.size());
    cursor.skip_blanks();
  }
  if (parse_texts(cursor, pattern.text)) return true;
  if (cursor.failed()) return false;
  switch (pattern.kind) {
    case ValueKind::simple:
    case ValueKind::error:
      return parse_bare(cursor, pattern.text, is_nested);
    case ValueKind::integer:
    case ValueKind::real:
    case ValueKind::big_number:
    case ValueKind::boolean: {
      pattern.text.form = TextPattern::Form::literal;
      return parse_word(cursor, is_nested ? ",]}:" : "", pattern.text.text);
    }
    default:
      return cursor.fail("after $ or = comes \"...\", /.../, <..>, any or lines[...]");
  }
}

bool parse_list(Cursor& cursor, Pattern& pattern, char closer) {
  const bool is_map = pattern.kind == ValueKind::map;
  const std::string_view end(&closer, 1);
  for (cursor.skip_blanks(); !cursor.take(end); cursor.skip_blanks()) {
    if (cursor.at_end()) return cursor.fail_incomplete();
    if (pattern.is_open) return cursor.fail("... must come last");
    if (cursor.take("...")) {
      pattern.is_open = true;
    } else {
      pattern.items.emplace_back();
      if (!parse_nested(cursor, pattern.items.back())) return false;
      if (is_map) {
        cursor.skip_blanks();
        if (!cursor.take(":")) return cursor.fail("a map needs key: value");
        cursor.skip_blanks();
        pattern.items.emplace_back();
        if (!parse_nested(cursor, pattern.items.back())) return false;
      }
    }
    cursor.skip_blanks();
    if (cursor.at_end()) return cursor.fail_incomplete();
    if (!cursor.take(",") && cursor.peek() != closer) {
      return cursor.fail(std::string("expected , or ") + closer);
    }
  }
  return true;
}

bool parse_aggregate(Cursor& cursor, Pattern& pattern, ValueKind kind, bool is_ordered,
                     char closer) {
  pattern.form = is_ordered ? Pattern::Form::ordered : Pattern::Form::unordered;
  pattern.kind = kind;
  return parse_list(cursor, pattern, closer);
}

bool parse_form(Cursor& cursor, Pattern& pattern, bool is_nested) {
  if (cursor.at_end()) return cursor.fail_incomplete();
  if (cursor.take_word("any")) return true;
  if (cursor.take("unordered[")) {
    return parse_aggregate(cursor, pattern, ValueKind::array, false, ']');
  }
  if (cursor.take("pairs[")) {
    pattern.is_pairs = true;
    return parse_aggregate(cursor, pattern, ValueKind::array, true, ']');
  }
  if (cursor.take("[")) return parse_aggregate(cursor, pattern, ValueKind::array, true, ']');
  if (cursor.take(">[")) return parse_aggregate(cursor, pattern, ValueKind::push, true, ']');
  if (cursor.take("~{")) return parse_aggregate(cursor, pattern, ValueKind::set, false, '}');
  if (cursor.take("{")) return parse_aggregate(cursor, pattern, ValueKind::map, false, '}');
  if (cursor.take("$-1")) {
    pattern.form = Pattern::Form::null_bulk;
    return true;
  }
  if (cursor.take("*-1")) {
    pattern.form = Pattern::Form::null_array;
    return true;
  }
  if (cursor.take("_")) {
    pattern.form = Pattern::Form::null;
    return true;
  }
  if (std::string_view("+-:$,(#=!").find(cursor.peek()) == std::string_view::npos) {
    return cursor.fail("no pattern begins with '" + std::string(1, cursor.peek()) + "'");
  }
  return parse_scalar(cursor, pattern, is_nested);
}

}  // namespace

bool parse_pattern(Cursor& cursor, Pattern& pattern) {
  cursor.skip_blanks();
  if (!parse_form(cursor, pattern, false)) return false;
  if (cursor.take(" as ")) {
    pattern.capture = cursor.name();
    if (pattern.capture.empty()) return cursor.fail("a name is missing after 'as'");
  }
  cursor.skip_blanks();
  if (!cursor.at_end()) {
    return cursor.fail("unexpected text after the pattern: " + std::string(cursor.rest()));
  }
  return true;
}

}  // namespace larder::transcripts
