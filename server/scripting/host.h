// ScriptHost: what a running script can ask of the server. The dispatcher's side of it is
// script_run.h; tests bring their own.
//
// Thread: that of the run.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/reply.h"
#include "protocol/request_parser.h"

namespace larder::server {

enum class ScriptLogLevel : uint8_t { debug, verbose, notice, warning };

// What one script may do.
struct ScriptRights {
  bool writes = true;
  bool ignores_memory_limit = false;
};

class ScriptHost {
 public:
  virtual ~ScriptHost() = default;
  // A script begins.
  virtual void begin_script(ScriptRights rights) = 0;
  // Runs one command for the script. Answers its reply in `dialect`, valid until the next call.
  // Calls nothing of Lua.
  virtual std::string_view call(protocol::Arguments words, protocol::Dialect dialect) = 0;
  // Are followers told what the following commands do?
  virtual void set_replicates(bool replicates) = 0;
  virtual void log(ScriptLogLevel level, std::string_view text) = 0;
  // The error that the script ends with was a command's, and is counted.
  virtual void note_counted_error() = 0;
  virtual uint64_t random() = 0;
  // Nanoseconds since some moment.
  virtual int64_t clock_ns() = 0;
};

}  // namespace larder::server
