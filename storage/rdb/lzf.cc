#include "storage/rdb/lzf.h"

#include <lzf.h>

#include <limits>

namespace larder::storage::rdb {
namespace {

// The library counts in this type.
constexpr uint64_t kMostBytes = std::numeric_limits<unsigned>::max();
constexpr size_t kLeastGain = 4;

}  // namespace

// The library does not clear its table of where three bytes were seen last. Yet nothing of an
// earlier call shows in the result: an entry counts only if it points to the same three bytes
// earlier in this text, and since these have stood there, this call has written the entry itself.
// (It writes none inside of a repetition; but what stands there stood in the original before.)
std::optional<std::string> lzf_pack(std::string_view text) {
  if (text.size() <= kLeastGain || text.size() > kMostBytes) return std::nullopt;
  std::string packed(text.size() - kLeastGain, '\0');
  const unsigned size = lzf_compress(text.data(), static_cast<unsigned>(text.size()), packed.data(),
                                     static_cast<unsigned>(packed.size()));
  if (size == 0) return std::nullopt;
  packed.resize(size);
  return packed;
}

bool lzf_unpack(std::string_view packed, uint64_t length, std::string& text) {
  text.clear();
  if (length == 0 || packed.empty() || packed.size() > kMostBytes) return false;
  if (length > lzf_most_unpacked(packed.size()) || length > kMostBytes) return false;
  text.resize(length);
  const unsigned size = lzf_decompress(packed.data(), static_cast<unsigned>(packed.size()),
                                       text.data(), static_cast<unsigned>(length));
  return size == length;
}

}  // namespace larder::storage::rdb
