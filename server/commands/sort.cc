// SORT and SORT_RO: the elements of a list, set or sorted set in another order, or what they name.
//
// BY and GET name keys by a pattern into which the element is put, so which keys a command reads is
// known only while it runs; it then holds all shards (LockPlan::patterns).
//
// Texts are compared byte by byte, whatever the locale: replicas and their primary agree.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/hash_commands.h"
#include "server/commands/list_encoding.h"
#include "server/text/ascii.h"
#include "storage/list/list.h"
#include "storage/set/set.h"
#include "storage/sorted_set/sorted_set.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using storage::List;
using storage::NumberText;
using storage::SortedSet;
using text::equals_ignoring_case;

// What BY and GET look up: "weight_*" a string, "user_*->name" a field of a hash, "#" the element.
class Pattern {
 public:
  explicit Pattern(std::string_view text) : is_element_(text == "#") {
    const size_t star = text.find('*');
    if (star == std::string_view::npos) return;
    names_key_ = true;
    before_ = text.substr(0, star);
    behind_ = text.substr(star + 1);
    const size_t arrow = behind_.find("->");
    if (arrow == std::string_view::npos || arrow + 2 == behind_.size()) return;
    field_ = behind_.substr(arrow + 2);
    behind_ = behind_.substr(0, arrow);
  }

  bool is_element() const { return is_element_; }
  bool names_key() const { return names_key_; }

  // Calls on_string(entry), on_field(value) or on_nothing(), whichever it is that the element leads
  // to. `key` is room for the name.
  template <typename OnString, typename OnField, typename OnNothing>
  void look_up(KeyContext& context, std::string_view element, std::string& key,
               OnString on_string, OnField on_field, OnNothing on_nothing) const {
    if (!names_key_) return on_nothing();
    key.assign(before_).append(element).append(behind_);
    const Entry entry = context.look_up({key, context.hasher()(key)});
    if (!entry) return on_nothing();
    if (field_.empty()) return entry.is_object() ? on_nothing() : on_string(entry);
    if (entry.type() != storage::Type::hash) return on_nothing();
    const auto field = hash_of(entry).find(field_, context.field_now_ms());
    field ? on_field(field->value) : on_nothing();
  }

  // The text that the element leads to, if any. Valid until the next look-up; `scratch` is room.
  std::optional<std::string_view> text(KeyContext& context, std::string_view element,
                                       std::string& key, NumberText& scratch) const {
    if (is_element_) return element;
    std::optional<std::string_view> found;
    look_up(
        context, element, key, [&](const Entry& entry) { found = entry.text(scratch); },
        [&](const storage::listpack::Value& value) { found = value.bytes(scratch); }, [] {});
    return found;
  }

 private:
  bool is_element_;
  bool names_key_ = false;
  std::string_view before_;
  std::string_view behind_;
  std::string_view field_;
};

struct Options {
  bool is_descending = false;
  bool is_alphabetical = false;
  bool keeps_order = false;  // BY something that names no key
  bool stores = false;
  int64_t offset = 0;
  int64_t count = -1;  // negative: all
  std::optional<Pattern> by;
  std::vector<Pattern> gets;
};

