// CONFIG GET and CONFIG SET.
#include <algorithm>

#include "server/config/settings.h"
#include "server/config/table.h"
#include "server/text/ascii.h"
#include "server/text/glob.h"
#include "server/text/quoting.h"

namespace larder::config {
namespace {

std::string failed(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + text::echo(name) + "') - " +
         std::string(reason);
}

}  // namespace

std::vector<NameAndValue> get(const Config& config, std::span<const std::string_view> patterns,
                              text::GlobBudget& budget) {
  const std::span<const Setting* const> settings = table();
  std::vector<NameAndValue> found;
  std::vector<bool> is_shown(settings.size());
  const auto show = [&](size_t index, std::string_view name) {
    if (!is_shown[index]) found.emplace_back(name, value_text(config, *settings[index]));
    is_shown[index] = true;
  };
  for (const std::string_view pattern : patterns) {
    if (!text::has_glob_characters(pattern)) {
      const auto place = std::find(settings.begin(), settings.end(), find_setting(pattern));
      if (place != settings.end()) show(static_cast<size_t>(place - settings.begin()), pattern);
      continue;
    }
    for (size_t i = 0; i < settings.size() && found.size() < settings.size(); ++i) {
      const std::string_view name = settings[i]->name;
      if (is_shown[i] || budget.is_spent()) continue;
      if (text::glob_match(pattern, name, text::GlobCase::ignore, budget)) show(i, name);
    }
  }
  return found;
}

Error set(Config& config,
          std::span<const std::pair<std::string_view, std::string_view>> names_and_values) {
  // As in Redis, all names are looked at before any value is.
  std::vector<const Setting*> settings;
  for (const auto& [name, value] : names_and_values) {
    const Setting* setting = find_setting(name);
    if (setting == nullptr) {
      return "ERR Unknown option or number of arguments for CONFIG SET - '" + text::echo(name) +
             "'";
    }
    if (setting->change == Change::at_start_only) return failed(name, "can't set immutable config");
    if (std::find(settings.begin(), settings.end(), setting) != settings.end()) {
      return failed(name, "duplicate parameter");
    }
    settings.push_back(setting);
  }
  Config next = config;
  for (size_t i = 0; i < settings.size(); ++i) {
    const std::string_view word = names_and_values[i].second;
    if (const auto reason = assign_words(next, *settings[i], {&word, 1})) {
      return failed(settings[i]->name, *reason);
    }
  }
  config = std::move(next);
  return std::nullopt;
}

}  // namespace larder::config
