// Commands on fields of hashes and their deadlines against a slow model (tests/support), drawn from
// the input: a byte for each choice; missing bytes are 0.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/field_model.h"

namespace {

void require(bool holds, const std::string& message) {
  if (holds) return;
  std::fwrite(message.data(), 1, message.size(), stderr);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kLongest = 2048;
  if (size > kLongest) return 0;
  const uint8_t* const end = data + size;
  // What is drawn from more than a byte's numbers is spread over them.
  const auto draw = [&data, end](size_t below) -> size_t {
    const size_t byte = data == end ? 0 : *data++;
    return below <= 256 ? byte % below : byte * below / 256;
  };
  larder::support::FieldPair pair(draw, require);
  while (data != end) pair.step();
  pair.finish();
  return 0;
}
