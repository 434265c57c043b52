#include "tests/simulation/workloads.h"

namespace larder::simulation {

using transcripts::ValueKind;

ReplyCheck expect_simple(std::string text) {
  return [text = std::move(text)](const Value& reply, UnixRange) -> std::string {
    if (reply.kind == ValueKind::simple && reply.text == text) return {};
    return "expected +" + text;
  };
}

ReplyCheck expect_anything() {
  return [](const Value&, UnixRange) { return std::string(); };
}

ReplyCheck expect_kinds(std::string kinds) {
  return [kinds = std::move(kinds)](const Value& reply, UnixRange) -> std::string {
    const char kind = reply.absent ? '_' : static_cast<char>(reply.kind);
    return kinds.find(kind) != std::string::npos ? "" : "expected one of the kinds " + kinds;
  };
}

void maybe_echo(Client& client) {
  if (!client.random().chance(100)) return;
  const std::string text = client.name() + "-" + std::to_string(client.random().next());
  client.request({"ECHO", text}, [text](const Value& reply, UnixRange) -> std::string {
    if (reply.kind == ValueKind::bulk && reply.text == text) return {};
    return "expected the echo of " + text;
  });
}

}  // namespace larder::simulation
