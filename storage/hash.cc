#include "storage/hash.h"

// The header's functions are compiled into this file, so that short keys take their short way
// without a call into the library.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace larder::storage {

static_assert(XXH3_SECRET_DEFAULT_SIZE == 192);

KeyHasher::KeyHasher(uint64_t seed) {
  XXH3_generateSecret_fromSeed(secret_, seed);
}

Hash KeyHasher::operator()(std::string_view key) const {
  return XXH3_64bits_withSecret(key.data(), key.size(), secret_, sizeof secret_);
}

}  // namespace larder::storage
