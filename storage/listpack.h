// Listpacks: Redis's compact sequence of texts and integers; the entries are what lists keep in
// memory, whole listpacks what DUMP writes.
//
//   listpack := total u32 | count u16 | entry* | 0xff       little endian; count 0xffff: unknown
//   entry    := data | length of the data, 1 to 5 bytes, to be read from its end
//   data     := 0nnnnnnn                                    integer 0 .. 127
//             | 10llllll text                               text of up to 63 bytes
//             | 110nnnnn byte                               integer of 13 bits, with sign
//             | 1110llll byte text                          text of up to 4095 bytes
//             | 0xf0 u32 text                               any longer text
//             | 0xf1 i16 | 0xf2 i24 | 0xf3 i32 | 0xf4 i64   integers, little endian
//
// Texts that are the canonical form of a 64-bit integer are written as integers, and everything in
// the shortest form there is: so two entries are equal exactly if their bytes are. read() takes
// other forms, too.
//
// Pure; any thread. Each call on an entry is O(1), but for copying its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "storage/function_ref.h"
#include "storage/value.h"

namespace larder::storage::listpack {

// Longer texts have no entry here.
constexpr size_t kMaxText = size_t{1} << 30;

// What an entry says; the text lies in the entry.
struct Value {
  bool is_integer = false;
  int64_t integer = 0;
  std::string_view text;

  // The bytes that a client knows, those of an integer in `scratch`.
  std::string_view bytes(NumberText& scratch) const;
};

// An entry to be written, or to be looked for.
class NewEntry {
 public:
  // REQUIRES: at most kMaxText bytes, which stay where they are.
  explicit NewEntry(std::string_view element);
  explicit NewEntry(int64_t integer);

  // Of the whole entry.
  size_t size() const { return size_; }
  void write(char* at) const;
  // Is this what stands at `entry`? REQUIRES: written by write().
  bool is_at(const char* entry) const {
    return *entry == head_[0] && std::memcmp(entry, head_, head_bytes_) == 0 &&
           (text_.empty() || std::memcmp(entry + head_bytes_, text_.data(), text_.size()) == 0);
  }

 private:
  void encode_integer(int64_t integer);
  void encode_text(std::string_view text);

  char head_[9];  // the data of an integer, or what stands before a text
  uint8_t head_bytes_ = 0;
  uint8_t tail_bytes_ = 0;
  size_t size_ = 0;
  std::string_view text_;
};

// ---- on entries that NewEntry wrote ----

Value value_of(const char* entry);
// Where the entry behind this one begins.
const char* next(const char* entry);
// Where the entry that ends at `end` begins.
const char* previous(const char* end);

// ---- whole listpacks ----

// A listpack of entries that NewEntry wrote.
void append_listpack(std::string_view entries, size_t count, std::string& out);
// Visits all values of a listpack that may come from anybody. False if it is malformed in whatever
// way; some values may have been visited then.
[[nodiscard]] bool read(std::string_view listpack, FunctionRef<void(const Value&)> visitor);

}  // namespace larder::storage::listpack
