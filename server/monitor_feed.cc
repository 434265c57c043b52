#include "server/monitor_feed.h"

#include <cstdio>
#include <utility>

#include "server/redaction.h"
#include "server/text/quoting.h"

namespace larder::server {
namespace {

std::string client_of(const Session& session) {
  if (!session.is_unix_socket) return std::string(session.peer);
  // CLIENT LIST ends a path in ":0", MONITOR does not.
  return "unix:" + std::string(session.peer.substr(0, session.peer.rfind(':')));
}

std::string shown(std::string_view argument) {
  if (argument.size() <= MonitorFeed::kMostArgumentBytes) return text::quoted(argument);
  const size_t left_out = argument.size() - MonitorFeed::kMostArgumentBytes;
  std::string text = text::quoted(argument.substr(0, MonitorFeed::kMostArgumentBytes));
  text.pop_back();
  text += "... (";
  text += std::to_string(left_out);
  text += " more bytes)\"";
  return text;
}

}  // namespace

void MonitorFeed::add(const Session& session, protocol::Arguments arguments, int64_t now_us) {
  char time[48];
  std::snprintf(time, sizeof time, "+%lld.%06lld [%u ", static_cast<long long>(now_us / 1'000'000),
                static_cast<long long>(now_us % 1'000'000), unsigned{session.database});
  const size_t begin = text_.size();
  text_ += time;
  text_ += client_of(session);
  text_ += ']';
  const Redaction secrets(arguments);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (text_.size() - begin > kMostLineBytes) {
      text_ += " \"... (" + std::to_string(arguments.size() - i) + " more arguments)\"";
      break;
    }
    text_ += ' ';
    text_ += secrets.hides(i) ? text::quoted(kRedacted) : shown(arguments[i]);
  }
  text_ += "\r\n";
}

std::string MonitorFeed::take() {
  return std::exchange(text_, {});
}

}  // namespace larder::server
