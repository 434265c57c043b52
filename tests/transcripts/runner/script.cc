#include "tests/transcripts/runner/script.h"

#include <set>

namespace larder::transcripts {
namespace {

constexpr int64_t kMaxDurationMs = 3600 * 1000;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options, Transcript& out)
      : lines_(split_lines(text)), options_(options), out_(out) {}

  bool run() {
    while (at_ < lines_.size()) {
      if (!parse_line()) return false;
    }
    if (in_each_) return fail("'each' without 'end'");
    if (out_.proves.empty()) return fail("the file does not say what it '# proves: '");
    if (out_.scenes.empty()) return fail("the file has no scene");
    return check_repeats();
  }

  size_t line() const { return failed_line_ ? failed_line_ : at_ + 1; }
  const std::string& error() const { return error_; }

 private:
  bool fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  bool parse_line() {
    const std::string_view line = trim(lines_[at_]);
    if (line.empty() || line[0] == '#') {
      constexpr std::string_view kProves = "# proves:";
      if (line.substr(0, kProves.size()) == kProves)
        out_.proves = trim(line.substr(kProves.size()));
      ++at_;
      return true;
    }
    Cursor cursor(line);
    if (parse_directive(cursor)) {
      if (error_.empty() && cursor.failed()) return fail(cursor.message());
      if (!error_.empty()) return false;
      ++at_;
      return true;
    }
    return error_.empty() && parse_step(cursor);
  }

  static std::string_view argument(Cursor& cursor) {
    const std::string_view rest = trim(cursor.rest());
    cursor.advance(cursor.rest().size());
    return rest;
  }

  // True if the line is a directive, good or bad.
  bool parse_directive(Cursor& cursor) {
    if (cursor.take("scene ")) {
      add_scene(argument(cursor));
    } else if (cursor.take("config ")) {
      add_config(argument(cursor));
    } else if (cursor.take("only ")) {
      parse_only(cursor);
    } else if (cursor.take("since redis ")) {
      parse_since(cursor);
    } else if (cursor.rest() == "resp2" || cursor.rest() == "resp3") {
      if (out_.scenes.empty()) return !fail("resp2 and resp3 belong into a scene");
      out_.scenes.back().dialects = cursor.rest() == "resp2" ? Dialects::resp2 : Dialects::resp3;
    } else if (cursor.take("each ")) {
      begin_each(cursor);
    } else if (cursor.rest() == "end") {
      end_each();
    } else {
      return false;
    }
    return true;
  }

  void add_scene(std::string_view name) {
    if (in_each_) fail("'each' without 'end' before a scene");
    if (!names_.insert(std::string(name)).second) fail("two scenes have one name");
    out_.scenes.emplace_back();
    out_.scenes.back().name = name;
    out_.scenes.back().line = at_ + 1;
  }

  void add_config(std::string_view rest) {
    const size_t blank = rest.find(' ');
    if (!out_.scenes.empty()) fail("config belongs before the first scene");
    if (blank == std::string_view::npos) {
      fail("config needs a name and a value");
      return;
    }
    out_.config.emplace_back(rest.substr(0, blank), trim(rest.substr(blank)));
  }

  Condition& condition() {
    return out_.scenes.empty() ? out_.condition : out_.scenes.back().condition;
  }

  void parse_reason(Cursor& cursor, Condition& condition) {
    if (!cursor.take(":")) fail("a colon and the reason are missing");
    condition.reason = argument(cursor);
    if (condition.reason.empty()) fail("say why");
  }

  void parse_only(Cursor& cursor) {
    condition().kind = Condition::Kind::only;
    if (cursor.take("larder")) {
      condition().product = Product::larder;
    } else if (cursor.take("redis")) {
      condition().product = Product::redis;
    } else {
      fail("only larder or only redis");
    }
    parse_reason(cursor, condition());
  }

  void parse_since(Cursor& cursor) {
    condition().kind = Condition::Kind::since;
    do {
      const std::optional<int64_t> part = cursor.number();
      if (!part) {
        fail("since redis needs a version such as 7.2");
        return;
      }
      condition().version.push_back(static_cast<int>(*part));
    } while (cursor.take("."));
    parse_reason(cursor, condition());
  }

