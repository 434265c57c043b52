// How words become members of Config and back, one overload for each kind of field.
#include <algorithm>
#include <charconv>
#include <string>
#include <type_traits>
#include <utility>

#include "server/config/table.h"
#include "server/text/ascii.h"
#include "server/text/memory_size.h"

namespace larder::config {
namespace {

using WordSpan = std::span<const std::string_view>;
using Reason = std::optional<std::string>;

// As strict as Redis's string2ll: no leading zeros, plus sign or spaces.
std::optional<int64_t> parse_integer(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  if (digits == "0" && digits.size() != text.size()) return std::nullopt;
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || parsed_to != end) return std::nullopt;
  return value;
}

std::string octal(uint64_t value) {
  std::array<char, 24> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return std::string(digits.data(), written.ptr);
}

std::string between(const std::string& least, const std::string& most) {
  return "argument must be between " + least + " and " + most + " inclusive";
}

std::string joined(std::span<const std::string_view> words, std::string_view separator) {
  std::string result;
  for (const std::string_view word : words) {
    if (!result.empty()) result += separator;
    result += word;
  }
  return result;
}

Reason assign(Config& config, const YesNo& field, WordSpan words) {
  const bool yes = text::equals_ignoring_case(words[0], "yes");
  if (!yes && !text::equals_ignoring_case(words[0], "no")) {
    return "argument must be 'yes' or 'no'";
  }
  config.*field.member = yes;
  return std::nullopt;
}

Reason assign(Config& config, const Integer& field, WordSpan words) {
  const auto value = parse_integer(words[0]);
  if (!value) return "argument couldn't be parsed into an integer";
  if (*value < int64_t{field.least} || *value > int64_t{field.most}) {
    return between(std::to_string(field.least), std::to_string(field.most));
  }
  config.*field.member = static_cast<uint32_t>(*value);
  return std::nullopt;
}

Reason assign(Config& config, const SignedInteger& field, WordSpan words) {
  const auto value = parse_integer(words[0]);
  if (!value) return "argument couldn't be parsed into an integer";
  if (*value < field.least || *value > field.most) {
    return between(std::to_string(field.least), std::to_string(field.most));
  }
  config.*field.member = *value;
  return std::nullopt;
}

Reason assign(Config& config, const Octal& field, WordSpan words) {
  const std::string_view text = words[0];
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [parsed_to, error] = std::from_chars(text.data(), end, value, 8);
  if (text.empty() || parsed_to != end) return "argument couldn't be parsed as an octal number";
  if (error != std::errc() || value > field.most) return between("0", octal(field.most));
  config.*field.member = value;
  return std::nullopt;
}

Reason assign(Config& config, const Memory& field, WordSpan words) {
  const auto bytes = text::parse_memory_size(words[0]);
  if (!bytes) return "argument must be a memory value";
  if (*bytes < field.least || *bytes > field.most) {
    return between(std::to_string(field.least), std::to_string(field.most));
  }
  config.*field.member = *bytes;
  return std::nullopt;
}

Reason assign(Config& config, const Choice& field, WordSpan words) {
  for (size_t i = 0; i < field.names.size(); ++i) {
    if (text::equals_ignoring_case(words[0], field.names[i])) {
      field.assign(config, i);
      return std::nullopt;
    }
  }
  return "argument(s) must be one of the following: " + joined(field.names, ", ");
}

Reason assign(Config& config, const Text& field, WordSpan words) {
  std::string value = joined(words, " ");
  if (value.size() > field.most_bytes) {
    return "argument must not be longer than " + std::to_string(field.most_bytes) + " bytes";
  }
  if (field.check != nullptr) {
    if (const auto reason = field.check(value)) return std::string(*reason);
  }
  config.*field.member = std::move(value);
  return std::nullopt;
}

struct EventLetter {
  char letter;
  uint32_t events;
};
// In the order in which Redis shows them; 'A' stands for all it includes, and hides 'n' as well.
constexpr std::array kEventLetters{
    EventLetter{'A', kEventsAll},       EventLetter{'g', kEventsGeneric},
    EventLetter{'$', kEventsString},    EventLetter{'l', kEventsList},
    EventLetter{'s', kEventsSet},       EventLetter{'h', kEventsHash},
    EventLetter{'z', kEventsSortedSet}, EventLetter{'x', kEventsExpired},
    EventLetter{'e', kEventsEvicted},   EventLetter{'t', kEventsStream},
    EventLetter{'d', kEventsModule},    EventLetter{'n', kEventsNew},
    EventLetter{'K', kEventsByKey},     EventLetter{'E', kEventsByEvent},
    EventLetter{'m', kEventsKeyMiss}};

Reason assign(Config& config, const EventLetters& field, WordSpan words) {
  uint32_t events = 0;
  for (const char letter : words[0]) {
    const auto place = std::find_if(kEventLetters.begin(), kEventLetters.end(),
                                    [=](const EventLetter& it) { return it.letter == letter; });
    if (place == kEventLetters.end()) {
      return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    }
    events |= place->events;
  }
  config.*field.member = events;
  return std::nullopt;
}

Reason assign(Config& config, const Words& field, WordSpan words) {
  if (words.size() > field.most_words) return "Too many " + std::string(field.what) + " specified.";
  for (const std::string_view word : words) {
    const bool plain = std::all_of(word.begin(), word.end(), [](char byte) {
      const char lower = text::to_lower(byte);
      return text::is_digit(byte) || (lower >= 'a' && lower <= 'z') ||
             std::string_view(".:*-_%").find(byte) != std::string_view::npos;
    });
    if (!plain) return "argument has a byte that no address has";
  }
  (config.*field.member).assign(words.begin(), words.end());
  return std::nullopt;
}

constexpr std::array<std::string_view, kClientClasses> kClassesShown{"normal", "slave", "pubsub"};
constexpr std::array<std::string_view, kClientClasses> kClasses{"normal", "replica", "pubsub"};

Reason assign(Config& config, const OutputLimits& field, WordSpan words) {
  constexpr int64_t kMostSeconds = std::numeric_limits<int32_t>::max();
  if (words.size() % 4 != 0) return "Wrong number of arguments in buffer limit configuration.";
  for (; !words.empty(); words = words.subspan(4)) {
    size_t index = 0;
    while (index < kClientClasses && !text::equals_ignoring_case(words[0], kClasses[index]) &&
           !text::equals_ignoring_case(words[0], kClassesShown[index])) {
      ++index;
    }
    if (index == kClientClasses) {
      return "Invalid client class specified in buffer limit configuration.";
    }
    const auto hard = text::parse_memory_size(words[1]);
    const auto soft = text::parse_memory_size(words[2]);
    const auto seconds = parse_integer(words[3]);
    if (!hard || !soft || !seconds || *seconds < 0 || *seconds > kMostSeconds) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
    (config.*field.member)[index] = {*hard, *soft, static_cast<uint64_t>(*seconds)};
  }
  return std::nullopt;
}

std::string show(const Config& config, const YesNo& field) {
  return config.*field.member ? "yes" : "no";
}
std::string show(const Config& config, const Integer& field) {
  return std::to_string(config.*field.member);
}
std::string show(const Config& config, const SignedInteger& field) {
  return std::to_string(config.*field.member);
}
std::string show(const Config& config, const Octal& field) {
  return octal(config.*field.member);
}
std::string show(const Config& config, const Memory& field) {
  return std::to_string(config.*field.member);
}
std::string show(const Config& config, const Choice& field) {
  return std::string(field.names[field.index(config)]);
}
std::string show(const Config& config, const Text& field) {
  return config.*field.member;
}
std::string show(const Config& config, const EventLetters& field) {
  const uint32_t events = config.*field.member;
  const bool has_all = (events & kEventsAll) == kEventsAll;
  std::string letters;
  for (const EventLetter& it : kEventLetters) {
    const bool is_in_all = it.letter != 'A' && (it.events & (kEventsAll | kEventsNew)) != 0;
    if ((events & it.events) == it.events && !(has_all && is_in_all)) letters += it.letter;
  }
  return letters;
}
std::string show(const Config& config, const Words& field) {
  const std::vector<std::string>& words = config.*field.member;
  const std::vector<std::string_view> views(words.begin(), words.end());
  return joined(views, " ");
}
std::string show(const Config& config, const OutputLimits& field) {
  std::string result;
  for (size_t i = 0; i < kClientClasses; ++i) {
    const OutputBufferLimit& limit = (config.*field.member)[i];
    if (i != 0) result += ' ';
    result.append(kClassesShown[i]).append(" ");
    result += std::to_string(limit.hard_bytes) + " " + std::to_string(limit.soft_bytes) + " " +
              std::to_string(limit.soft_seconds);
  }
  return result;
}

std::string describe(const YesNo&) {
  return "yes or no";
}
std::string describe(const Integer& field) {
  return "a number from " + std::to_string(field.least) + " to " + std::to_string(field.most);
}
std::string describe(const SignedInteger& field) {
  return "a number of at least " + std::to_string(field.least);
}
std::string describe(const Octal& field) {
  return "an octal number from 0 to " + octal(field.most);
}
std::string describe(const Memory& field) {
  return "a size of at least " + text::format_memory_size(field.least) + ", such as 512mb";
}
std::string describe(const Choice& field) {
  return "one of " + joined(field.names, ", ");
}
std::string describe(const Text& field) {
  return std::string(field.what);
}
std::string describe(const EventLetters&) {
  return "letters of Ag$lshzxeKEtmdn, or \"\" for none";
}
std::string describe(const Words& field) {
  return "up to " + std::to_string(field.most_words) + " " + std::string(field.what);
}
std::string describe(const OutputLimits&) {
  return "any number of: class (" + joined(kClasses, ", ") +
         "), hard limit, soft limit, seconds above the soft limit";
}

bool takes_many_words(const Field& field) {
  const Text* text = std::get_if<Text>(&field);
  return (text != nullptr && text->many_words) || std::holds_alternative<Words>(field) ||
         std::holds_alternative<OutputLimits>(field);
}

// Each word cut at its spaces; `--bind "127.0.0.1 ::1"` is two addresses.
std::vector<std::string_view> cut_at_spaces(WordSpan words) {
  std::vector<std::string_view> result;
  for (std::string_view word : words) {
    while (!word.empty()) {
      const size_t space = std::min(word.find(' '), word.size());
      if (space != 0) result.push_back(word.substr(0, space));
      word.remove_prefix(std::min(space + 1, word.size()));
    }
  }
  return result;
}

}  // namespace

std::optional<std::string> assign_words(Config& config, const Setting& setting, WordSpan words) {
  std::vector<std::string_view> cut;
  if (takes_many_words(setting.field) && !words.empty()) {
    cut = cut_at_spaces(words);
    words = cut;
  } else if (words.size() != 1) {
    return "wrong number of arguments";
  }
  Config next = config;
  const auto visitor = [&](const auto& field) { return assign(next, field, words); };
  if (Reason reason = std::visit(visitor, setting.field)) return reason;
  if (!setting.only_default_because.empty() &&
      value_text(next, setting) != value_text(Config{}, setting)) {
    return std::string(setting.only_default_because);
  }
  config = std::move(next);
  return std::nullopt;
}

std::string value_text(const Config& config, const Setting& setting) {
  return std::visit([&](const auto& field) { return show(config, field); }, setting.field);
}

std::string accepted_values(const Setting& setting) {
  if (!setting.only_default_because.empty()) {
    const std::string value = value_text(Config{}, setting);
    return "only " + (value.empty() ? "\"\"" : value) + " in this version";
  }
  return std::visit([](const auto& field) { return describe(field); }, setting.field);
}

}  // namespace larder::config
