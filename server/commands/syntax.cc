#include "server/commands/syntax.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <map>
#include <span>
#include <utility>

#include "server/text/ascii.h"
#include "server/text/glob.h"

namespace larder::server {
namespace {

struct NameType {
  std::string_view command;  // a glob pattern
  std::string_view name;     // a glob pattern
  ArgumentType type;
};

// The first that fits; strings are what is left.
constexpr std::array kTypes{
    NameType{"incrbyfloat", "increment", ArgumentType::real},
    NameType{"increx", "float", ArgumentType::real},
    NameType{"increx", "integer", ArgumentType::integer},
    NameType{"cl.throttle", "max-burst", ArgumentType::integer},
    NameType{"cl.throttle", "period", ArgumentType::integer},
    NameType{"cl.throttle", "quantity", ArgumentType::integer},
    NameType{"zincrby", "increment", ArgumentType::integer},
    NameType{"zrange", "start", ArgumentType::string},
    NameType{"zrange", "stop", ArgumentType::string},
    NameType{"z*byscore", "m[ai][xn]", ArgumentType::real},
    NameType{"zcount", "m[ai][xn]", ArgumentType::real},
    NameType{"bz*", "timeout", ArgumentType::real},
    NameType{"*", "weight", ArgumentType::integer},
    NameType{"zintercard", "limit", ArgumentType::integer},
    NameType{"geo*", "longitude", ArgumentType::real},
    NameType{"geo*", "latitude", ArgumentType::real},
    NameType{"geo*", "radius", ArgumentType::real},
    NameType{"geo*", "width", ArgumentType::real},
    NameType{"geo*", "height", ArgumentType::real},
    NameType{"zrangestore", "dst", ArgumentType::key},
    NameType{"zrangestore", "src", ArgumentType::key},
    NameType{"*", "key", ArgumentType::key},
    NameType{"*", "key[0-9]", ArgumentType::key},
    NameType{"*", "source", ArgumentType::key},
    NameType{"*", "destination", ArgumentType::key},
    NameType{"*", "destkey", ArgumentType::key},
    NameType{"*", "newkey", ArgumentType::key},
    NameType{"*", "pattern", ArgumentType::pattern},
    NameType{"*", "unix-time-*", ArgumentType::unix_time},
    NameType{"*", "seconds", ArgumentType::integer},
    NameType{"*", "milliseconds", ArgumentType::integer},
    NameType{"*", "timeout", ArgumentType::integer},
    NameType{"*", "cursor", ArgumentType::integer},
    NameType{"*", "count", ArgumentType::integer},
    NameType{"*", "index*", ArgumentType::integer},
    NameType{"*", "increment", ArgumentType::integer},
    NameType{"*", "decrement", ArgumentType::integer},
    NameType{"*", "offset", ArgumentType::integer},
    NameType{"*", "start", ArgumentType::integer},
    NameType{"*", "end", ArgumentType::integer},
    NameType{"*", "stop", ArgumentType::integer},
    NameType{"lpos", "rank", ArgumentType::integer},
    NameType{"lpos", "num-matches", ArgumentType::integer},
    NameType{"lpos", "len", ArgumentType::integer},
    NameType{"*", "client-id", ArgumentType::integer},
    NameType{"*", "maxage", ArgumentType::integer},
    NameType{"*", "protover", ArgumentType::integer},
    NameType{"*", "*-db", ArgumentType::integer},
    NameType{"*", "db", ArgumentType::integer},
    NameType{"lolwut", "version", ArgumentType::integer},
    NameType{"*", "score", ArgumentType::real},
    NameType{"*", "numkeys", ArgumentType::integer},
    NameType{"*", "bit", ArgumentType::integer},
    NameType{"*", "min-match-len", ArgumentType::integer},
    NameType{"setbit", "value", ArgumentType::integer},
    NameType{"bitfield", "value", ArgumentType::integer},
};

struct GivenName {
  std::string_view parts;  // a glob pattern of the parts' names, joined by '_'
  std::string_view name;
  std::string_view command = "*";  // a glob pattern
};

// What Redis 7 calls choices and blocks that it does not call by their joined parts. Where several
// fit, a line's first such group has the first name, its second the second.
constexpr std::array kGivenNames{
    GivenName{"nx_xx*", "condition"},
    GivenName{"gt_lt", "comparison"},
    GivenName{"seconds_milliseconds_*", "expiration"},
    GivenName{"float_integer", "increment"},
    GivenName{"asc_desc", "order"},
    GivenName{"on_off", "enabled"},
    GivenName{"before_after", "where"},
    GivenName{"left_right", "wherefrom", "*lmove"},
    GivenName{"left_right", "whereto", "*lmove"},
    GivenName{"left_right", "where"},
    GivenName{"min_max", "where"},
    GivenName{"sum_min_max", "aggregate"},
    GivenName{"byscore_bylex", "sortby"},
    GivenName{"m_km_ft_mi", "unit"},
    GivenName{"write_all", "mode"},
    GivenName{"async_sync", "async"},
    GivenName{"module-name_category_pattern", "filterby"},
    GivenName{"protover_*", "arguments"},
    GivenName{"ip:port_*", "filter"},
    GivenName{"client-id_*_ip:port_*", "new-format"},
    GivenName{"normal_master_slave_replica_pubsub", "normal_master_slave_pubsub"},
};

constexpr std::string_view kRepeat = "...";

using Words = std::span<const std::string_view>;

std::vector<std::string_view> cut(std::string_view line) {
  constexpr std::string_view kMarks = "[]<>|";
  std::vector<std::string_view> words;
  while (!line.empty()) {
    size_t length = 1;
    if (kMarks.find(line.front()) == std::string_view::npos && line.front() != ' ') {
      length = std::min(line.find_first_of("[]<>| "), line.size());
    }
    if (line.front() != ' ') words.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
  return words;
}

bool is_mark(std::string_view word) {
  return word == "[" || word == "]" || word == "<" || word == ">" || word == "|";
}

bool is_value(std::string_view word) {
  return !is_mark(word) && word != kRepeat && std::any_of(word.begin(), word.end(), [](char byte) {
    return byte >= 'a' && byte <= 'z';
  });
}

class Parser {
 public:
  Parser(Words words, std::string_view command) : words_(words), command_(command) {}

  std::optional<std::vector<ArgumentSyntax>> parse() {
    bool repeats = false;
    std::vector<Item> items = parse_sequence({.within_bracket = false, .begin = 0}, repeats);
    if (failed_ || repeats || at_ != words_.size()) return std::nullopt;
    return arguments_of(std::move(items));
  }

 private:
  // An argument and where the words that say it begin.
  struct Item {
    ArgumentSyntax argument;
    size_t begin;
  };

  // The bracket (or whole line) that a sequence is in.
  struct Enclosure {
    bool within_bracket;
    size_t begin;
  };

  static std::vector<ArgumentSyntax> arguments_of(std::vector<Item> items) {
    std::vector<ArgumentSyntax> arguments;
    for (Item& item : items) arguments.push_back(std::move(item.argument));
    return arguments;
  }

  std::string name_of(std::span<const ArgumentSyntax> parts) {
    std::string joined;
    for (const ArgumentSyntax& part : parts) {
      if (!joined.empty()) joined += '_';
      joined += part.name;
    }
    std::vector<std::string_view>& given = given_[joined];
    for (const GivenName& known : kGivenNames) {
      const bool fits = text::glob_match(known.parts, joined) &&
                        (known.command == "*" || text::glob_match(known.command, command_));
      if (!fits || std::find(given.begin(), given.end(), known.name) != given.end()) continue;
      given.push_back(known.name);
      return std::string(known.name);
    }
    return given.empty() ? joined : std::string(given.back());
  }

  ArgumentSyntax grouped(ArgumentType type, std::vector<ArgumentSyntax> parts) {
    ArgumentSyntax group;
    group.type = type;
    group.arguments = std::move(parts);
    group.name = name_of(group.arguments);
    return group;
  }

  ArgumentSyntax value(std::string_view name) const {
    ArgumentSyntax argument;
    argument.name = name;
    for (const NameType& known : kTypes) {
      if (text::glob_match(known.name, name) &&
          (known.command == "*" || text::glob_match(known.command, command_))) {
        argument.type = known.type;
        break;
      }
    }
    return argument;
  }

  bool at_end_of_sequence(size_t at) const {
    return at == words_.size() || words_[at] == "]" || words_[at] == ">" || words_[at] == "|";
  }

  // The position of the bracket that closes the '[' at `open`, or that of the end.
  size_t closing(size_t open) const {
    size_t depth = 0;
    for (size_t at = open; at < words_.size(); ++at) {
      if (words_[at] == "[" || words_[at] == "<") ++depth;
      if ((words_[at] == "]" || words_[at] == ">") && --depth == 0) return at;
    }
    return words_.size();
  }

  std::vector<Item> parse_sequence(Enclosure enclosure, bool& enclosure_repeats) {
    std::vector<Item> items;
    while (!failed_ && !at_end_of_sequence(at_)) {
      const size_t begin = at_;
      if (words_[at_] == "[") {
        const size_t close = closing(at_);
        if (close == words_.size()) {
          failed_ = true;
        } else if (words_[close - 1] == kRepeat) {
          const Words repeated = words_.subspan(at_ + 1, close - at_ - 2);
          if (!apply_repetition(repeated, items, enclosure)) enclosure_repeats = true;
          at_ = close + 1;
        } else {
          items.push_back({parse_bracket("]"), begin});
          items.back().argument.optional = true;
        }
      } else if (words_[at_] == "<") {
        items.push_back({parse_bracket(">"), begin});
      } else {
        items.push_back({parse_word(enclosure.within_bracket), begin});
      }
    }
    if (items.empty() && enclosure.within_bracket) failed_ = true;
    return items;
  }

  // True if the repetition is of the last of `items`, false if it is of all in the enclosure.
  bool apply_repetition(Words repeated, std::vector<Item>& items, Enclosure enclosure) {
    for (size_t count = 1; count <= items.size(); ++count) {
      const size_t first = items.size() - count;
      const Words said = words_.subspan(items[first].begin, at_ - items[first].begin);
      const bool with_token =
          std::equal(said.begin(), said.end(), repeated.begin(), repeated.end());
      if (count == 1) {
        ArgumentSyntax& argument = items[first].argument;
        const Words bare = said.subspan(argument.token.empty() ? 0 : 1);
        if (with_token || std::equal(bare.begin(), bare.end(), repeated.begin(), repeated.end())) {
          argument.multiple = true;
          argument.multiple_token = with_token && !argument.token.empty();
          return true;
        }
      } else if (with_token) {
        std::vector<Item> last(
            std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(first)),
            std::make_move_iterator(items.end()));
        const size_t begin = last.front().begin;
        items.resize(first);
        items.push_back({grouped(ArgumentType::block, arguments_of(std::move(last))), begin});
        items.back().argument.multiple = true;
        return true;
      }
    }
    const Words all = words_.subspan(enclosure.begin, at_ - enclosure.begin);
    const bool whole =
        repeated.empty() || std::equal(all.begin(), all.end(), repeated.begin(), repeated.end());
    if (!whole || !enclosure.within_bracket) failed_ = true;
    return false;
  }

  ArgumentSyntax parse_bracket(std::string_view close) {
    const Enclosure enclosure{.within_bracket = true, .begin = ++at_};
    bool repeats = false;
    std::vector<ArgumentSyntax> alternatives;
    for (;;) {
      std::vector<ArgumentSyntax> sequence = arguments_of(parse_sequence(enclosure, repeats));
      if (failed_) return {};
      alternatives.push_back(sequence.size() == 1
                                 ? std::move(sequence.front())
                                 : grouped(ArgumentType::block, std::move(sequence)));
      if (at_ == words_.size() || words_[at_] != "|") break;
      ++at_;
    }
    if (at_ == words_.size() || words_[at_] != close) {
      failed_ = true;
      return {};
    }
    ++at_;
    ArgumentSyntax result = alternatives.size() == 1
                                ? std::move(alternatives.front())
                                : grouped(ArgumentType::one_of, std::move(alternatives));
    if (repeats) result.multiple = true;
    return result;
  }

  ArgumentSyntax parse_word(bool within_bracket) {
    const std::string_view word = words_[at_++];
    if (word == kRepeat) failed_ = true;
    if (is_value(word)) return value(word);
    size_t values = 0;
    while (at_ + values < words_.size() && is_value(words_[at_ + values])) ++values;
    ArgumentSyntax argument;
    if (values >= 2 && within_bracket && at_end_of_sequence(at_ + values)) {
      std::vector<ArgumentSyntax> parts;
      for (; values > 0; --values) parts.push_back(value(words_[at_++]));
      argument = grouped(ArgumentType::block, std::move(parts));
    } else if (values >= 1) {
      argument = value(words_[at_++]);
    } else if (at_ < words_.size() && words_[at_] == "<") {
      argument = parse_bracket(">");
    } else {
      argument.type = ArgumentType::pure_token;
      argument.name = text::lowered(word);
    }
    argument.token = word;
    return argument;
  }

  Words words_;
  std::string_view command_;
  size_t at_ = 0;
  bool failed_ = false;
  std::map<std::string, std::vector<std::string_view>> given_;  // names that joined parts got
};

std::string_view type_name(ArgumentType type) {
  switch (type) {
    case ArgumentType::string:
      return "string";
    case ArgumentType::integer:
      return "integer";
    case ArgumentType::real:
      return "double";
    case ArgumentType::key:
      return "key";
    case ArgumentType::pattern:
      return "pattern";
    case ArgumentType::unix_time:
      return "unix-time";
    case ArgumentType::pure_token:
      return "pure-token";
    case ArgumentType::one_of:
      return "oneof";
    case ArgumentType::block:
      return "block";
  }
  return "";
}

void write_flags(const ArgumentSyntax& argument, protocol::Reply& reply) {
  const std::array<std::pair<bool, std::string_view>, 3> flags{
      {{argument.optional, "optional"},
       {argument.multiple, "multiple"},
       {argument.multiple_token, "multiple_token"}}};
  reply.bulk("flags");
  reply.set(static_cast<size_t>(
      std::count_if(flags.begin(), flags.end(), [](const auto& flag) { return flag.first; })));
  for (const auto& [present, name] : flags) {
    if (present) reply.simple(name);
  }
}

}  // namespace

std::optional<std::vector<ArgumentSyntax>> parse_syntax(std::string_view line,
                                                        std::string_view command) {
  const std::vector<std::string_view> words = cut(line);
  return Parser(words, command).parse();
}

void write_syntax(const std::vector<ArgumentSyntax>& arguments, size_t key_specifications,
                  protocol::Reply& reply) {
  reply.array(arguments.size());
  size_t keys = 0;
  for (const ArgumentSyntax& argument : arguments) {
    const bool is_key = argument.type == ArgumentType::key;
    const bool has_flags = argument.optional || argument.multiple;
    reply.map(2U + is_key + !argument.token.empty() + has_flags + !argument.arguments.empty());
    reply.bulk("name");
    reply.bulk(argument.name);
    reply.bulk("type");
    reply.bulk(type_name(argument.type));
    if (is_key) {
      reply.bulk("key_spec_index");
      reply.integer(static_cast<int64_t>(std::min(keys++, key_specifications - 1)));
    }
    if (!argument.token.empty()) {
      reply.bulk("token");
      reply.bulk(argument.token);
    }
    if (has_flags) write_flags(argument, reply);
    if (!argument.arguments.empty()) {
      reply.bulk("arguments");
      write_syntax(argument.arguments, /*key_specifications=*/1, reply);
    }
  }
}

}  // namespace larder::server
