// Object: a value that is a collection. An item of kind `object` points to one; the entry owns it.
//
// An object says what type it is in its first byte, and who wants to know more asks by that:
// as<T>() where the type is known, and the functions below, which choose by it, where any will do.
// There are no virtual functions. A type of its own: a class derived from Object with a static
// member kType and functions of these names, and a case in object.cc.
//
// Objects lie on the heap and never move, so they may be changed in place; whoever changes one of a
// shard tells the shard (Shard::edited()), which counts its bytes. Thread: who holds the shard's
// lock; an object that is in no shard is its owner's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/item.h"

namespace larder::storage {

class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  Type type() const { return type_; }
  // REQUIRES: it is one.
  template <typename T>
  T& as() {
    return static_cast<T&>(*this);
  }
  template <typename T>
  const T& as() const {
    return static_cast<const T&>(*this);
  }

  // ---- of whatever type ----

  // What it takes, as the allocator rounds it.
  size_t bytes() const;
  // Without elements, if that is a reason to go: no entry may stay so. A stream never is.
  bool is_empty() const;
  // Of what it holds (fields of a hash); INT64_MAX if nothing in it has a deadline.
  int64_t earliest_deadline_ms() const;
  // How many pieces of memory it is made of, about: what freeing it costs. O(1).
  size_t parts() const;
  // A new object that holds the same. O(bytes).
  Object* copy() const;
  // Frees up to `max_parts` pieces of it, and it itself with the last of them: `object` is null
  // then. Returns how many that were.
  static size_t release_slice(Object*& object, size_t max_parts);
  static void release(Object* object);
  // Checks its invariants deeply; aborts with a message if one is broken.
  void verify() const;

 protected:
  explicit Object(Type type) : type_(type) {}
  ~Object() = default;

 private:
  Type type_;
};

}  // namespace larder::storage
