#include "server/redaction.h"

#include <algorithm>

#include "server/config/table.h"
#include "server/text/ascii.h"

namespace larder::server {

using text::equals_ignoring_case;

Redaction::Redaction(protocol::Arguments arguments) {
  if (arguments.empty()) return;
  const size_t count = arguments.size();
  if (equals_ignoring_case(arguments[0], "auth")) {
    for (size_t i = 1; i < count; ++i) hidden_.push_back(i);
  } else if (equals_ignoring_case(arguments[0], "hello")) {
    for (size_t i = 2; i < count; ++i) {
      if (!equals_ignoring_case(arguments[i], "auth")) continue;
      for (size_t end = std::min(count, i + 3); i + 1 < end;) hidden_.push_back(++i);
    }
  } else if (count >= 3 && equals_ignoring_case(arguments[0], "config") &&
             equals_ignoring_case(arguments[1], "set")) {
    for (size_t i = 2; i + 1 < count; i += 2) {
      const config::Setting* setting = config::find_setting(arguments[i]);
      if (setting != nullptr && setting->secret) hidden_.push_back(i + 1);
    }
  }
}

bool Redaction::hides(size_t argument) const {
  return std::binary_search(hidden_.begin(), hidden_.end(), argument);
}

}  // namespace larder::server
