// Settings: redis.conf and command line in, CONFIG GET/SET/REWRITE, --help and the reference out.
//
// All of it derives from one table (table.h). Text in, text out: no file is opened here; whoever
// calls passes a ReadFile. Not thread-safe for one Config; everything else is free of state.
//
// File := { line '\n' }; a line is blank, starts with '#', or is a name and values as words in the
// quoting of text/quoting.h. `include path` reads another file in place. Names, yes/no and the
// words of enumerations go in any case. Later lines win.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/config.h"
#include "server/text/glob.h"

namespace larder::config {

// The whole text of the file at `path` ("-": standard input), or nothing if it cannot be read.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;

// One line for people, without newline and without program name; absent on success.
using Error = std::optional<std::string>;

enum class StartAction : uint8_t { serve, show_help, show_version };

struct StartRequest {
  StartAction action = StartAction::serve;
  Error error;  // if present, `config` is partly filled and must not be used
};

// Arguments after the program's name, as redis-server takes them: a config file's path first (or
// "-"), then `--name value ...`, `--name=value` or "--name value" in one argument; also --help, -h,
// --version, -v. Arguments win over the file. The word after `--name` is always its value, even if
// it starts with dashes, except that `--save` may stand alone.
[[nodiscard]] StartRequest apply_arguments(Config& config,
                                           std::span<const std::string_view> arguments,
                                           const ReadFile& read_file);

// The text of a config file. On an error `config` is partly filled.
[[nodiscard]] Error apply_file(Config& config, std::string_view text, std::string_view file_name,
                               const ReadFile& read_file);

using NameAndValue = std::pair<std::string, std::string>;

// CONFIG GET: each setting that one of the patterns matches, once. A setting asked for by its plain
// name is answered under the name as it was written. Some are missing if the budget was spent.
[[nodiscard]] std::vector<NameAndValue> get(const Config& config,
                                            std::span<const std::string_view> patterns,
                                            text::GlobBudget& budget);

// CONFIG SET: all or nothing. The error is the text of Redis's error reply with its code "ERR";
// it may repeat bytes of the request.
[[nodiscard]] Error set(
    Config& config,
    std::span<const std::pair<std::string_view, std::string_view>> names_and_values);

// CONFIG REWRITE: the new text of a config file whose text is `old_text` (which may be empty).
// Comments, order and lines of unknown names stay; a setting's first line takes its present value,
// its further lines become blank, and settings that differ from `defaults` and have no line are
// appended under a marker line. Clusters of blank lines become one. Settings that an included file
// sets are not recognised as such.
[[nodiscard]] std::string rewrite(std::string_view old_text, const Config& config,
                                  const Config& defaults);

// What --help prints.
[[nodiscard]] std::string help_text();

// server/config/REFERENCE.md.
[[nodiscard]] std::string reference_markdown();

}  // namespace larder::config
