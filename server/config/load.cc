// Reading settings: config files and command lines.
#include <algorithm>
#include <utility>

#include "server/config/foreign.h"
#include "server/config/settings.h"
#include "server/config/table.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::config {
namespace {

// Far more than anyone nests on purpose; a file that includes itself ends here.
constexpr int kMostIncludes = 16;

std::string named(std::string_view name) {
  return "setting '" + text::echo(name) + "'";
}

std::string bad_value(const Setting& setting, std::span<const std::string_view> words,
                      const std::string& reason) {
  std::string message = named(setting.name);
  if (!setting.secret) {
    message += words.empty() ? " without a value" : " with value";
    for (const std::string_view word : words) message += " '" + text::echo(word) + "'";
  }
  return message + ": " + reason + "; accepted: " + accepted_values(setting);
}

std::string unknown(std::string_view name) {
  if (const auto part = missing_part(name)) {
    return named(name) + " is not supported in this version: " + std::string(*part);
  }
  return "unknown " + named(name) + "; --help lists all settings";
}

class Loader {
 public:
  Loader(Config& config, const ReadFile& read_file) : config_(&config), read_file_(&read_file) {}

  // Errors of the two that name no place yet are given one by the caller.
  Error apply_directive(std::string_view name, std::span<const std::string_view> words) {
    if (text::equals_ignoring_case(name, "include")) return include(words);
    const Setting* setting = find_setting(name);
    if (setting == nullptr) return unknown(name);
    const auto reason = assign_words(*config_, *setting, words);
    if (!reason) return std::nullopt;
    return bad_value(*setting, words, *reason);
  }

  Error apply_text(std::string_view text, std::string_view file_name) {
    for (int line_number = 1; !text.empty(); ++line_number) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text::trimmed(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (line.empty() || line.front() == '#') continue;
      if (const Error error = apply_line(line)) {
        return std::string(file_name) + ":" + std::to_string(line_number) + ": " + *error;
      }
    }
    return std::nullopt;
  }

 private:
  Error apply_line(std::string_view line) {
    const auto words = text::split_words(line);
    if (!words) return "unbalanced quotes in '" + text::echo(line) + "'";
    if (words->empty()) return std::nullopt;
    const std::vector<std::string_view> views(words->begin(), words->end());
    return apply_directive(views.front(), std::span(views).subspan(1));
  }

  Error include(std::span<const std::string_view> words) {
    if (words.size() != 1) return "include: wrong number of arguments; accepted: one path";
    const std::string path(words.front());
    if (depth_ == kMostIncludes) return "include '" + text::echo(path) + "': nested too deeply";
    const auto included = (*read_file_)(path);
    if (!included) return "include '" + text::echo(path) + "': cannot read the file";
    ++depth_;
    Error error = apply_text(*included, path);
    --depth_;
    return error;
  }

  Config* config_;
  const ReadFile* read_file_;
  int depth_ = 0;
};

using Arguments = std::span<const std::string_view>;

bool is_option(std::string_view argument) {
  return argument.starts_with("--");
}

// How many of `arguments`, which follow a name, are its values.
size_t count_values(std::string_view name, Arguments arguments) {
  const bool stands_alone = text::equals_ignoring_case(name, "save") &&
                            (arguments.empty() || is_option(arguments.front()));
  if (stands_alone || arguments.empty()) return 0;
  size_t count = 1;
  while (count < arguments.size() && !is_option(arguments[count])) ++count;
  return count;
}

// One `--name ...` at the front of `arguments`, which it shortens.
Error apply_option(Loader& loader, Arguments& arguments) {
  std::string_view name = arguments.front().substr(2);
  arguments = arguments.subspan(1);
  std::vector<std::string> words;
  const size_t name_end = name.find_first_of("= ");
  if (name_end != std::string_view::npos && name[name_end] == '=') {
    words.emplace_back(name.substr(name_end + 1));
    name = name.substr(0, name_end);
  } else if (name_end != std::string_view::npos) {
    const auto split = text::split_words(name.substr(name_end));
    if (!split) return "unbalanced quotes in '--" + text::echo(name) + "'";
    words = *split;
    name = name.substr(0, name_end);
  }
  if (words.empty()) {
    const size_t count = count_values(name, arguments);
    words.assign(arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(count));
    arguments = arguments.subspan(count);
    if (count == 0 && text::equals_ignoring_case(name, "save")) words.emplace_back();
  }
  const std::vector<std::string_view> views(words.begin(), words.end());
  return loader.apply_directive(name, views);
}

}  // namespace

StartRequest apply_arguments(Config& config, Arguments arguments, const ReadFile& read_file) {
  Loader loader(config, read_file);
  const bool names_file =
      !arguments.empty() && (arguments.front() == "-" || !arguments.front().starts_with('-'));
  if (names_file) {
    const std::string path(arguments.front());
    const auto file = read_file(path);
    if (!file) return {StartAction::serve, "config file '" + text::echo(path) + "' cannot be read"};
    const std::string name = path == "-" ? "standard input" : path;
    if (Error error = loader.apply_text(*file, name)) return {StartAction::serve, std::move(error)};
    if (path != "-") config.config_file = path;
    arguments = arguments.subspan(1);
  }
  while (!arguments.empty()) {
    const std::string_view argument = arguments.front();
    if (argument == "--help" || argument == "-h") return {StartAction::show_help, std::nullopt};
    if (argument == "--version" || argument == "-v")
      return {StartAction::show_version, std::nullopt};
    if (!is_option(argument)) {
      return {StartAction::serve, "unknown argument '" + text::echo(argument) +
                                      "'; settings are given as --name value"};
    }
    if (Error error = apply_option(loader, arguments))
      return {StartAction::serve, std::move(error)};
  }
  return {};
}

Error apply_file(Config& config, std::string_view text, std::string_view file_name,
                 const ReadFile& read_file) {
  return Loader(config, read_file).apply_text(text, file_name);
}

}  // namespace larder::config
