// NameMap: a hash table by names that clients choose, under the node's seeded hash, so that nobody
// can choose names that collide.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/hash.h"

namespace larder::server {

struct NameHash {
  using is_transparent = void;
  const storage::KeyHasher* hasher;
  size_t operator()(std::string_view name) const { return (*hasher)(name); }
};

// Name: std::string, or std::string_view where the value keeps the text.
template <typename Name, typename Value>
class NameMap : public std::unordered_map<Name, Value, NameHash, std::equal_to<>> {
 public:
  explicit NameMap(const storage::KeyHasher& key_hasher)
      : std::unordered_map<Name, Value, NameHash, std::equal_to<>>(0, NameHash{&key_hasher}) {}
};

}  // namespace larder::server
