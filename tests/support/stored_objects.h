// Collections as plain texts, so that two nodes' can be compared and one's be given to the other.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "storage/hash.h"
#include "storage/hash/hash_object.h"
#include "storage/list/list.h"
#include "storage/object.h"
#include "storage/set/set.h"

namespace larder::support {

// All that clients can see of it; in ascending order where it has none. Of a hash: each field, its
// value and its deadline.
inline std::vector<std::string> elements_of(const storage::Object& object) {
  std::vector<std::string> elements;
  storage::NumberText scratch;
  if (object.type() == storage::Type::list) {
    const storage::List& list = object.as<storage::List>();
    for (auto at = list.first(storage::End::front); at; at.next()) {
      elements.emplace_back(at.element().bytes(scratch));
    }
  } else if (object.type() == storage::Type::set) {
    object.as<storage::Set>().for_each(
        [&](const storage::Set::Member& member) { elements.emplace_back(member.bytes(scratch)); });
    std::sort(elements.begin(), elements.end());
  } else if (object.type() == storage::Type::hash) {
    std::map<std::string, std::pair<std::string, int64_t>> fields;
    object.as<storage::HashObject>().for_each([&](const storage::HashObject::Field& field) {
      storage::NumberText name;
      fields[std::string(field.name.bytes(name))] = {std::string(field.value.bytes(scratch)),
                                                     field.deadline_ms};
    });
    for (const auto& [name, field] : fields) {
      elements.insert(elements.end(), {name, field.first, std::to_string(field.second)});
    }
  }
  return elements;
}

// One that holds the same; the caller's.
inline storage::Object* object_of(storage::Type type, const std::vector<std::string>& elements,
                                  const storage::KeyHasher& hasher) {
  if (type == storage::Type::set) {
    storage::Set* set = storage::Set::create();
    for (const std::string& member : elements) set->add(member, hasher);
    return set;
  }
  if (type == storage::Type::hash) {
    auto* hash = storage::HashObject::create();
    for (size_t i = 0; i < elements.size(); i += 3) {
      hash->set(elements[i], elements[i + 1], std::stoll(elements[i + 2]), hasher);
    }
    return hash;
  }
  storage::List* list = storage::List::create();
  for (const std::string& element : elements) list->push(storage::End::back, element);
  return list;
}

}  // namespace larder::support
