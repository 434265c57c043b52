// Files that exist only in the test, and short ways to call what is tested.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/config/settings.h"

namespace larder::config {

using Files = std::map<std::string, std::string>;

inline ReadFile reader(Files files) {
  return [files = std::move(files)](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
}

inline Error load(Config& config, std::string_view text, Files files = {}) {
  return apply_file(config, text, "larder.conf", reader(std::move(files)));
}

inline StartRequest start(Config& config, std::initializer_list<std::string_view> arguments,
                          Files files = {}) {
  return apply_arguments(config, {arguments.begin(), arguments.size()}, reader(std::move(files)));
}

inline Error change(Config& config,
                    std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  return set(config, {pairs.begin(), pairs.size()});
}

inline std::vector<NameAndValue> ask(const Config& config,
                                     std::initializer_list<std::string_view> patterns) {
  text::GlobBudget budget;
  return get(config, {patterns.begin(), patterns.size()}, budget);
}

inline bool mentions(const Error& error, std::string_view what) {
  return error && error->find(what) != std::string::npos;
}

}  // namespace larder::config
