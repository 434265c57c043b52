#include "server/commands/list_encoding.h"

#include <algorithm>
#include <iterator>

namespace larder::server {
namespace {

using storage::List;

constexpr size_t kListpackBytes = 7;  // of an empty one
constexpr size_t kSafeBytes = 8192;   // whatever the number of elements

struct Bounds {
  size_t bytes;
  size_t elements;
};

Bounds bounds_of(int64_t limit) {
  constexpr size_t kBytes[] = {4096, 8192, 16384, 32768, 65536};
  if (limit >= 0) return {kSafeBytes, std::max<size_t>(static_cast<size_t>(limit), 1)};
  return {kBytes[std::min<size_t>(static_cast<size_t>(-limit), std::size(kBytes)) - 1], SIZE_MAX};
}

void note_size(List& list, const Bounds& bounds) {
  const size_t bytes = kListpackBytes + list.packed_bytes(bounds.bytes);
  list.mark(bytes > bounds.bytes || list.size() > bounds.elements);
}

}  // namespace

std::string_view list_encoding(const List& list) {
  return list.is_marked() ? "quicklist" : "listpack";
}

void note_growth(List& list, size_t elements, size_t bytes, int64_t limit) {
  if (list.is_marked()) return;
  const Bounds bounds = bounds_of(limit);
  const size_t total = kListpackBytes + list.packed_bytes(bounds.bytes) + bytes;
  if (total > bounds.bytes || list.size() + elements > bounds.elements) list.mark(true);
}

void note_shrinking(List& list, int64_t limit) {
  if (!list.is_marked()) return;
  const Bounds bounds = bounds_of(limit);
  note_size(list, {limit >= 0 ? bounds.bytes : bounds.bytes / 2, bounds.elements / 2});
}

void note_made(List& list, int64_t limit) {
  note_size(list, bounds_of(limit));
}

}  // namespace larder::server
