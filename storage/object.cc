#include "storage/object.h"

#include <cstdint>
#include <type_traits>

#include "storage/check.h"
#include "storage/hash/hash_object.h"
#include "storage/list/list.h"
#include "storage/set/set.h"
#include "storage/sorted_set/sorted_set.h"
#include "storage/stream/stream.h"

namespace larder::storage {
namespace {

// Calls `function` with the object as what it is.
template <typename AnyObject, typename Function>
auto with_type(AnyObject& object, Function function) {
  switch (object.type()) {
    case Type::list:
      return function(object.template as<List>());
    case Type::set:
      return function(object.template as<Set>());
    case Type::sorted_set:
      return function(object.template as<SortedSet>());
    case Type::hash:
      return function(object.template as<HashObject>());
    case Type::stream:
      return function(object.template as<Stream>());
    case Type::string:
      break;
  }
  fail_check("strings are no objects");
}

}  // namespace

size_t Object::bytes() const {
  return with_type(*this, [](const auto& object) { return object.bytes(); });
}

bool Object::is_empty() const {
  return with_type(*this, [](const auto& object) { return object.is_empty(); });
}

int64_t Object::earliest_deadline_ms() const {
  return type_ == Type::hash ? as<HashObject>().earliest_deadline_ms() : INT64_MAX;
}

size_t Object::parts() const {
  return with_type(*this, [](const auto& object) { return object.parts(); });
}

Object* Object::copy() const {
  return with_type(*this, [](const auto& object) -> Object* { return object.copy(); });
}

size_t Object::release_slice(Object*& object, size_t max_parts) {
  return with_type(*object, [&](auto& typed) {
    auto* rest = &typed;
    using Typed = std::remove_reference_t<decltype(typed)>;
    const size_t released = Typed::release_slice(rest, max_parts);
    object = rest;
    return released;
  });
}

void Object::release(Object* object) {
  while (object != nullptr) release_slice(object, SIZE_MAX);
}

void Object::verify() const {
  with_type(*this, [](const auto& object) { object.verify(); });
}

}  // namespace larder::storage