bool read_options(Arguments arguments, bool may_store, Options& options, Reply& reply) {
  for (size_t i = 2; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const size_t left = arguments.size() - i - 1;
    if (equals_ignoring_case(word, "asc")) {
      options.is_descending = false;
    } else if (equals_ignoring_case(word, "desc")) {
      options.is_descending = true;
    } else if (equals_ignoring_case(word, "alpha")) {
      options.is_alphabetical = true;
    } else if (equals_ignoring_case(word, "limit") && left >= 2) {
      const std::optional<int64_t> offset = read_integer(arguments[i + 1], reply);
      if (!offset) return false;
      const std::optional<int64_t> count = read_integer(arguments[i + 2], reply);
      if (!count) return false;
      options.offset = *offset;
      options.count = *count;
      i += 2;
    } else if (may_store && equals_ignoring_case(word, "store") && left >= 1) {
      options.stores = true;
      ++i;
    } else if (equals_ignoring_case(word, "by") && left >= 1) {
      options.by.emplace(arguments[++i]);
      options.keeps_order = options.keeps_order || !options.by->names_key();
    } else if (equals_ignoring_case(word, "get") && left >= 1) {
      options.gets.emplace_back(arguments[++i]);
    } else {
      reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

// Texts that stay where they are until all go at once, each with a NUL behind it.
class Texts {
 public:
  std::string_view keep(std::string_view text) {
    auto* at = static_cast<char*>(pool_.allocate(text.size() + 1, 1));
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at[text.size()] = '\0';
    bytes_ += text.size();
    return {at, text.size()};
  }
  uint64_t bytes() const { return bytes_; }

 private:
  std::pmr::monotonic_buffer_resource pool_;
  uint64_t bytes_ = 0;
};

// An element, and what it is sorted by.
struct Sortable {
  std::string_view element;
  std::optional<std::string_view> text = {};
  double number = 0;
};

// Which elements are answered: [begin, end) of all.
struct Part {
  size_t begin;
  size_t end;

  size_t size() const { return end - begin; }
};

Part part_of(const Options& options, size_t size) {
  const auto all = static_cast<int64_t>(size);
  const int64_t begin = std::clamp<int64_t>(options.offset, 0, all);
  const int64_t count = options.count < 0 ? all : std::min(options.count, all);
  return {static_cast<size_t>(begin), static_cast<size_t>(std::min(begin + count, all))};
}

// As strtod reads it, the whole of it, and in the range of a double.
std::optional<double> number_of(std::string_view text) {
  if (const std::optional<int64_t> integer = protocol::parse_int64(text)) {
    return static_cast<double>(*integer);
  }
  errno = 0;
  char* end = nullptr;
  const double number = std::strtod(text.data(), &end);  // a NUL is behind it
  if (*end != '\0' || errno == ERANGE || std::isnan(number)) return std::nullopt;
  return number;
}

class Sorter {
 public:
  Sorter(KeyContext& context, Options& options) : context_(context), options_(options) {}

  // Answers the error and returns false if there is none to be had.
  bool run(Reply& reply) {
    const Entry source = context_.look_up(context_.key());
    if (!read_source(source, reply)) return false;
    if (options_.keeps_order) return true;
    if (!weigh(reply)) return false;
    order();
    return true;
  }

  void answer(Reply& reply) {
    const size_t patterns = options_.gets.size();
    reply.array(part_.size() * std::max<size_t>(patterns, 1));
    std::string key;
    for (size_t i = part_.begin; i < part_.end; ++i) {
      const std::string_view element = elements_[i].element;
      if (patterns == 0) reply.bulk(element);
      for (const Pattern& pattern : options_.gets) {
        if (pattern.is_element()) {
          reply.bulk(element);
          continue;
        }
        pattern.look_up(
            context_, element, key, [&](const Entry& entry) { reply_value(reply, entry); },
            [&](const storage::listpack::Value& value) { reply_text(reply, value); },
            [&] { reply.null(); });
      }
    }
  }

  void store(const Key& destination, Reply& reply) {
    List* list = List::create();
    const bool fits = fill(*list);
    if (!fits || list->is_empty()) {
      storage::Object::release(list);
      return fits ? remove(destination, reply) : reply.error(kOutOfMemory);
    }
    note_made(*list, context_.list_limit());
    reply.integer(static_cast<int64_t>(list->size()));
    context_.set_object(destination, context_.find(destination), list, storage::kNoDeadline);
    context_.wrote(destination, EventClass::list, "sortstore");
    context_.effect_as_received();
  }

 private:
  bool read_source(const Entry& source, Reply& reply) {
    if (!source) return true;
    if (!source.is_object()) return refuse_type(reply);
    switch (source.type()) {
      case storage::Type::list:
        read_list(source.object().as<List>());
        return true;
      case storage::Type::set:
        read_set(source.object().as<storage::Set>());
        return true;
      case storage::Type::sorted_set:
        read_sorted_set(source.object().as<SortedSet>());
        return true;
      default:
        return refuse_type(reply);
    }
  }

  static bool refuse_type(Reply& reply) {
    reply.error(kWrongType);
    return false;
  }

  // Only the part that is answered, where the order stays as it is.
  Part part_to_read(size_t size) {
    part_ = part_of(options_, size);
    const Part read = options_.keeps_order ? part_ : Part{0, size};
    if (options_.keeps_order) part_ = {0, read.size()};
    elements_.reserve(read.size());
    return read;
  }

  void read_list(const List& list) {
    read_sequence(list, [](const List::Cursor& at) { return at.element(); });
  }
  void read_sorted_set(const SortedSet& set) {
    read_sequence(set, [](const SortedSet::Cursor& at) { return at.member(); });
  }

  // Of something that has an order itself, and that or its opposite may be asked for.
  template <typename Sequence, typename TextAt>
  void read_sequence(const Sequence& sequence, TextAt text_at) {
    const Part part = part_to_read(sequence.size());
    if (part.size() == 0) return;
    NumberText scratch;
    const bool is_backwards = options_.keeps_order && options_.is_descending;
    auto at = sequence.at(is_backwards ? sequence.size() - 1 - part.begin : part.begin);
    for (size_t left = part.size(); left > 0; --left) {
      add(text_at(at).bytes(scratch));
      is_backwards ? at.previous() : at.next();
    }
  }

  void read_set(const storage::Set& set) {
    // Nobody may depend on the order in which a set has its members: stored ones and those that
    // scripts see are sorted.
    if (options_.keeps_order && (options_.stores || context_.is_in_script())) {
      options_.keeps_order = false;
      options_.is_alphabetical = true;
      options_.by.reset();
    }
    const Part part = part_to_read(set.size());
    NumberText scratch;
    size_t index = 0;
    set.visit([&](const storage::Set::Member& member) {
      if (index >= part.begin && index < part.end) add(member.bytes(scratch));
      return ++index < part.end;
    });
  }

  void add(std::string_view element) { elements_.push_back({texts_.keep(element)}); }

  // What the elements are sorted by; one without any is before all others, or 0.
  bool weigh(Reply& reply) {
    if (options_.is_alphabetical) return weigh_texts(reply);
    std::string key;
    std::string weight;  // with a NUL behind it
    NumberText scratch;
    for (Sortable& each : elements_) {
      std::string_view text = each.element;
      if (options_.by) {
        const auto found = options_.by->text(context_, each.element, key, scratch);
        if (!found) continue;
        text = weight.assign(*found);
      }
      const std::optional<double> number = number_of(text);
      if (!number) {
        reply.error("ERR One or more scores can't be converted into double");
        return false;
      }
      each.number = *number;
    }
    return true;
  }

  bool weigh_texts(Reply& reply) {
    std::string key;
    NumberText scratch;
    for (Sortable& each : elements_) {
      if (!options_.by) {
        each.text = each.element;
        continue;
      }
      const auto found = options_.by->text(context_, each.element, key, scratch);
      if (!found) continue;
      each.text = texts_.keep(*found);
      if (texts_.bytes() > context_.max_string_bytes()) {
        reply.error("ERR the values to sort by are too large together (proto-max-bulk-len)");
        return false;
      }
    }
    return true;
  }

  void order() {
    const bool is_alphabetical = options_.is_alphabetical;
    const auto is_before = [=](const Sortable& a, const Sortable& b) {
      if (is_alphabetical) {
        if (a.text != b.text) return a.text < b.text;
      } else if (a.number != b.number) {
        return a.number < b.number;
      }
      return a.element < b.element;
    };
    if (options_.is_descending) {
      order_by([&](const Sortable& a, const Sortable& b) { return is_before(b, a); });
    } else {
      order_by(is_before);
    }
  }

  template <typename IsBefore>
  void order_by(IsBefore is_before) {
    if (part_.end == elements_.size()) {
      return std::sort(elements_.begin(), elements_.end(), is_before);
    }
    std::partial_sort(elements_.begin(),
                      elements_.begin() + static_cast<std::ptrdiff_t>(part_.end),
                      elements_.end(), is_before);
  }

  // False if what comes together could never be kept.
  bool fill(List& list) {
    std::string key;
    NumberText scratch;
    for (size_t i = part_.begin; i < part_.end; ++i) {
      const std::string_view element = elements_[i].element;
      if (options_.gets.empty()) list.push(storage::End::back, element);
      for (const Pattern& pattern : options_.gets) {
        list.push(storage::End::back,
                  pattern.text(context_, element, key, scratch).value_or(std::string_view()));
      }
      if (!context_.could_keep(list.bytes())) return false;
    }
    return true;
  }

  void remove(const Key& destination, Reply& reply) {
    reply.integer(0);
    if (const Entry entry = context_.find(destination)) delete_key(context_, destination, entry);
  }

  KeyContext& context_;
  Options& options_;
  Texts texts_;
  std::vector<Sortable> elements_;
  Part part_{0, 0};  // of elements_
};

void sort_keys(KeyContext& context, Arguments arguments, bool may_store, Reply& reply) {
  Options options;
  if (!read_options(arguments, may_store, options, reply)) return;
  Sorter sorter(context, options);
  if (!sorter.run(reply)) return;
  options.stores ? sorter.store(context.keys()[1], reply) : sorter.answer(reply);
}

void sort(KeyContext& context, Arguments arguments, Reply& reply) {
  sort_keys(context, arguments, /*may_store=*/true, reply);
}

void sort_ro(KeyContext& context, Arguments arguments, Reply& reply) {
  sort_keys(context, arguments, /*may_store=*/false, reply);
}

constexpr uint32_t kCategories =
    kSetCategory | kSortedSetCategory | kListCategory | kDangerousCategory;
constexpr std::string_view kCost =
    "O(N + M log N) where N is the number of elements and M of those answered; O(N) where the "
    "order stays as it is";

constexpr auto kRows = checked({
    {.name = "sort",
     .arity = -2,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kCategories,
     .keys = {.first = 1,
              .last = -1,
              .step = 1,
              .flags = kKeyReadOnly | kKeyAccess,
              .further_flags = kKeyOverwrite | kKeyUpdate,
              .stored_from = 2,
              .has_patterns = true},
     .locks = LockPlan::patterns,
     .handler = sort,
     .docs = {.summary = "Answers or stores the elements of a list, set or sorted set in order, or "
                         "what they name.",
              .since = "1.0.0",
              .group = "generic",
              .complexity = kCost,
              .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                        "[ASC | DESC] [ALPHA] [STORE destination]"}},
    {.name = "sort_ro",
     .arity = -2,
     .flags = kReadonly | kMovableKeys,
     .categories = kCategories,
     .keys = {.first = 1,
              .last = 1,
              .step = 1,
              .flags = kKeyReadOnly | kKeyAccess,
              .has_patterns = true},
     .locks = LockPlan::patterns,
     .handler = sort_ro,
     .docs = {.summary = "Answers the elements of a list, set or sorted set in order, or what they "
                         "name.",
              .since = "7.0.0",
              .group = "generic",
              .complexity = kCost,
              .syntax = "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] "
                        "[ASC | DESC] [ALPHA]"}},
});

}  // namespace

CommandFamily sort_commands() {
  return kRows;
}

}  // namespace larder::server
