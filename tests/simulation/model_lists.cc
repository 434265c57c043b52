#include "tests/simulation/model_lists.h"

#include <algorithm>
#include <concepts>

#include "storage/list/list.h"
#include "storage/rdb/dump.h"
#include "tests/support/stored_objects.h"

namespace larder::simulation {
namespace {

using transcripts::ValueKind;
using Elements = std::vector<std::string>;
using After = std::optional<KeyState>;

bool answers(const Value& reply, std::integral auto wanted) {
  return reply.kind == ValueKind::integer && reply.text == std::to_string(wanted);
}

bool is_null(const Value& reply) { return reply.kind == ValueKind::null || reply.absent; }

bool answers(const Value& reply, const std::string& element) {
  return reply.kind == ValueKind::bulk && !reply.absent && reply.text == element;
}

bool answers(const Value& reply, const Elements& elements) {
  if (reply.kind != ValueKind::array || reply.absent) return false;
  return std::equal(
      reply.elements.begin(), reply.elements.end(), elements.begin(), elements.end(),
      [](const Value& value, const std::string& element) { return answers(value, element); });
}

bool is_error(const Value& reply, std::string_view text) {
  return reply.kind == ValueKind::error && reply.text == text;
}

Elements part(const Elements& all, int64_t first, int64_t last) {
  const auto size = static_cast<int64_t>(all.size());
  if (first < 0) first = std::max<int64_t>(0, first + size);
  if (last < 0) last += size;
  last = std::min(last, size - 1);
  if (first > last) return {};
  return {all.begin() + first, all.begin() + last + 1};
}

// A list that has these elements now; nobody's key if there are none.
KeyState with_elements(KeyState state, Elements elements) {
  if (elements.empty()) return {};
  state.is_present = true;
  state.elements = std::move(elements);
  return state;
}

After follow_push(const ModelCommand& command, const KeyState& before, const Value& reply) {
  const bool only_present = command.verb == Verb::lpushx || command.verb == Verb::rpushx;
  if (only_present && !before.is_present) return answers(reply, 0) ? After(before) : std::nullopt;
  Elements elements = before.elements;
  const bool at_front = command.verb == Verb::lpush || command.verb == Verb::lpushx;
  for (const std::string& element : command.elements) {
    elements.insert(at_front ? elements.begin() : elements.end(), element);
  }
  if (!answers(reply, elements.size())) return std::nullopt;
  return with_elements(before, std::move(elements));
}

After follow_pop(const ModelCommand& command, const KeyState& before, const Value& reply) {
  if (!before.is_present) return is_null(reply) ? After(before) : std::nullopt;
  Elements left = before.elements;
  Elements popped;
  const bool at_front = command.verb == Verb::lpop || command.verb == Verb::lpop_several;
  const bool has_count = command.verb == Verb::lpop_several || command.verb == Verb::rpop_several;
  for (int64_t count = has_count ? command.number : 1; count > 0 && !left.empty(); --count) {
    const auto at = at_front ? left.begin() : left.end() - 1;
    popped.push_back(*at);
    left.erase(at);
  }
  if (has_count ? !answers(reply, popped) : !answers(reply, popped[0])) return std::nullopt;
  return with_elements(before, std::move(left));
}

After follow_lset(const ModelCommand& command, const KeyState& before, const Value& reply) {
  if (!before.is_present) return is_error(reply, "ERR no such key") ? After(before) : std::nullopt;
  const auto size = static_cast<int64_t>(before.elements.size());
  const int64_t index = command.number < 0 ? command.number + size : command.number;
  if (index < 0 || index >= size) {
    return is_error(reply, "ERR index out of range") ? After(before) : std::nullopt;
  }
  if (reply.kind != ValueKind::simple) return std::nullopt;
  KeyState after = before;
  after.elements[static_cast<size_t>(index)] = command.text;
  return after;
}

After follow_linsert(const ModelCommand& command, const KeyState& before, const Value& reply) {
  if (!before.is_present) return answers(reply, 0) ? After(before) : std::nullopt;
  Elements elements = before.elements;
  const auto pivot = std::find(elements.begin(), elements.end(), command.elements[0]);
  if (pivot == elements.end()) return answers(reply, -1) ? After(before) : std::nullopt;
  elements.insert(command.if_absent ? pivot + 1 : pivot, command.text);
  if (!answers(reply, elements.size())) return std::nullopt;
  return with_elements(before, std::move(elements));
}

After follow_lrem(const ModelCommand& command, const KeyState& before, const Value& reply) {
  Elements left = before.elements;
  const bool backwards = command.number < 0;
  int64_t most = backwards ? -command.number : command.number;
  if (most == 0) most = INT64_MAX;
  if (backwards) std::reverse(left.begin(), left.end());
  int64_t removed = 0;
  std::erase_if(left, [&](const std::string& element) {
    const bool goes = element == command.text && removed < most;
    removed += goes ? 1 : 0;
    return goes;
  });
  if (backwards) std::reverse(left.begin(), left.end());
  if (!answers(reply, removed)) return std::nullopt;
  return with_elements(before, std::move(left));
}

After follow_rotation(const ModelCommand& command, const KeyState& before, const Value& reply) {
  if (!before.is_present) return is_null(reply) ? After(before) : std::nullopt;
  Elements elements = before.elements;
  const bool from_front = command.verb == Verb::lmove_to_back;
  const std::string moved = from_front ? elements.front() : elements.back();
  if (!answers(reply, moved)) return std::nullopt;
  elements.erase(from_front ? elements.begin() : elements.end() - 1);
  elements.insert(from_front ? elements.end() : elements.begin(), moved);
  return with_elements(before, std::move(elements));
}

After follow_lmpop(const ModelCommand& command, const KeyState& before, const Value& reply) {
  if (!before.is_present) return is_null(reply) ? After(before) : std::nullopt;
  if (reply.kind != ValueKind::array || reply.elements.size() != 2) return std::nullopt;
  if (!answers(reply.elements[0], command.key)) return std::nullopt;
  const Elements popped = part(before.elements, 0, command.number - 1);
  if (!answers(reply.elements[1], popped)) return std::nullopt;
  return with_elements(before, part(before.elements, static_cast<int64_t>(popped.size()), -1));
}

After follow_list_read(const ModelCommand& command, const KeyState& before, const Value& reply) {
  const Elements& elements = before.elements;
  const auto size = static_cast<int64_t>(elements.size());
  bool fits = false;
  if (command.verb == Verb::llen) {
    fits = answers(reply, elements.size());
  } else if (command.verb == Verb::lrange) {
    fits = answers(reply, part(elements, command.number, command.second_number));
  } else if (command.verb == Verb::lindex) {
    const int64_t index = command.number < 0 ? command.number + size : command.number;
    fits = index < 0 || index >= size ? is_null(reply)
                                      : answers(reply, elements[static_cast<size_t>(index)]);
  } else {
    const auto found = std::find(elements.begin(), elements.end(), command.text);
    fits = found == elements.end() ? is_null(reply) : answers(reply, found - elements.begin());
  }
  return fits ? After(before) : std::nullopt;
}

}  // namespace

Words list_words(const ModelCommand& command) {
  const std::string number = std::to_string(command.number);
  switch (command.verb) {
    case Verb::lpush:
    case Verb::rpush:
    case Verb::lpushx:
    case Verb::rpushx:
      return command.elements;
    case Verb::lpop_several:
    case Verb::rpop_several:
    case Verb::lindex:
      return {number};
    case Verb::lset:
    case Verb::lrem:
      return {number, command.text};
    case Verb::lrange:
    case Verb::ltrim:
      return {number, std::to_string(command.second_number)};
    case Verb::linsert:
      return {command.if_absent ? "AFTER" : "BEFORE", command.elements[0], command.text};
    case Verb::lpos:
      return {command.text};
    case Verb::lmove_to_back:
      return {command.key, "LEFT", "RIGHT"};
    case Verb::rpoplpush:
      return {command.key};
    case Verb::lmpop:
      return {"LEFT", "COUNT", number};
    default:
      return {};
  }
}

void draw_list_command(Random& random, ModelCommand& command) {
  // Few different ones, so that they meet.
  const auto element = [&random]() {
    if (random.chance(30)) return std::string(random.size_up_to(30'000), 'e');
    if (random.chance(300)) return std::to_string(random.between(-2, 300));
    return std::string(random.below(4), static_cast<char>('a' + random.below(2)));
  };
  command.text = element();
  for (size_t i = random.size_up_to(random.chance(50) ? 300 : 6); i > 0; --i) {
    command.elements.push_back(element());
  }
  if (command.elements.empty()) command.elements.push_back(element());
  command.number = random.between(-8, 8);
  command.second_number = random.between(-8, 8);
  command.if_absent = random.chance(500);
  switch (command.verb) {
    case Verb::lpop_several:
    case Verb::rpop_several:
      command.number = random.between(0, 8);
      break;
    case Verb::lmpop:
      command.number = random.between(1, 8);
      break;
    case Verb::ltrim:
      if (random.chance(700)) command.number = 0;
      if (random.chance(700)) command.second_number = -2;
      break;
    default:
      break;
  }
}

After follow_list(const ModelCommand& command, const KeyState& before, const Value& reply) {
  switch (command.verb) {
    case Verb::lpush:
    case Verb::rpush:
    case Verb::lpushx:
    case Verb::rpushx:
      return follow_push(command, before, reply);
    case Verb::lpop:
    case Verb::rpop:
    case Verb::lpop_several:
    case Verb::rpop_several:
      return follow_pop(command, before, reply);
    case Verb::lset:
      return follow_lset(command, before, reply);
    case Verb::ltrim:
      if (reply.kind != ValueKind::simple) return std::nullopt;
      return with_elements(before, part(before.elements, command.number, command.second_number));
    case Verb::lrem:
      return follow_lrem(command, before, reply);
    case Verb::linsert:
      return follow_linsert(command, before, reply);
    case Verb::lmove_to_back:
    case Verb::rpoplpush:
      return follow_rotation(command, before, reply);
    case Verb::lmpop:
      return follow_lmpop(command, before, reply);
    default:
      return follow_list_read(command, before, reply);
  }
}

std::string dump_of(const Elements& elements) {
  storage::List* list = storage::List::create();
  for (const std::string& element : elements) list->push(storage::End::back, element);
  std::string payload = storage::rdb::dump_object(*list);
  storage::Object::release(list);
  return payload;
}

Elements elements_of_dump(const std::string& payload) {
  const std::optional<std::string_view> body = storage::rdb::verified_body(payload);
  if (!body || storage::rdb::is_string_body(*body)) return {};
  const storage::KeyHasher hasher(1);
  storage::Object* object = storage::rdb::read_object_body(*body, uint64_t{1} << 30, hasher);
  if (object == nullptr) return {};
  Elements elements;
  if (object->type() == storage::Type::list) elements = support::elements_of(*object);
  storage::Object::release(object);
  return elements;
}

}  // namespace larder::simulation
