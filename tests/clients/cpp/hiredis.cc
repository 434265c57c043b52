// hiredis, on which the clients of many languages stand: blocking, pipelined, and asynchronous in
// an event loop of libev. Speaks with harness/programs.py: checks as lines of JSON on stdout.
//
//   hiredis PORT redis|larder

#include <ev.h>
#include <hiredis/adapters/libev.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <signal.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

int checks = 0;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

template <typename Body>
void check(std::string_view title, Body&& body) {
  ++checks;
  try {
    body();
    std::cout << "{\"check\": " << quoted(title) << ", \"ok\": true}" << std::endl;
  } catch (const std::exception& problem) {
    std::cout << "{\"check\": " << quoted(title)
              << ", \"ok\": false, \"why\": " << quoted(problem.what()) << "}" << std::endl;
  }
}

std::string ask(std::string_view question) {
  std::cout << "{\"ask\": " << quoted(question) << "}" << std::endl;
  std::string answer;
  std::getline(std::cin, answer);
  return answer;
}

void equal(std::string_view got, std::string_view want, std::string_view what = "") {
  if (got == want) return;
  throw std::runtime_error(std::string(what) + ": got " + std::string(got.substr(0, 300)) +
                           ", not " + std::string(want.substr(0, 300)));
}

void ensure(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

// A reply in one line: "text", :1, +OK, -ERR ..., nil, [a, b].
std::string shown(const redisReply* reply) {
  if (reply == nullptr) return "no reply";
  switch (reply->type) {
    case REDIS_REPLY_STRING:
      return '"' + std::string(reply->str, reply->len) + '"';
    case REDIS_REPLY_STATUS:
      return '+' + std::string(reply->str, reply->len);
    case REDIS_REPLY_ERROR:
      return '-' + std::string(reply->str, reply->len);
    case REDIS_REPLY_INTEGER:
      return ':' + std::to_string(reply->integer);
    case REDIS_REPLY_NIL:
      return "nil";
    case REDIS_REPLY_ARRAY:
      break;
    default:
      return "type " + std::to_string(reply->type);
  }
  std::string text = "[";
  for (size_t i = 0; i < reply->elements; ++i) {
    text += (i ? ", " : "") + shown(reply->element[i]);
  }
  return text + ']';
}

using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;

// A blocking connection.
class Connection {
 public:
  explicit Connection(int port) : context_(redisConnectWithTimeout("127.0.0.1", port, {20, 0})) {
    ensure(context_ != nullptr && context_->err == 0, "no connection");
    redisSetTimeout(context_, {20, 0});
  }
  ~Connection() { redisFree(context_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // A request in the words of redisCommand; the reply in one line.
  template <typename... Arguments>
  std::string call(const char* format, Arguments... arguments) {
    const Reply reply(static_cast<redisReply*>(redisCommand(context_, format, arguments...)),
                      &freeReplyObject);
    if (reply == nullptr) throw std::runtime_error(std::string("lost: ") + context_->errstr);
    return shown(reply.get());
  }

  std::string next() {
    void* reply = nullptr;
    if (redisGetReply(context_, &reply) != REDIS_OK) {
      throw std::runtime_error(std::string("lost: ") + context_->errstr);
    }
    const Reply owned(static_cast<redisReply*>(reply), &freeReplyObject);
    return shown(owned.get());
  }

  redisContext* context() { return context_; }

 private:
  redisContext* context_;
};

// An asynchronous connection in the default loop of libev. Callbacks get the reply, or null at the
// connection's end, which may come as late as its destructor; that of a subscription is called
// again and again.
class AsyncConnection {
 public:
  using Callback = std::function<void(const redisReply*)>;

  explicit AsyncConnection(int port) : context_(redisAsyncConnect("127.0.0.1", port)) {
    ensure(context_ != nullptr && context_->err == 0, "no connection");
    context_->data = this;
    redisLibevAttach(EV_DEFAULT_ context_);
    redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int) {
      static_cast<AsyncConnection*>(context->data)->context_ = nullptr;
    });
  }
  ~AsyncConnection() {
    if (context_ != nullptr) redisAsyncFree(context_);
  }
  AsyncConnection(const AsyncConnection&) = delete;
  AsyncConnection& operator=(const AsyncConnection&) = delete;

  void send(const std::vector<std::string>& words, Callback callback) {
    std::vector<const char*> texts;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    callbacks_.push_back(std::make_unique<Callback>(std::move(callback)));
    const auto answered = [](redisAsyncContext*, void* reply, void* callback) {
      (*static_cast<Callback*>(callback))(static_cast<redisReply*>(reply));
    };
    ensure(redisAsyncCommandArgv(context_, answered, callbacks_.back().get(),
                                 static_cast<int>(words.size()), texts.data(),
                                 sizes.data()) == REDIS_OK,
           "not sent");
  }

  void disconnect() { redisAsyncDisconnect(context_); }
  bool is_connected() const { return context_ != nullptr; }

 private:
  redisAsyncContext* context_;
  std::vector<std::unique_ptr<Callback>> callbacks_;
};

// Runs the loop until the condition holds.
template <typename Condition>
void run_until(const std::string& what, Condition&& condition) {
  bool is_late = false;
  ev_timer timer;
  ev_timer_init(
      &timer,
      [](struct ev_loop*, ev_timer* watcher, int) { *static_cast<bool*>(watcher->data) = true; },
      15.0, 0.0);
  timer.data = &is_late;
  ev_timer_start(EV_DEFAULT_ & timer);
  while (!condition() && !is_late) ev_run(EV_DEFAULT_ EVRUN_ONCE);
  ev_timer_stop(EV_DEFAULT_ & timer);
  ensure(!is_late, "waited in vain: " + what);
}

void blocking(int port) {
  check("every kind of reply, and formats with binary values", [&] {
    Connection c(port);
    equal(c.call("PING"), "+PONG");
    equal(c.call("SET %s %b", "k", "a\0b\r\n", size_t{5}), "+OK");
    equal(c.call("GET k"), std::string_view("\"a\0b\r\n\"", 7));
    equal(c.call("GET nothing"), "nil");
    equal(c.call("INCRBY n %d", 42), ":42");
    equal(c.call("INCRBY n %lld", 9223372036854775000LL), ":9223372036854775042");
    equal(c.call("HSET h f %s", "two words"), ":1");
    equal(c.call("HGETALL h"), "[\"f\", \"two words\"]");
    equal(c.call("LRANGE none 0 -1"), "[]");
    equal(c.call("LPUSH k x"),
          "-WRONGTYPE Operation against a key holding the wrong kind of value");
    equal(c.call("SET k"), "-ERR wrong number of arguments for 'set' command");
    equal(c.call("SET %s %s", "", ""), "+OK");
    equal(c.call("GET %s", ""), "\"\"");
  });

  check("nested replies of transactions and scripts", [&] {
    Connection c(port);
    equal(c.call("MULTI"), "+OK");
    equal(c.call("RPUSH l 1 2"), "+QUEUED");
    equal(c.call("LRANGE l 0 -1"), "+QUEUED");
    equal(c.call("INCR l"), "+QUEUED");
    equal(
        c.call("EXEC"),
        "[:2, [\"1\", \"2\"], -WRONGTYPE Operation against a key holding the wrong kind of value]");
    equal(c.call("EVAL %s 0", "return {1, {2, {3, {'deep', false}}}, redis.status_reply('FINE')}"),
          "[:1, [:2, [:3, [\"deep\", nil]]], +FINE]");
    Connection other(port);
    equal(c.call("WATCH l"), "+OK");
    equal(other.call("DEL l"), ":1");
    c.call("MULTI");
    c.call("PING");
    equal(c.call("EXEC"), "nil");
  });

  check("ten thousand appended requests, answered in order", [&] {
    Connection c(port);
    c.call("DEL n");
    constexpr int kRequests = 10000;
    for (int i = 0; i < kRequests; ++i) {
      redisAppendCommand(c.context(), i % 2 == 0 ? "INCR n" : "ECHO %d", i);
    }
    for (int i = 0; i < kRequests; ++i) {
      equal(c.next(), i % 2 == 0 ? ":" + std::to_string(i / 2 + 1) : '"' + std::to_string(i) + '"');
    }
  });

  check("values of 32 MiB there and back, and lists of 50,000", [&] {
    Connection c(port);
    std::string large(32 << 20, '\0');
    for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 13);
    equal(c.call("SET large %b", large.data(), large.size()), "+OK");
    ensure(c.call("GET large") == '"' + large + '"', "another value came back");
    for (int i = 0; i < 50000; ++i) redisAppendCommand(c.context(), "RPUSH long %d", i);
    for (int i = 1; i <= 50000; ++i) equal(c.next(), ":" + std::to_string(i));
    const Reply all(static_cast<redisReply*>(redisCommand(c.context(), "LRANGE long 0 -1")),
                    &freeReplyObject);
    ensure(all != nullptr && all->elements == 50000, "not all elements");
    for (size_t i = 0; i < all->elements; ++i) equal(all->element[i]->str, std::to_string(i));
    c.call("DEL large long");
  });

  check("what is no request is a protocol error, and the end of the connection", [&] {
    Connection c(port);
    constexpr std::string_view kWrong = "*1\r\n!4\r\nPING\r\n";
    redisAppendFormattedCommand(c.context(), kWrong.data(), kWrong.size());
    equal(c.next(), "-ERR Protocol error: expected '$', got '!'");
    bool ended = false;
    try {
      c.call("PING");
    } catch (const std::runtime_error&) {
      ended = true;
    }
    ensure(ended, "still connected");
    ensure(redisReconnect(c.context()) == REDIS_OK, c.context()->errstr);
    equal(c.call("PING"), "+PONG");
  });

  check("a lost server is an error; redisReconnect comes back", [&] {
    Connection c(port);
    equal(c.call("SET k v"), "+OK");
    equal(ask("restart"), "{\"status\": 0}");
    bool lost = false;
    try {
      c.call("PING");
    } catch (const std::runtime_error&) {
      lost = true;
    }
    ensure(lost, "the end went unnoticed");
    ensure(redisReconnect(c.context()) == REDIS_OK, c.context()->errstr);
    equal(c.call("GET k"), "nil");
  });
}

