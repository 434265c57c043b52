// Member: an element of a large set, in one block of memory.
//
//   length (varint) | text
//
// A text of 10 bytes takes 16. Who creates one releases it.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

#include "storage/collection/varint.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage::set {

class Member {
 public:
  Member() = delete;

  static Member* create(std::string_view text) {
    auto* member = static_cast<Member*>(take_memory(needed_bytes(text)));
    char* at = write_varint(text.size(), reinterpret_cast<char*>(member));
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return member;
  }
  static void release(Member* member) { free_memory(member); }

  std::string_view text() const {
    const char* at = reinterpret_cast<const char*>(this);
    const size_t length = read_varint(at);
    return {at, length};
  }
  // As the allocator rounds it.
  size_t bytes() const { return needed_bytes(text()); }

 private:
  static size_t needed_bytes(std::string_view text) {
    return round_to_class(varint_bytes(text.size()) + text.size());
  }
};
static_assert(sizeof(Member) == 1);  // no members: it is bytes of a block, never an object

struct MemberTrait {
  using Element = Member;
  static std::string_view text(const Member* member) { return member->text(); }
};

}  // namespace larder::storage::set
