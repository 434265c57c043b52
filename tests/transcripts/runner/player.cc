#include "tests/transcripts/runner/player.h"

#include <algorithm>
#include <charconv>

namespace larder::transcripts {
namespace {

constexpr std::string_view kControl = "control";
constexpr int64_t kPauseMs = 5;  // between two tries of a repeated request

std::vector<int> parse_version(std::string_view text) {
  std::vector<int> parts;
  while (!text.empty()) {
    int part = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc{}) break;
    parts.push_back(part);
    text.remove_prefix(static_cast<size_t>(stop - text.data()));
    if (text.empty() || text[0] != '.') break;
    text.remove_prefix(1);
  }
  return parts;
}

std::string_view info_field(std::string_view info, std::string_view name) {
  const size_t start = info.find("\n" + std::string(name) + ":");
  if (start == std::string_view::npos) return {};
  const size_t value = start + name.size() + 2;
  return info.substr(value, info.find_first_of("\r\n", value) - value);
}

}  // namespace

std::string encode_request(const std::vector<std::string>& words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

Outcome Player::play(const Transcript& transcript) {
  outcome_ = Outcome{};
  scene_ = nullptr;
  connections_.clear();
  if (!identify(transcript)) return outcome_;
  std::string reason;
  if (!applies(transcript.condition, reason)) {
    outcome_.skips.push_back({"", reason});
  } else {
    for (const Scene& scene : transcript.scenes) {
      scene_ = &scene;
      if (!applies(scene.condition, reason)) {
        outcome_.skips.push_back({scene.name, reason});
      } else if (scene.needs_simulated_time() && !transport_->has_simulated_time()) {
        outcome_.skips.push_back({scene.name, "moves the clock, which only the simulator can"});
      } else {
        if (scene.dialects != Dialects::resp3) play_scene(scene, Dialects::resp2);
        if (scene.dialects != Dialects::resp2) play_scene(scene, Dialects::resp3);
      }
    }
  }
  for (const Connection& connection : connections_) transport_->close(connection.name);
  connections_.clear();
  return outcome_;
}

// Opens the control connection and asks the server what it is.
bool Player::identify(const Transcript& transcript) {
  password_.clear();
  for (const auto& [name, value] : transcript.config) {
    if (name == "requirepass") password_ = value;
  }
  Value reply;
  if (!open_control()) return false;
  if (!exchange(kControl, {"INFO", "server"}, reply)) return false;
  const std::string_view larder = info_field(reply.text, "larder_version");
  const std::string_view redis = info_field(reply.text, "redis_version");
  if (larder.empty() && redis.empty()) {
    note(0, "INFO server names no version: " + render(reply));
    return false;
  }
  product_ = larder.empty() ? Product::redis : Product::larder;
  version_ = parse_version(larder.empty() ? redis : larder);
  return true;
}

bool Player::open_control() {
  std::erase_if(connections_, [](const Connection& c) { return c.name == kControl; });
  if (open(std::string(kControl)) == nullptr) return false;
  Value reply;
  return password_.empty() || exchange(kControl, {"AUTH", password_}, reply);
}

bool Player::applies(const Condition& condition, std::string& why_not) const {
  why_not = condition.reason;
  switch (condition.kind) {
    case Condition::Kind::always:
      return true;
    case Condition::Kind::only:
      return condition.product == product_;
    case Condition::Kind::since:
      return product_ == Product::larder || version_ >= condition.version;
  }
  return false;
}

bool Player::applies(const Step& step) const {
  std::string why_not;
  const bool is_simulated = transport_->has_simulated_time();
  if (step.stage == Stage::simulated && !is_simulated) return false;
  if (step.stage == Stage::real && is_simulated) return false;
  return applies(step.condition, why_not);
}

void Player::play_scene(const Scene& scene, Dialects dialect) {
  dialect_ = dialect;
  reading_ = scene.dialects != Dialects::both ? Reading::exact
             : dialect == Dialects::resp2     ? Reading::in_resp2
                                              : Reading::in_resp3;
  variables_.clear();
  ++outcome_.scenes_played;
  if (!prepare_scene()) {
    note(scene.line, "the server could not be emptied before the scene");
    return;
  }
  bool goes_on = true;
  for (size_t i = 0; goes_on && i < scene.steps.size(); ++i) {
    if (applies(scene.steps[i])) goes_on = play_step(scene, i);
  }
  if (goes_on) finish_scene();
  for (const Connection& connection : connections_) {
    if (connection.name != kControl) transport_->close(connection.name);
  }
  std::erase_if(connections_, [](const Connection& c) { return c.name != kControl; });
}

// A scene before may have ended early, in the middle of anything.
bool Player::prepare_scene() {
  Connection* control = find(kControl);
  if (control == nullptr || control->is_closed) {
    transport_->close(kControl);
    if (!open_control()) return false;
  }
  Value reply;
  if (!exchange(kControl, {"CLIENT", "UNPAUSE"}, reply) || reply.text != "OK") return false;
  return exchange(kControl, {"FLUSHALL"}, reply) && reply.text == "OK";
}

// A reply nobody expected is a failure, too. The round trip lets it arrive.
void Player::finish_scene() {
  Value reply;
  std::string why;
  Connection* control = find(kControl);
  // A scene may have shut the server down, so no answer is no failure here.
  const bool is_alive = transport_->send(kControl, encode_request({"PING"})) &&
                        read_reply(*control, options_.reply_timeout_ms, reply, why) == Got::value;
  control->is_closed = !is_alive;
  for (Connection& connection : connections_) {
    if (connection.name == kControl || connection.is_closed) continue;
    transport_->receive(connection.name, 0, connection.unread);
    if (!connection.unread.empty()) {
      note(scene_->line, "at the end of the scene " + connection.name +
                             " has bytes nobody expected: " + quote(connection.unread));
    }
  }
}

bool Player::play_step(const Scene& scene, size_t& index) {
  const Step& step = scene.steps[index];
  switch (step.kind) {
    case Step::Kind::bind:
      variables_[step.connection] = step.raw.expand(variables_).value_or("");
      return true;
    case Step::Kind::advance:
      transport_->advance(step.advance_ms);
      return true;
    case Step::Kind::open:
      if (find(step.connection) != nullptr) note(step, "the connection is already open");
      return find(step.connection) != nullptr || open(step.connection) != nullptr;
    case Step::Kind::close:
      transport_->close(step.connection);
      std::erase_if(connections_, [&](const Connection& c) { return c.name == step.connection; });
      return true;
    default:
      break;
  }
  Connection* connection = find_or_open(step);
  if (connection == nullptr) return false;
  switch (step.kind) {
    case Step::Kind::send:
    case Step::Kind::send_raw:
      if (step.within_ms >= 0) return repeat_request(step, scene.steps[++index]);
      return send_request(step, *connection);
    case Step::Kind::expect_closed:
      return expect_closed(step, *connection);
    case Step::Kind::expect_raw:
      return expect_raw(step, *connection);
    case Step::Kind::expect_nothing:
      return expect_nothing(step, *connection);
    default:
      break;
  }
  if (step.records) return record(step, *connection);
  Value value;
  std::string why;
  if (read_reply(*connection, options_.reply_timeout_ms, value, why) != Got::value) {
    note(step, why);
    return false;
  }
  ++outcome_.replies_checked;
  if (const auto mismatch = match(step.pattern, value, reading_, variables_)) {
    note(step, *mismatch);
  }
  return true;
}

bool Player::repeat_request(const Step& request, const Step& expectation) {
  Connection& connection = *find(request.connection);
  for (int64_t waited_ms = 0;; waited_ms += kPauseMs) {
    Value value;
    std::string why;
    if (!send_request(request, connection)) return false;
    if (read_reply(connection, options_.reply_timeout_ms, value, why) != Got::value) {
      note(expectation, why);
      return false;
    }
    Variables scratch = variables_;
    const auto mismatch = match(expectation.pattern, value, reading_, scratch);
    if (!mismatch) {
      variables_ = scratch;
      ++outcome_.replies_checked;
      return true;
    }
    if (waited_ms >= request.within_ms) {
      note(expectation, "within " + std::to_string(request.within_ms) + " ms: " + *mismatch);
      return true;
    }
    transport_->pause(kPauseMs);
  }
}

bool Player::expect_closed(const Step& step, Connection& connection) {
  while (!connection.is_closed) {
    const Arrival arrival =
        transport_->receive(connection.name, options_.reply_timeout_ms, connection.unread);
    connection.is_closed = arrival == Arrival::closed;
    if (arrival == Arrival::timeout) {
      note(step, "the server did not close the connection");
      return false;
    }
  }
  ++outcome_.replies_checked;
  if (!connection.unread.empty()) {
    note(step, "before the connection was closed came " + quote(connection.unread));
    connection.unread.clear();
  }
  return true;
}

bool Player::expect_raw(const Step& step, Connection& connection) {
  const std::string wanted = step.raw.expand(variables_).value_or("");
  while (connection.unread.size() < wanted.size() && !connection.is_closed) {
    const Arrival arrival =
        transport_->receive(connection.name, options_.reply_timeout_ms, connection.unread);
    connection.is_closed = arrival == Arrival::closed;
    if (arrival == Arrival::timeout) break;
  }
  ++outcome_.replies_checked;
  if (connection.unread.substr(0, wanted.size()) != wanted) {
    note(step, "expected the bytes " + quote(wanted) + ", got " + quote(connection.unread));
    return false;
  }
  connection.unread.erase(0, wanted.size());
  return true;
}

bool Player::expect_nothing(const Step& step, Connection& connection) {
  Value reply;
  if (!exchange(kControl, {"PING"}, reply)) return false;
  transport_->receive(connection.name, 0, connection.unread);
  ++outcome_.replies_checked;
  if (connection.unread.empty()) return true;
  note(step, "expected nothing yet, got " + quote(connection.unread));
  return false;
}

bool Player::record(const Step& step, Connection& connection) {
  Value value;
  std::string why;
  const Got got = read_reply(connection, options_.reply_timeout_ms, value, why);
  if (got == Got::value && options_.on_recorded) options_.on_recorded(step.line, value);
  return got != Got::lost;
}

Player::Connection* Player::find(std::string_view name) {
  for (Connection& connection : connections_) {
    if (connection.name == name) return &connection;
  }
  return nullptr;
}

// Every connection of the RESP3 run of a scene greets first, so that the scene itself need not.
Player::Connection* Player::open(const std::string& name) {
  if (!transport_->open(name)) {
    note(scene_ == nullptr ? 0 : scene_->line, "cannot connect " + name);
    return nullptr;
  }
  connections_.push_back({name, "", false});
  if (name != kControl && dialect_ == Dialects::resp3) {
    Value reply;
    if (!exchange(name, {"HELLO", "3"}, reply) || reply.kind != ValueKind::map) {
      note(scene_->line, "HELLO 3 was not answered by a map: " + render(reply));
      return nullptr;
    }
  }
  return find(name);
}

Player::Connection* Player::find_or_open(const Step& step) {
  Connection* connection = find(step.connection);
  return connection != nullptr ? connection : open(step.connection);
}

bool Player::send_request(const Step& step, Connection& connection) {
  std::vector<std::string> words;
  bool is_known = true;
  for (const Text& word : step.words) {
    const std::optional<std::string> bytes = word.expand(variables_);
    is_known = is_known && bytes;
    words.push_back(bytes.value_or(""));
  }
  const std::optional<std::string> raw = step.raw.expand(variables_);
  if (!is_known || !raw) {
    note(step, "the request uses a variable that is not known here");
    return false;
  }
  const bool is_raw = step.kind == Step::Kind::send_raw;
  // A lost connection shows itself at the next expectation, after the bytes that came before.
  transport_->send(connection.name, is_raw ? *raw : encode_request(words));
  return true;
}

Player::Got Player::read_reply(Connection& connection, int64_t wait_ms, Value& value,
                               std::string& why) {
  for (;;) {
    const ReadResult read = read_value(connection.unread, value);
    if (read.status == ReadStatus::complete) {
      connection.unread.erase(0, read.size);
      return Got::value;
    }
    if (read.status == ReadStatus::malformed) {
      why = "not RESP: " + read.reason + " in " + quote(connection.unread.substr(0, 200));
      return Got::lost;
    }
    if (connection.is_closed) {
      why = "the server closed the connection instead of replying";
      return Got::lost;
    }
    const Arrival arrival = transport_->receive(connection.name, wait_ms, connection.unread);
    connection.is_closed = arrival == Arrival::closed;
    if (arrival == Arrival::timeout) {
      why = connection.unread.empty() ? "no reply came"
                                      : "half a reply came: " + quote(connection.unread);
      return Got::nothing;
    }
  }
}

bool Player::exchange(std::string_view connection, const std::vector<std::string>& words,
                      Value& value) {
  Connection* target = find(connection);
  std::string why;
  const bool is_sent = target != nullptr && transport_->send(connection, encode_request(words));
  if (is_sent && read_reply(*target, options_.reply_timeout_ms, value, why) == Got::value) {
    return true;
  }
  note(scene_ == nullptr ? 0 : scene_->line,
       words[0] + " on " + std::string(connection) + ": " + (is_sent ? why : "connection is lost"));
  return false;
}

void Player::note(const Step& step, std::string message) {
  note(step.line, step.source + "\n    " + std::move(message));
}

void Player::note(size_t line, std::string message) {
  const std::string dialect = scene_ == nullptr             ? ""
                              : dialect_ == Dialects::resp2 ? " (RESP2)"
                                                            : " (RESP3)";
  const std::string scene = scene_ == nullptr ? "before the first scene" : scene_->name + dialect;
  std::string where;
  for (const auto& [name, value] : variables_) {
    // Which turn of an 'each' this is, and what was captured.
    if (value.size() < 80)
      where += (where.empty() ? "\n    with " : ", ") + name + "=" + quote(value);
  }
  outcome_.failures.push_back({line, scene, message + where});
}

}  // namespace larder::transcripts