  void begin_each(Cursor& cursor) {
    if (in_each_ || out_.scenes.empty()) fail("'each' stands in a scene and not in another 'each'");
    each_name_ = cursor.name();
    if (each_name_.empty() || !cursor.take(":")) fail("each NAME: value value ...");
    each_values_.clear();
    for (cursor.skip_blanks(); !cursor.at_end() && !cursor.failed(); cursor.skip_blanks()) {
      each_values_.emplace_back();
      parse_word(cursor, "", each_values_.back());
    }
    in_each_ = true;
    each_line_ = at_ + 1;
    if (!out_.scenes.empty()) each_start_ = out_.scenes.back().steps.size();
  }

  // Unrolls the block: bind the variable, play the steps, for each value.
  void end_each() {
    if (!in_each_) {
      fail("'end' without 'each'");
      return;
    }
    in_each_ = false;
    std::vector<Step>& steps = out_.scenes.back().steps;
    const auto start = steps.begin() + static_cast<std::ptrdiff_t>(each_start_);
    const std::vector<Step> block(start, steps.end());
    steps.erase(start, steps.end());
    for (const Text& value : each_values_) {
      Step bind;
      bind.kind = Step::Kind::bind;
      bind.line = each_line_;
      bind.connection = each_name_;
      bind.raw = value;
      steps.push_back(bind);
      steps.insert(steps.end(), block.begin(), block.end());
    }
  }

  bool parse_step(Cursor& cursor) {
    if (out_.scenes.empty()) return fail("not a directive, and no scene has begun");
    Step step;
    step.line = at_ + 1;
    step.source = cursor.rest();
    parse_guards(cursor, step);
    if (cursor.take("within ")) {
      if (!parse_duration(cursor, step.within_ms)) return false;
      cursor.skip_blanks();
    }
    bool good = false;
    if (cursor.take("advance ")) {
      step.kind = Step::Kind::advance;
      good = parse_duration(cursor, step.advance_ms);
    } else if (cursor.take("open ")) {
      step.kind = Step::Kind::open;
      good = parse_connection(cursor, step);
    } else if (cursor.take("close ")) {
      step.kind = Step::Kind::close;
      good = parse_connection(cursor, step);
    } else {
      good = parse_connection(cursor, step) && parse_exchange(cursor, step);
    }
    if (!good) return fail(cursor.failed() ? cursor.message() : "not understood");
    if (step.within_ms >= 0 && step.kind != Step::Kind::send) {
      return fail("only a request can be repeated 'within' a time");
    }
    ++at_;
    const bool is_request = step.kind == Step::Kind::send;
    out_.scenes.back().steps.push_back(step);
    if (is_request && options_.record && !expectation_follows(step.connection)) {
      step.kind = Step::Kind::expect;
      step.pattern = Pattern{};
      step.records = true;
      out_.scenes.back().steps.push_back(step);
    }
    return true;
  }

  void parse_guards(Cursor& cursor, Step& step) {
    for (bool is_guard = true; is_guard; cursor.skip_blanks()) {
      if (cursor.take("redis:")) {
        step.condition = {Condition::Kind::only, Product::redis, {}, ""};
      } else if (cursor.take("larder:")) {
        step.condition = {Condition::Kind::only, Product::larder, {}, ""};
      } else if (cursor.take("simulated:")) {
        step.stage = Stage::simulated;
      } else if (cursor.take("real:")) {
        step.stage = Stage::real;
      } else {
        is_guard = false;
      }
    }
  }

  bool parse_duration(Cursor& cursor, int64_t& duration_ms) {
    const std::optional<int64_t> number = cursor.number();
    if (!number || *number < 0) return fail("a duration is missing, such as 10s or 250ms");
    int64_t unit_ms = 0;
    if (cursor.take("ms")) {
      unit_ms = 1;
    } else if (cursor.take("s")) {
      unit_ms = 1000;
    }
    if (unit_ms == 0 || *number > kMaxDurationMs)
      return fail("a duration is at most 3600s, in s or ms");
    duration_ms = *number * unit_ms;
    return true;
  }