void asynchronous(int port) {
  check("async: five thousand requests on four connections, each answered to its asker", [&] {
    int answered = 0;
    std::string wrong;
    std::vector<std::unique_ptr<AsyncConnection>> connections;
    for (int i = 0; i < 4; ++i) connections.push_back(std::make_unique<AsyncConnection>(port));
    for (int i = 0; i < 5000; ++i) {
      const std::string key = "k" + std::to_string(i);
      AsyncConnection& c = *connections[static_cast<size_t>(i) % connections.size()];
      c.send({"SET", key, key}, [](const redisReply*) {});
      c.send({"GET", key}, [&answered, &wrong, key](const redisReply* reply) {
        if (shown(reply) != '"' + key + '"') wrong = shown(reply) + " for " + key;
        ++answered;
      });
    }
    run_until("5000 answers", [&] { return answered == 5000; });
    equal(wrong, "");
  });

  check("async: channels and patterns, left again, on one connection", [&] {
    std::vector<std::string> heard;
    std::string receivers;
    std::string pong;
    AsyncConnection listener(port);
    AsyncConnection teller(port);
    const auto hear = [&](const redisReply* reply) {
      if (reply != nullptr) heard.push_back(shown(reply));
    };
    listener.send({"SUBSCRIBE", "news", "other"}, hear);
    listener.send({"PSUBSCRIBE", "n*"}, hear);
    run_until("three subscriptions", [&] { return heard.size() == 3; });
    equal(heard[2], "[\"psubscribe\", \"n*\", :3]");
    const std::string binary("\0\r\n\xff", 4);
    teller.send({"PUBLISH", "news", binary}, [&](const redisReply* r) { receivers = shown(r); });
    run_until("the message, twice", [&] { return heard.size() == 5 && !receivers.empty(); });
    equal(receivers, ":2");
    equal(heard[3], "[\"message\", \"news\", \"" + binary + "\"]");
    equal(heard[4], "[\"pmessage\", \"n*\", \"news\", \"" + binary + "\"]");
    listener.send({"UNSUBSCRIBE"}, hear);
    run_until("two ends", [&] { return heard.size() == 7; });
    ensure(heard[6].ends_with(":1]") && heard[5].ends_with(":2]"), heard[5] + heard[6]);
    listener.send({"PUNSUBSCRIBE", "n*"}, hear);
    run_until("the last end", [&] { return heard.size() == 8; });
    equal(heard[7], "[\"punsubscribe\", \"n*\", :0]");
    listener.send({"PING"}, [&](const redisReply* reply) { pong = shown(reply); });
    run_until("an answer to PING", [&] { return !pong.empty(); });
    equal(pong, "+PONG");
  });

  check("async: MONITOR shows what others ask", [&] {
    std::vector<std::string> seen;
    AsyncConnection watcher(port);
    watcher.send({"MONITOR"}, [&](const redisReply* reply) {
      if (reply != nullptr) seen.push_back(shown(reply));
    });
    run_until("OK", [&] { return !seen.empty(); });
    equal(seen[0], "+OK");
    AsyncConnection other(port);
    other.send({"SET", "watched", "two words"}, [](const redisReply*) {});
    run_until("the request", [&] { return seen.size() == 2; });
    ensure(seen[1].ends_with("\"SET\" \"watched\" \"two words\""), seen[1]);
  });

  check("async: a polite end comes after all answers; BLPOP is answered when it can be", [&] {
    std::string popped;
    int answered = 0;
    bool is_waiting = false;
    bool asked = false;
    AsyncConnection waiting(port);
    AsyncConnection pushing(port);
    waiting.send({"BLPOP", "later", "20"}, [&](const redisReply* reply) { popped = shown(reply); });
    waiting.send({"INCR", "after"}, [](const redisReply*) {});
    run_until("somebody who waits", [&] {
      if (!asked && !is_waiting) {
        asked = true;
        pushing.send({"INFO", "clients"}, [&](const redisReply* reply) {
          is_waiting = shown(reply).find("\nblocked_clients:1\r") != std::string::npos;
          asked = false;
        });
      }
      return is_waiting;
    });
    equal(popped, "");
    pushing.send({"RPUSH", "later", "now"}, [](const redisReply*) {});
    run_until("the element", [&] { return !popped.empty(); });
    equal(popped, "[\"later\", \"now\"]");
    for (int i = 0; i < 100; ++i) {
      pushing.send({"PING"}, [&](const redisReply* reply) { answered += reply != nullptr; });
    }
    pushing.disconnect();
    run_until("the end", [&] { return !pushing.is_connected(); });
    ensure(answered == 100, std::to_string(answered) + " answers");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  const int port = std::atoi(argv[1]);
  blocking(port);
  asynchronous(port);
  std::cout << "{\"done\": " << checks << "}" << std::endl;
}
