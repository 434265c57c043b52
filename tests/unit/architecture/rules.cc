// The rules themselves; the tables at the top are what one edits.
#include "tests/unit/architecture/rules.h"

#include <algorithm>
#include <functional>
#include <set>
#include <sstream>
#include <string_view>

namespace larder::architecture {
namespace {

// A folder, and whose headers its files may include. The longest folder that fits a file counts.
struct Layer {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};
const std::vector<Layer>& layers() {
  static const std::vector<Layer> table{
      {"protocol/", {"protocol/"}},
      {"storage/", {"storage/"}},
      {"cluster/", {"cluster/", "protocol/", "storage/"}},
      {"server/text/", {"server/text/"}},
      {"server/config/", {"server/config/", "server/text/"}},
      // What the machine says of the process is told in the terms of contexts.h.
      {"server/driver/", {"server/driver/", "server/contexts.h", "server/connection_id.h"}},
      {"server/", {"server/", "cluster/", "protocol/", "storage/"}},
      {"tests/", {"tests/", "bench/", "tools/", "server/", "cluster/", "protocol/", "storage/"}},
      {"bench/", {"bench/", "tests/support/", "server/", "cluster/", "protocol/", "storage/"}},
      {"tools/", {"tools/", "server/", "cluster/", "protocol/", "storage/"}},
  };
  return table;
}

constexpr std::string_view kProduction[] = {"protocol/", "storage/", "cluster/", "server/"};

// What a command handler must not reach, however indirectly.
constexpr std::string_view kHiddenFromCommands[] = {"server/connection.h", "server/worker.h",
                                                    "server/mailbox.h",    "server/dispatcher.h",
                                                    "server/server.h",     "server/driver/"};

// Headers by which a file touches the machine, and where they may stand. A trailing '/' or '*'
// stands for everything that begins so.
struct Permission {
  std::string_view header;
  std::vector<std::string_view> places;
};
const std::vector<Permission>& permissions() {
  static const std::vector<Permission> table{
      {"liburing.h", {"server/driver/"}},
      // Memory for slots comes from the kernel in huge pages, for all shards from one place.
      {"sys/*", {"server/driver/", "storage/region_source.cc"}},
      {"linux/*", {"server/driver/"}},
      {"netinet/*", {"server/driver/"}},
      {"arpa/*", {"server/driver/"}},
      {"net/*", {"server/driver/"}},
      {"netdb.h", {"server/driver/"}},
      {"poll.h", {"server/driver/"}},
      {"fcntl.h", {"server/driver/"}},
      {"dirent.h", {"server/driver/"}},
      {"sched.h", {"server/driver/"}},
      {"pthread.h", {"server/driver/"}},
      {"fstream", {"server/driver/"}},
      {"iostream", {"server/driver/"}},
      // main waits for signals and changes to the folder `dir`; the log writes its own process id.
      {"unistd.h", {"server/driver/", "server/main.cc", "server/log.cc"}},
      {"csignal", {"server/driver/", "server/main.cc"}},
      {"signal.h", {"server/driver/", "server/main.cc"}},
      {"filesystem", {"server/driver/", "server/main.cc"}},
      // The server tells the node when it was started; the log stamps its lines.
      {"chrono", {"server/driver/", "server/server.cc", "server/log.cc"}},
      {"ctime", {"server/driver/", "server/log.cc"}},
      {"time.h", {"server/driver/", "server/log.cc"}},
      {"random", {"server/driver/"}},
      // Threads are the server's; what they share is behind these few locks.
      {"thread", {"server/driver/", "server/server.h", "server/spin_lock.h"}},
      {"mutex",
       {"server/driver/", "server/effects.cc", "server/contexts.h", "server/mailbox.h",
        "server/log.h", "server/slow_log.h", "server/latency_history.h", "server/eviction_board.cc",
        "server/pubsub/", "server/tracking/", "storage/region_source.cc"}},
      {"condition_variable", {}},
      {"shared_mutex", {}},
      {"future", {}},
      {"semaphore", {}},
  };
  return table;
}

// Names by which a file asks the machine for something without a header of its own.
const std::vector<Permission>& words() {
  static const std::vector<Permission> table{
      {"std::chrono", {"server/driver/", "server/server.cc", "server/log.cc"}},
      {"clock_gettime", {"server/driver/"}},
      {"gettimeofday", {}},
      {"std::time(", {}},
      {"random_device", {}},
      {"getrandom", {"server/driver/"}},
      {"std::rand(", {}},
      {"fopen(", {"server/driver/", "server/log.cc"}},
      {"freopen(", {}},
      {"getenv(", {}},
      {"std::system(", {}},
  };
  return table;
}

constexpr size_t kMaxColumns = 100;
constexpr size_t kMaxLines = 800;

bool fits(std::string_view pattern, std::string_view name) {
  if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
  if (pattern.ends_with('/')) return name.starts_with(pattern);
  return pattern == name;
}

template <typename Patterns>
bool fits_any(const Patterns& patterns, std::string_view name) {
  return std::any_of(std::begin(patterns), std::end(patterns),
                     [name](std::string_view pattern) { return fits(pattern, name); });
}

bool is_production(std::string_view path) {
  return fits_any(kProduction, path);
}

void for_each_line(const std::string& text,
                   const std::function<void(size_t number, std::string_view line)>& visit) {
  std::istringstream lines(text);
  std::string line;
  for (size_t number = 1; std::getline(lines, line); ++number) visit(number, line);
}

struct Include {
  size_t line;
  bool is_ours;  // "..." rather than <...>
  std::string name;
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> found;
  for_each_line(text, [&](size_t number, std::string_view line) {
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    if (!line.starts_with('#')) return;
    line.remove_prefix(1);
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    if (!line.starts_with("include")) return;
    const size_t open = line.find_first_of("\"<");
    if (open == std::string_view::npos) return;
    const size_t close = line.find_first_of("\">", open + 1);
    if (close == std::string_view::npos) return;
    found.push_back(
        {number, line[open] == '"', std::string(line.substr(open + 1, close - open - 1))});
  });
  return found;
}

std::string at(const std::string& path, size_t line, const std::string& what) {
  return path + ":" + std::to_string(line) + ": " + what;
}

// Code points: a continuation byte of UTF-8 takes no column.
size_t columns(std::string_view line) {
  return static_cast<size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

// With a comment, or with the header whose other half it is. Tests may open with what they test.
bool opens_well(const std::string& path, const std::string& text, const Sources& sources) {
  if (text.starts_with("// ")) return true;
  if (path.ends_with(".h")) return false;
  if (path.starts_with("tests/")) return true;
  const std::string header = path.substr(0, path.size() - 2) + "h";
  return sources.contains(header) && text.starts_with("#include \"" + header + "\"\n");
}

// The line without what a comment says.
std::string_view code_of(std::string_view line) {
  return line.substr(0, line.find("//"));
}

}  // namespace

Violations check_layers(const Sources& sources) {
  Violations violations;
  for (const auto& [path, text] : sources) {
    const Layer* layer = nullptr;
    for (const Layer& candidate : layers()) {
      if (path.starts_with(candidate.folder) &&
          (layer == nullptr || candidate.folder.size() > layer->folder.size())) {
        layer = &candidate;
      }
    }
    if (layer == nullptr) {
      violations.push_back(at(path, 1, "belongs to no layer"));
      continue;
    }
    for (const Include& include : includes_of(text)) {
      if (!include.is_ours) continue;
      if (!sources.contains(include.name)) {
        violations.push_back(at(path, include.line, "there is no " + include.name));
      } else if (!fits_any(layer->may_include, include.name)) {
        violations.push_back(at(path, include.line, "must not include " + include.name));
      }
    }
  }
  return violations;
}

Violations check_reach_of_commands(const Sources& sources) {
  Violations violations;
  for (const auto& [path, text] : sources) {
    if (!path.starts_with("server/commands/")) continue;
    std::set<std::string> seen{path};
    std::vector<std::string> open{path};
    while (!open.empty()) {
      const std::string from = open.back();
      open.pop_back();
      const auto source = sources.find(from);
      if (source == sources.end()) continue;
      for (const Include& include : includes_of(source->second)) {
        if (!include.is_ours || !seen.insert(include.name).second) continue;
        open.push_back(include.name);
        if (fits_any(kHiddenFromCommands, include.name)) {
          violations.push_back(at(path, 1, "reaches " + include.name + " through " + from));
        }
      }
    }
  }
  return violations;
}

Violations check_system_headers(const Sources& sources) {
  Violations violations;
  for (const auto& [path, text] : sources) {
    if (!is_production(path)) continue;
    for (const Include& include : includes_of(text)) {
      if (include.is_ours) continue;
      for (const Permission& permission : permissions()) {
        if (fits(permission.header, include.name) && !fits_any(permission.places, path)) {
          violations.push_back(at(path, include.line, "must not include <" + include.name + ">"));
        }
      }
    }
  }
  return violations;
}

Violations check_words(const Sources& sources) {
  Violations violations;
  for (const auto& [path, text] : sources) {
    if (!is_production(path)) continue;
    for_each_line(text, [&, &path = path](size_t number, std::string_view line) {
      for (const Permission& word : words()) {
        if (code_of(line).find(word.header) == std::string_view::npos) continue;
        if (fits_any(word.places, path)) continue;
        violations.push_back(at(path, number, "must not use " + std::string(word.header)));
      }
    });
  }
  return violations;
}

Violations check_form(const Sources& sources) {
  Violations violations;
  for (const auto& [path, text] : sources) {
    size_t lines = 0;
    bool has_pragma = false;
    for_each_line(text, [&, &path = path](size_t number, std::string_view line) {
      lines = number;
      has_pragma = has_pragma || line == "#pragma once";
      if (columns(line) > kMaxColumns) {
        violations.push_back(at(path, number, "more than 100 columns"));
      }
    });
    if (lines > kMaxLines) violations.push_back(at(path, lines, "more than 800 lines"));
    if (!opens_well(path, text, sources)) {
      violations.push_back(at(path, 1, "does not open with what it owns"));
    }
    if (path.ends_with(".h") && !has_pragma) {
      violations.push_back(at(path, 1, "lacks #pragma once"));
    }
  }
  return violations;
}

Violations check_lists(const Sources& sources, const Sources& lists) {
  const auto lists_file = [&lists](const std::string& folder, const std::string& name) {
    const auto list = lists.find(folder + "CMakeLists.txt");
    if (list == lists.end()) return false;
    std::string text = list->second;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '(' || c == ')'; }, ' ');
    std::istringstream tokens(text);
    for (std::string token; tokens >> token;) {
      if (token == name) return true;
    }
    return false;
  };
  Violations violations;
  for (const auto& [path, text] : sources) {
    if (!path.ends_with(".cc") || path.starts_with("tests/clients/")) continue;
    bool is_listed = std::any_of(lists.begin(), lists.end(), [&, &path = path](const auto& list) {
      return list.second.find("${CMAKE_SOURCE_DIR}/" + path) != std::string::npos;
    });
    for (size_t slash = path.rfind('/'); slash != std::string::npos && !is_listed;
         slash = slash == 0 ? std::string::npos : path.rfind('/', slash - 1)) {
      is_listed = lists_file(path.substr(0, slash + 1), path.substr(slash + 1));
    }
    if (!is_listed) violations.push_back(at(path, 1, "is in no CMakeLists.txt"));
  }
  return violations;
}

}  // namespace larder::architecture
