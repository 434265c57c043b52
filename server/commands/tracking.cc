#include "server/commands/tracking.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "protocol/number.h"
#include "server/contexts.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"
#include "server/tracking/tracking_table.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

constexpr std::string_view kSyntaxError = "ERR syntax error";

// What CLIENT TRACKING asks for. Errors are found in the order in which Redis finds them: an
// unknown client to redirect to before what is wrong with later words.
struct Wish {
  std::string_view first_error;  // behind the redirection, if there is one; empty: none
  std::optional<bool> on;
  std::optional<int64_t> redirect;
  bool broadcast = false;
  bool optin = false;
  bool optout = false;
  bool noloop = false;
  std::vector<std::string> prefixes;
};

bool is_prefix_of_other(std::string_view one, std::string_view other) {
  const size_t common = std::min(one.size(), other.size());
  return one.substr(0, common) == other.substr(0, common);
}

// The error that Redis would give if the client of session tracks like that already; empty: none.
std::string why_not(const Session& session, const Wish& wish) {
  if (!wish.broadcast && !wish.prefixes.empty()) {
    return "ERR PREFIX option requires BCAST mode to be enabled";
  }
  const Tracking* now = session.tracking.get();
  if (now != nullptr && now->broadcast != wish.broadcast) {
    return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  if (wish.broadcast && (wish.optin || wish.optout)) {
    return "ERR OPTIN and OPTOUT are not compatible with BCAST";
  }
  if (wish.optin && wish.optout) {
    return "ERR You can't specify both OPTIN mode and OPTOUT mode";
  }
  if (now != nullptr && ((wish.optin && now->optout) || (wish.optout && now->optin))) {
    return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
           "then re-enabling it with a different mode.";
  }
  for (size_t i = 0; i < wish.prefixes.size(); ++i) {
    const std::string& prefix = wish.prefixes[i];
    const auto overlaps = [&](const std::string& what, const std::string& other) {
      return "ERR Prefix '" + text::shortened(prefix) + "' overlaps with " + what + " prefix '" +
             text::shortened(other) + "'. Prefixes for a single client must not overlap.";
    };
    if (now != nullptr) {
      for (const std::string& other : now->prefixes) {
        if (is_prefix_of_other(prefix, other)) return overlaps("an existing", other);
      }
    }
    for (size_t j = i + 1; j < wish.prefixes.size(); ++j) {
      if (is_prefix_of_other(prefix, wish.prefixes[j])) {
        return overlaps("another provided", wish.prefixes[j]);
      }
    }
  }
  return {};
}

// What the prefixes of one client may take.
size_t bytes_of(const Session& session, const Wish& wish) {
  size_t bytes = 0;
  const auto add = [&bytes](const std::string& prefix) {
    bytes += TrackingTable::prefix_bytes(prefix);
  };
  std::for_each(wish.prefixes.begin(), wish.prefixes.end(), add);
  if (session.tracking != nullptr) {
    std::for_each(session.tracking->prefixes.begin(), session.tracking->prefixes.end(), add);
  }
  return bytes;
}

class TrackingTask final : public NodeTask {
 public:
  explicit TrackingTask(Wish wish) : wish_(std::move(wish)) {}

  bool gathers() const override { return wish_.redirect.has_value(); }

  void visit(WorkerView& view) override {
    view.for_each_client([&](const Session& session, const ConnectionFacts& facts) {
      if (facts.closing || session.id != static_cast<uint64_t>(*wish_.redirect)) return;
      redirect_worker_.store(static_cast<int>(view.index()));
    });
  }

  void finish(FinishContext& context, Reply& reply) override {
    if (wish_.redirect && redirect_worker_ < 0) {
      return reply.error("ERR The client ID you want redirect to does not exist");
    }
    if (!wish_.first_error.empty()) return reply.error(wish_.first_error);
    Session& session = context.session;
    if (!*wish_.on) {
      if (session.tracking != nullptr) context.tracking.end(session);
      return reply.ok();
    }
    if (const std::string error = why_not(session, wish_); !error.empty()) {
      return reply.error(error);
    }
    if (bytes_of(session, wish_) > context.config_store.current()->query_buffer_limit_bytes) {
      return reply.error("ERR prefixes exceed client-query-buffer-limit");
    }
    begin(context);
    reply.ok();
  }

  void apply(WorkerView& view) override {
    view.notice_tracking();
    // Until now this worker did not say what changed; inside a transaction keys may have been read.
    if (inside_exec_) table_->invalidate_everything_of(reader_);
  }

 private:
  void begin(FinishContext& context) {
    Session& session = context.session;
    table_ = &context.tracking;
    if (session.tracking == nullptr) table_->begin(session, context.worker);
    Tracking& tracking = *session.tracking;
    tracking.broadcast = wish_.broadcast;
    tracking.optin = wish_.optin;
    tracking.optout = wish_.optout;
    tracking.noloop = wish_.noloop;
    tracking.redirect_is_broken = false;
    tracking.redirect = wish_.redirect ? static_cast<uint64_t>(*wish_.redirect) : 0;
    tracking.redirect_worker = wish_.redirect ? static_cast<unsigned>(redirect_worker_.load()) : 0;
    if (wish_.broadcast && wish_.prefixes.empty()) table_->add_prefix(session, "");
    for (const std::string& prefix : wish_.prefixes) table_->add_prefix(session, prefix);
    reader_ = {context.worker, session.id};
    inside_exec_ = context.inside_exec;
    context.apply_everywhere = true;
  }

  Wish wish_;
  std::atomic<int> redirect_worker_{-1};
  TrackingTable* table_ = nullptr;
  TrackingTable::Reader reader_{};
  bool inside_exec_ = false;
};

// Reads one word, maybe with its value; false if it is none, with the error.
bool read_option(Arguments arguments, size_t& at, Wish& wish, std::string_view& error) {
  const std::string_view word = arguments[at];
  const bool has_value = at + 1 < arguments.size();
  if (equals_ignoring_case(word, "redirect") && has_value) {
    ++at;
    if (wish.redirect) {
      error = "ERR A client can only redirect to a single other client";
      return false;
    }
    wish.redirect = protocol::parse_int64(arguments[at]);
    if (!wish.redirect) error = "ERR value is not an integer or out of range";
    return wish.redirect.has_value();
  }
  if (equals_ignoring_case(word, "prefix") && has_value) {
    wish.prefixes.emplace_back(arguments[++at]);
  } else if (equals_ignoring_case(word, "bcast")) {
    wish.broadcast = true;
  } else if (equals_ignoring_case(word, "optin")) {
    wish.optin = true;
  } else if (equals_ignoring_case(word, "optout")) {
    wish.optout = true;
  } else if (equals_ignoring_case(word, "noloop")) {
    wish.noloop = true;
  } else {
    error = kSyntaxError;
    return false;
  }
  return true;
}

}  // namespace

