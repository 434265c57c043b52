// transcripts: plays transcript files over TCP, against a running server or one started per file.
//
//   transcripts [--host H --port P | --server-command "... {port} ..."] [--filter TEXT]
//               [--record] [--verbose] FILE-OR-FOLDER...
//
// Exit status: 0 all matched, 1 something differed, 2 bad usage or an unreadable file.
// --record prints the file with the replies written in below requests that expect none yet; it is
// how new transcripts are derived from the reference server. README.md explains both.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/transcripts/runner/player.h"
#include "tests/transcripts/runner/server_process.h"
#include "tests/transcripts/runner/tcp_transport.h"

namespace larder::transcripts {
namespace {

constexpr int64_t kRecordTimeoutMs = 300;

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string server_command;
  std::string filter;
  bool record = false;
  bool verbose = false;
  std::vector<std::string> paths;
};

struct Totals {
  size_t files = 0;
  size_t scenes = 0;
  size_t replies = 0;
  size_t skips = 0;
  size_t failures = 0;
};

bool parse_options(int count, char** words, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--record") {
      options.record = true;
    } else if (word == "--verbose") {
      options.verbose = true;
    } else if (word.rfind("--", 0) != 0) {
      options.paths.push_back(word);
    } else if (i + 1 == count) {
      return false;
    } else if (word == "--host") {
      options.host = words[++i];
    } else if (word == "--port") {
      options.port = static_cast<uint16_t>(std::atoi(words[++i]));
    } else if (word == "--server-command") {
      options.server_command = words[++i];
    } else if (word == "--filter") {
      options.filter = words[++i];
    } else {
      return false;
    }
  }
  return !options.paths.empty() && (options.port != 0) != !options.server_command.empty();
}

std::vector<std::string> find_files(const Options& options) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : options.paths) {
    if (!fs::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path)) {
      if (entry.path().extension() == ".transcript") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  std::erase_if(files, [&](const std::string& f) { return f.find(options.filter) == f.npos; });
  return files;
}

// The form that a scene for both dialects is written in: RESP3's types, but RESP2's nulls. (The
// RESP2 run of a scene comes first.)
Value merge_dialects(const Value& first, const Value& second) {
  if (second.kind == ValueKind::null) return first;
  Value merged = second;
  if (first.elements.size() != second.elements.size()) return merged;
  for (size_t i = 0; i < merged.elements.size(); ++i) {
    merged.elements[i] = merge_dialects(first.elements[i], second.elements[i]);
  }
  return merged;
}

void print_recorded(const std::string& text, const std::map<size_t, Value>& replies) {
  std::istringstream stream(text);
  size_t number = 1;
  for (std::string line; std::getline(stream, line); ++number) {
    std::printf("%s\n", line.c_str());
    const auto found = replies.find(number);
    if (found == replies.end()) continue;
    const size_t name_start = line.find_first_not_of(" \t");
    const std::string name = line.substr(name_start, line.find('>') - name_start);
    const std::string last_word = name.substr(name.find_last_of(' ') + 1);
    std::printf("%s< %s\n", last_word.c_str(), render(found->second).c_str());
  }
}

void report(const Options& options, const std::string& path, const Outcome& outcome) {
  for (const Failure& failure : outcome.failures) {
    std::fprintf(stderr, "%s:%zu: %s: %s\n", path.c_str(), failure.line, failure.scene.c_str(),
                 failure.message.c_str());
  }
  for (const Skip& skip : outcome.skips) {
    if (!options.verbose) break;
    std::printf("skip %s %s: %s\n", path.c_str(), skip.scene.c_str(), skip.reason.c_str());
  }
  if (options.verbose) {
    std::printf("%s: %zu scenes, %zu replies, %zu failures\n", path.c_str(), outcome.scenes_played,
                outcome.replies_checked, outcome.failures.size());
  }
}

// True if the file could be played, whatever came out.
bool play_file(const Options& options, const std::string& path, const std::string& folder,
               Totals& totals) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  Transcript transcript;
  std::string error;
  if (!file || !parse_transcript(path, text.str(), {options.record}, transcript, error)) {
    std::fprintf(stderr, "%s\n", file ? error.c_str() : ("cannot read " + path).c_str());
    return false;
  }
  ServerProcess server(folder);
  uint16_t port = options.port;
  if (!options.server_command.empty()) {
    if (!server.start(options.server_command, transcript.config)) {
      std::fprintf(stderr, "%s: %s\n%s", path.c_str(), server.error().c_str(),
                   server.output_tail().c_str());
      return false;
    }
    port = server.port();
  } else if (!transcript.config.empty()) {
    std::printf("skip %s: it needs a server of its own (--server-command)\n", path.c_str());
    ++totals.skips;
    return true;
  }
  TcpTransport transport(options.host, port);
  std::map<size_t, Value> recorded;
  PlayerOptions player_options;
  if (options.record) {
    player_options.reply_timeout_ms = kRecordTimeoutMs;
    player_options.on_recorded = [&recorded](size_t line, const Value& value) {
      const auto found = recorded.find(line);
      if (found == recorded.end()) {
        recorded[line] = value;
      } else {
        found->second = merge_dialects(found->second, value);
      }
    };
  }
  Outcome outcome = Player(transport, player_options).play(transcript);
  if (!options.server_command.empty() && !server.stop()) {
    outcome.failures.push_back(
        {0, "the end", "the server did not end with status 0:\n" + server.output_tail()});
  }
  report(options, path, outcome);
  if (options.record) print_recorded(text.str(), recorded);
  ++totals.files;
  totals.scenes += outcome.scenes_played;
  totals.replies += outcome.replies_checked;
  totals.skips += outcome.skips.size();
  totals.failures += outcome.failures.size();
  return true;
}

int run(int count, char** words) {
  Options options;
  if (!parse_options(count, words, options)) {
    std::fprintf(stderr,
                 "usage: transcripts (--port P [--host H] | --server-command \"... {port} ...\")\n"
                 "                   [--filter TEXT] [--record] [--verbose] FILE-OR-FOLDER...\n");
    return 2;
  }
  const std::vector<std::string> files = find_files(options);
  if (files.empty()) {
    std::fprintf(stderr, "no transcript found\n");
    return 2;
  }
  std::string folder = std::filesystem::temp_directory_path().string() + "/transcripts-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return 2;
  Totals totals;
  bool is_good = true;
  for (const std::string& path : files)
    is_good = play_file(options, path, folder, totals) && is_good;
  std::filesystem::remove_all(folder);
  if (!options.record) {
    std::printf("%zu files, %zu scenes, %zu replies checked, %zu skipped, %zu failures\n",
                totals.files, totals.scenes, totals.replies, totals.skips, totals.failures);
  }
  if (!is_good) return 2;
  return totals.failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace larder::transcripts

int main(int count, char** words) {
  return larder::transcripts::run(count, words);
}