  bool parse_connection(Cursor& cursor, Step& step) {
    step.connection = cursor.name();
    return !step.connection.empty() || fail("not understood: a connection's name is missing");
  }

  bool parse_exchange(Cursor& cursor, Step& step) {
    if (cursor.take(">>") || cursor.take("<<")) {
      step.kind = step.source[step.source.size() - cursor.rest().size() - 1] == '>'
                      ? Step::Kind::send_raw
                      : Step::Kind::expect_raw;
      for (cursor.skip_blanks(); !cursor.at_end(); cursor.skip_blanks()) {
        if (cursor.peek() != '"') return fail("raw bytes are \"quoted literals\"");
        if (!parse_quoted(cursor, step.raw)) return false;
      }
      return true;
    }
    if (cursor.take(">")) {
      step.kind = Step::Kind::send;
      for (cursor.skip_blanks(); !cursor.at_end(); cursor.skip_blanks()) {
        step.words.emplace_back();
        if (!parse_word(cursor, "", step.words.back())) return false;
      }
      return !step.words.empty() || fail("a request needs at least one word");
    }
    if (!cursor.take("<")) return fail("after a connection's name comes > or <");
    const std::string_view rest = trim(cursor.rest());
    step.kind = rest == "closed"    ? Step::Kind::expect_closed
                : rest == "nothing" ? Step::Kind::expect_nothing
                                    : Step::Kind::expect;
    return step.kind != Step::Kind::expect || parse_expectation(std::string(rest), step);
  }

  // Takes further lines as long as brackets are open.
  bool parse_expectation(std::string text, Step& step) {
    for (;;) {
      Cursor cursor(text);
      step.pattern = Pattern{};
      if (parse_pattern(cursor, step.pattern)) return true;
      if (!cursor.incomplete() || at_ + 1 >= lines_.size()) return fail(cursor.message());
      ++at_;
      text += '\n';
      text += trim(lines_[at_]);
    }
  }

  bool expectation_follows(const std::string& connection) const {
    for (size_t i = at_; i < lines_.size(); ++i) {
      std::string_view line = trim(lines_[i]);
      for (const std::string_view guard : {"redis:", "larder:", "simulated:", "real:"}) {
        if (line.substr(0, guard.size()) == guard) line = trim(line.substr(guard.size()));
      }
      if (line.empty() || line[0] == '#') continue;
      return line.substr(0, connection.size() + 1) == connection + "<";
    }
    return false;
  }

  bool check_repeats() {
    for (const Scene& scene : out_.scenes) {
      for (size_t i = 0; i < scene.steps.size(); ++i) {
        const Step& step = scene.steps[i];
        if (step.within_ms < 0) continue;
        const bool has_reply = i + 1 < scene.steps.size() &&
                               scene.steps[i + 1].kind == Step::Kind::expect &&
                               scene.steps[i + 1].connection == step.connection;
        if (has_reply) continue;
        failed_line_ = step.line;
        return fail("the reply that 'within' waits for must follow");
      }
    }
    return true;
  }

  std::vector<std::string_view> lines_;
  ParseOptions options_;
  Transcript& out_;
  size_t at_ = 0;
  size_t failed_line_ = 0;
  std::string error_;
  std::set<std::string> names_;
  bool in_each_ = false;
  std::string each_name_;
  std::vector<Text> each_values_;
  size_t each_start_ = 0;
  size_t each_line_ = 0;
};

}  // namespace

bool Scene::needs_simulated_time() const {
  for (const Step& step : steps) {
    if (step.kind == Step::Kind::advance && step.stage != Stage::simulated) return true;
  }
  return false;
}

bool parse_transcript(std::string path, std::string_view text, const ParseOptions& options,
                      Transcript& transcript, std::string& error) {
  transcript = Transcript{};
  transcript.path = std::move(path);
  Parser parser(text, options, transcript);
  if (parser.run()) return true;
  error = transcript.path + ":" + std::to_string(parser.line()) + ": " + parser.error();
  return false;
}

}  // namespace larder::transcripts
