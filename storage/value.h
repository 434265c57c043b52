// Value: what is to be stored under a key, before it lies in an item; and the integers among texts.
//
// Owns nothing: the text is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/item.h"

namespace larder::storage {

// Scratch for the text of an integer.
struct NumberText {
  char bytes[24];
};

// True if `text` is what an integer is written as, and nothing else: an optional minus, no leading
// zeros, no "-0", within 64 bits.
bool parse_canonical_integer(std::string_view text, int64_t* integer);

struct NewValue {
  Kind kind;
  std::string_view text;     // of a text or blob
  int64_t number = 0;        // of an integer
  Object* object = nullptr;  // of an object, which the entry will own

  // Decides how a text is stored.
  static NewValue of_text(std::string_view text);
  static NewValue of_integer(int64_t number) { return {Kind::integer, {}, number}; }
  static NewValue of_object(Object* object) { return {Kind::object, {}, 0, object}; }

  // What it takes inside the item.
  size_t bytes_in_item() const { return kind == Kind::text ? text.size() : sizeof(uint64_t); }
  size_t inline_length() const { return kind == Kind::text ? text.size() : 0; }
};

}  // namespace larder::storage
