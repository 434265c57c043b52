// A shard under eviction against a model that looks at every entry
// (tests/support/eviction_model.h).
//
// Input: operations of three bytes: what, which key, an argument; 0xff as the first is a change of
// policy, the second which. Every input ends with the deep check and with giving all memory back.
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "tests/support/eviction_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Model = larder::test_support::EvictionModel;
  Model model;
  for (size_t at = 0; at + 3 <= size; at += 3) {
    if (data[at] == 0xff) {
      const size_t policy = data[at + 1] % std::size(Model::kPolicies);
      model.use(Model::kPolicies[policy], data[at + 2] % 4 == 0);
    } else {
      model.operate(data[at], data[at + 1], data[at + 2]);
    }
  }
  model.finish();
  return 0;
}
