// ScriptBench: a script engine without a server. Commands are answered by a function of the test.
//
// Thread: the test's.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "server/scripting/engine.h"

namespace larder::support {

class ScriptBench final : public server::ScriptHost {
 public:
  using Commands = std::function<std::string(protocol::Arguments words)>;

  explicit ScriptBench(size_t memory_limit = 64 << 20) { engine_.set_memory_limit(memory_limit); }

  server::ScriptEngine& engine() { return engine_; }
  void answer_with(Commands commands) { commands_ = std::move(commands); }

  // What the engine takes for the time; without it, time stands still.
  void use_clock(std::function<int64_t()> clock) { clock_ = std::move(clock); }

  // The reply of a script that must end within `most_slices`.
  std::string eval(std::string_view source, std::vector<std::string_view> arguments = {},
                   protocol::Dialect dialect = protocol::Dialect::resp2,
                   unsigned most_slices = 1000) {
    begin(source, std::move(arguments), dialect);
    for (slices_ = 1; engine_.fiber().is_running(); ++slices_) {
      if (slices_ > most_slices) {
        engine_.kill_by_force();
        if (!engine_.fiber().resume()) throw std::runtime_error("a killed script goes on");
        throw std::runtime_error("a script does not end: " + std::string(source));
      }
      static_cast<void>(engine_.fiber().resume());
    }
    return reply();
  }
  // Its first slice.
  void begin(std::string_view source, std::vector<std::string_view> arguments = {},
             protocol::Dialect dialect = protocol::Dialect::resp2) {
    output_.clear();
    source_ = source;
    arguments_ = std::move(arguments);
    dialect_ = dialect;
    static_cast<void>(engine_.fiber().start(
        [](void* self) { static_cast<ScriptBench*>(self)->run(); }, this));
  }
  std::string reply() const { return std::string(output_.view()); }
  // How many slices the last eval() took.
  unsigned slices() const { return slices_; }
  const std::vector<std::string>& logged() const { return logged_; }

  void begin_script(server::ScriptRights) override {}
  std::string_view call(protocol::Arguments words, protocol::Dialect) override {
    answer_ = commands_ ? commands_(words) : "-ERR no commands here\r\n";
    return answer_;
  }
  void set_replicates(bool) override {}
  void log(server::ScriptLogLevel level, std::string_view text) override {
    logged_.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  }
  void note_counted_error() override {}
  uint64_t random() override { return 1; }
  int64_t clock_ns() override { return clock_ ? clock_() : 0; }

 private:
  void run() {
    protocol::Reply reply(output_, dialect_);
    std::string error;
    const server::Script* const script = engine_.load(source_, /*keep=*/false, error);
    if (script == nullptr) return reply.error(error);
    engine_.run(*script, {}, arguments_, *this, reply);
  }

  server::ScriptEngine engine_;
  Commands commands_;
  std::function<int64_t()> clock_;
  std::string answer_;
  std::string_view source_;
  std::vector<std::string_view> arguments_;
  protocol::Dialect dialect_ = protocol::Dialect::resp2;
  protocol::ReplyBuffer output_;
  std::vector<std::string> logged_;
  unsigned slices_ = 0;
};

}  // namespace larder::support
