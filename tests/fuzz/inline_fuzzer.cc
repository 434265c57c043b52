// Lines of words and quotes: split_inline against the reference. The input is one line.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/inline_request.h"
#include "tests/support/reference_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  larder::protocol::ArgumentList arguments;
  arguments.views.push_back("kept");
  arguments.decoded.push_back("kept");

  const bool balanced = larder::protocol::split_inline(line, arguments);
  const auto expected = larder::reference::split_words(std::string(line));
  if (balanced != expected.has_value()) __builtin_trap();
  if (arguments.views.front() != "kept" || arguments.decoded.front() != "kept") __builtin_trap();

  // Compared only now, when further words may have moved the earlier ones.
  const std::vector<std::string> words(arguments.views.begin() + 1, arguments.views.end());
  if (words != expected.value_or(std::vector<std::string>())) __builtin_trap();
  return 0;
}
