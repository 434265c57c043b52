// Config files, CONFIG GET and CONFIG SET with any bytes.
//
// Whatever a file makes of the settings, writing them out and reading them back gives the same
// settings, whether into an empty file or in place; what is shown by GET is accepted by the file;
// a refused SET changes nothing; and every message is one short line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/settings.h"
#include "server/config/table.h"

namespace {

using namespace larder::config;

std::optional<std::string> no_file(const std::string&) {
  return std::nullopt;
}

void require(bool holds) {
  if (!holds) abort();
}

void require_one_line(const std::string& message) {
  constexpr size_t kLongest = 2000;
  require(!message.empty() && message.size() < kLongest);
  require(message.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
}

void try_file(std::string_view text) {
  Config config;
  if (const Error error = apply_file(config, text, "f", no_file)) {
    require_one_line(*error);
    return;
  }
  for (const std::string_view old_text : {std::string_view(), text}) {
    // As in Redis, each further time may add a line for one more class of
    // client-output-buffer-limit; then nothing changes any more.
    std::string written(old_text);
    for (size_t i = 0; i <= kClientClasses; ++i) {
      written = rewrite(written, config, Config{});
      Config again;
      require(!apply_file(again, written, "f", no_file));
      require(again == config);
    }
    require(rewrite(written, config, Config{}) == written);
  }
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Parts between NUL bytes: names and values by turns.
void try_commands(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '\0');
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (size_t i = 0; i + 1 < parts.size(); i += 2) pairs.emplace_back(parts[i], parts[i + 1]);
  Config config;
  if (const Error error = set(config, pairs)) {
    require_one_line(*error);
    require(config == Config{});
  } else {
    Config again;
    require(!apply_file(again, rewrite("", config, Config{}), "f", no_file));
    require(again == config);
  }
  larder::text::GlobBudget budget;
  for (const auto& [name, value] : get(config, parts, budget)) {
    const Setting* setting = find_setting(name);
    require(setting != nullptr && value_text(config, *setting) == value);
  }
  StartRequest request = apply_arguments(config, parts, no_file);
  if (request.error) require_one_line(*request.error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try_file(input);
  try_commands(input);
  return 0;
}