std::shared_ptr<NodeTask> client_tracking(NodeContext&, Arguments arguments, Reply& reply) {
  Wish wish;
  for (size_t i = 3; i < arguments.size() && wish.first_error.empty(); ++i) {
    read_option(arguments, i, wish, wish.first_error);
  }
  if (equals_ignoring_case(arguments[2], "on")) {
    wish.on = true;
  } else if (equals_ignoring_case(arguments[2], "off")) {
    wish.on = false;
  } else if (wish.first_error.empty()) {
    wish.first_error = kSyntaxError;
  }
  if (!wish.first_error.empty() && !wish.redirect) {
    reply.error(wish.first_error);
    return nullptr;
  }
  return std::make_shared<TrackingTask>(std::move(wish));
}

void client_caching(SessionContext& context, Arguments arguments, Reply& reply) {
  Tracking* const tracking = context.session().tracking.get();
  if (tracking == nullptr) {
    return reply.error(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
        "OPTOUT mode enabled");
  }
  if (equals_ignoring_case(arguments[2], "yes")) {
    if (!tracking->optin) {
      return reply.error(
          "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
    }
  } else if (equals_ignoring_case(arguments[2], "no")) {
    if (!tracking->optout) {
      return reply.error(
          "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
    }
  } else {
    return reply.error(kSyntaxError);
  }
  tracking->caching = true;
  reply.ok();
}

void client_getredir(SessionContext& context, Arguments, Reply& reply) {
  const Tracking* const tracking = context.session().tracking.get();
  reply.integer(tracking == nullptr ? -1 : static_cast<int64_t>(tracking->redirect));
}

void client_trackinginfo(SessionContext& context, Arguments, Reply& reply) {
  const Tracking none;
  const bool is_on = context.session().tracking != nullptr;
  const Tracking& tracking = is_on ? *context.session().tracking : none;
  std::vector<std::string_view> flags{is_on ? "on" : "off"};
  if (tracking.broadcast) flags.push_back("bcast");
  if (tracking.optin) flags.push_back("optin");
  if (tracking.optin && tracking.caching) flags.push_back("caching-yes");
  if (tracking.optout) flags.push_back("optout");
  if (tracking.optout && tracking.caching) flags.push_back("caching-no");
  if (tracking.noloop) flags.push_back("noloop");
  if (tracking.redirect_is_broken) flags.push_back("broken_redirect");
  reply.map(3);
  reply.bulk("flags");
  reply.set(flags.size());
  for (std::string_view flag : flags) reply.bulk(flag);
  reply.bulk("redirect");
  reply.integer(is_on ? static_cast<int64_t>(tracking.redirect) : -1);
  reply.bulk("prefixes");
  reply.array(tracking.prefixes.size());
  for (const std::string& prefix : tracking.prefixes) reply.bulk(prefix);
}

}  // namespace larder::server
