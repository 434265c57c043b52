// The table of settings: one row each, from which everything in settings.h derives.
//
// A row's Field says how words become a member of Config and back. Bad rows do not compile: a field
// names its member by pointer, and the table's names are checked at compile time to be lower case
// and unique.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/config.h"

namespace larder::config {

struct YesNo {
  bool Config::*member;
};

struct Integer {
  uint32_t Config::*member;
  uint32_t least;
  uint32_t most;
};

struct SignedInteger {
  int64_t Config::*member;
  int64_t least;
  int64_t most;
};

// Unix permission bits, written in base 8.
struct Octal {
  uint32_t Config::*member;
  uint32_t most;
};

struct Memory {
  uint64_t Config::*member;
  uint64_t least;
  uint64_t most;
};

// One of several words; `names` are in the order of the enumeration.
struct Choice {
  std::span<const std::string_view> names;
  size_t (*index)(const Config&);
  void (*assign)(Config&, size_t index);
};

// Free text in one word, or (joined) the words of a line, which `check` may refuse with a reason.
struct Text {
  std::string Config::*member;
  size_t most_bytes;
  std::string_view what;  // for "accepted: ..."
  std::optional<std::string_view> (*check)(std::string_view) = nullptr;
  bool many_words = false;
};

// KeyspaceEvents by their letters.
struct EventLetters {
  uint32_t Config::*member;
};

struct Words {
  std::vector<std::string> Config::*member;
  size_t most_words;
  std::string_view what;
};

struct OutputLimits {
  std::array<OutputBufferLimit, kClientClasses> Config::*member;
};

using Field = std::variant<YesNo, Integer, SignedInteger, Octal, Memory, Choice, Text, EventLetters,
                           Words, OutputLimits>;

enum class Group : uint8_t { network, security, clients, memory, general, later };
enum class Change : uint8_t { at_start_only, at_run_time };

struct Setting {
  std::string_view name;
  Group group;
  Change change;
  Field field;
  std::string_view documentation;
  // Not empty: only the default is accepted, for this reason.
  std::string_view only_default_because = {};
  // Its value is never repeated in messages.
  bool secret = false;
};

[[nodiscard]] std::span<const Setting* const> table();

// By name in any case; null if there is none. O(rows).
[[nodiscard]] const Setting* find_setting(std::string_view name);

// A reason, in Redis's words where Redis has the same, if `words` are no value for the setting;
// then `config` is unchanged. Settings that take several words find them also within one, separated
// by spaces, as in CONFIG SET.
[[nodiscard]] std::optional<std::string> assign_words(Config& config, const Setting& setting,
                                                      std::span<const std::string_view> words);

// The value as CONFIG GET shows it.
[[nodiscard]] std::string value_text(const Config& config, const Setting& setting);

// Which values are accepted, for people: "a number from 0 to 65535".
[[nodiscard]] std::string accepted_values(const Setting& setting);

}  // namespace larder::config
