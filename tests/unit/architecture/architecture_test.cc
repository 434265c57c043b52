// The sources keep the rules of ARCHITECTURE.md; and the checks that say so notice when they do
// not.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/unit/architecture/rules.h"

namespace larder::architecture {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// All files of the repository whose names satisfy `is_wanted`.
template <typename IsWanted>
Sources load(IsWanted&& is_wanted) {
  const fs::path root = LARDER_SOURCE_FOLDER;
  Sources sources;
  for (const char* folder :
       {"protocol", "storage", "cluster", "server", "tests", "bench", "tools"}) {
    auto walk = fs::recursive_directory_iterator(root / folder);
    for (auto entry = fs::begin(walk); entry != fs::end(walk); ++entry) {
      if (entry->path().filename() == "node_modules") entry.disable_recursion_pending();
      if (!entry->is_regular_file() || !is_wanted(entry->path())) continue;
      sources[entry->path().lexically_relative(root).generic_string()] = read(entry->path());
    }
  }
  return sources;
}

const Sources& all_sources() {
  static const Sources sources = load(
      [](const fs::path& path) { return path.extension() == ".cc" || path.extension() == ".h"; });
  return sources;
}

std::string lines(const Violations& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

// A well-formed source with this line in it.
std::string with(const std::string& line) {
  return "// Owns nothing.\n#pragma once\n" + line + "\n";
}

}  // namespace

TEST_CASE("there are sources to check") {
  CHECK(all_sources().contains("server/worker.cc"));
  CHECK(all_sources().contains("protocol/request_parser.h"));
  CHECK(all_sources().size() > 100);
}

TEST_CASE("every layer includes only what lies below it") {
  CHECK(lines(check_layers(all_sources())) == "");
}

TEST_CASE("command handlers never see connections, workers or drivers") {
  CHECK(lines(check_reach_of_commands(all_sources())) == "");
}

TEST_CASE("only drivers and main touch the machine") {
  CHECK(lines(check_system_headers(all_sources())) == "");
  CHECK(lines(check_words(all_sources())) == "");
}

TEST_CASE("sources are short, narrow and say what they own") {
  CHECK(lines(check_form(all_sources())) == "");
}

TEST_CASE("every source is built") {
  const Sources lists =
      load([](const fs::path& path) { return path.filename() == "CMakeLists.txt"; });
  CHECK(lines(check_lists(all_sources(), lists)) == "");
}

TEST_CASE("the layer check notices what is forbidden") {
  const auto verdict = [](const std::string& path, const std::string& included) {
    return check_layers({{path, with("#include \"" + included + "\"")}, {included, with("")}});
  };
  CHECK(verdict("protocol/a.h", "storage/b.h") ==
        Violations{"protocol/a.h:3: must not include storage/b.h"});
  CHECK(verdict("protocol/a.h", "server/b.h").size() == 1);
  CHECK(verdict("storage/a.h", "protocol/b.h").size() == 1);
  CHECK(verdict("storage/a.h", "server/text/b.h").size() == 1);
  CHECK(verdict("cluster/a.h", "server/b.h").size() == 1);
  CHECK(verdict("server/driver/a.h", "server/b.h").size() == 1);
  CHECK(verdict("server/text/a.h", "server/b.h").size() == 1);
  CHECK(verdict("server/config/a.h", "server/driver/b.h").size() == 1);
  CHECK(verdict("server/a.h", "tests/b.h").size() == 1);
  CHECK(verdict("server/a.h", "tools/b.h").size() == 1);
  CHECK(verdict("elsewhere/a.h", "server/b.h").size() == 1);

  CHECK(verdict("protocol/a.h", "protocol/b.h").empty());
  CHECK(verdict("cluster/a.h", "storage/b.h").empty());
  CHECK(verdict("server/a.h", "protocol/b.h").empty());
  CHECK(verdict("server/config/a.h", "server/text/b.h").empty());
  CHECK(verdict("tests/unit/a.h", "server/b.h").empty());
  CHECK(check_layers({{"server/a.h", with("#include \"a.h\"")}}) ==
        Violations{"server/a.h:3: there is no a.h"});
}

TEST_CASE("the reach check follows includes") {
  Sources sources{{"server/commands/a.cc", with("#include \"server/b.h\"")},
                  {"server/b.h", with("#include \"server/c.h\"")},
                  {"server/c.h", with("")},
                  {"server/worker.h", with("")}};
  CHECK(check_reach_of_commands(sources).empty());
  sources["server/c.h"] = with("  # include  \"server/worker.h\"");
  CHECK(check_reach_of_commands(sources) ==
        Violations{"server/commands/a.cc:1: reaches server/worker.h through server/c.h"});
}

TEST_CASE("the header and word checks notice what touches the machine") {
  const auto headers = [](const std::string& path, const std::string& header) {
    return check_system_headers({{path, with("#include <" + header + ">")}}).size();
  };
  for (const char* header : {"liburing.h", "sys/socket.h", "sys/epoll.h", "unistd.h", "fcntl.h",
                             "fstream", "thread", "mutex", "chrono", "random", "netinet/in.h"}) {
    INFO(header);
    CHECK(headers("protocol/a.cc", header) == 1);
    CHECK(headers("storage/a.cc", header) == 1);
    CHECK(headers("cluster/a.cc", header) == 1);
    CHECK(headers("server/worker.cc", header) == 1);
    CHECK(headers("server/driver/a.cc", header) == 0);
    CHECK(headers("tests/a.cc", header) == 0);
  }
  CHECK(headers("storage/a.cc", "atomic") == 0);
  CHECK(headers("server/main.cc", "csignal") == 0);

  const auto uses = [](const std::string& path, const std::string& line) {
    return check_words({{path, with(line)}}).size();
  };
  CHECK(uses("server/worker.cc", "auto now = std::chrono::steady_clock::now();") == 1);
  CHECK(uses("storage/a.cc", "std::random_device device;") == 1);
  CHECK(uses("server/driver/a.cc", "clock_gettime(clock, &time);") == 0);
  CHECK(uses("storage/a.cc", "// no std::chrono here") == 0);
}

TEST_CASE("the form check notices long lines, long files and missing words") {
  CHECK(check_form({{"a.h", with("")}}).empty());
  CHECK(check_form({{"a.h", with(std::string(100, 'x'))}}).empty());
  CHECK(check_form({{"a.h", with(std::string(101, 'x'))}}) ==
        Violations{"a.h:3: more than 100 columns"});
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xa4";
  CHECK(check_form({{"a.h", with(umlauts)}}).empty());
  CHECK(check_form({{"a.h", with(std::string(797, '\n'))}}).empty());
  CHECK(check_form({{"a.h", with(std::string(799, '\n'))}}).size() == 1);
  CHECK(check_form({{"a.h", "// Owns nothing.\n"}}).size() == 1);
  CHECK(check_form({{"a.cc", "// Owns nothing.\n"}}).empty());
  CHECK(check_form({{"a.cc", "#include <string>\n"}}).size() == 1);
  CHECK(check_form({{"a.cc", "#include \"a.h\"\n"}, {"a.h", with("")}}).empty());
  CHECK(check_form({{"a.cc", "#include \"b.h\"\n"}, {"b.h", with("")}}).size() == 1);
}

TEST_CASE("the list check notices a source that nobody builds") {
  const Sources sources{{"server/commands/a.cc", with("")}};
  CHECK(check_lists(sources, {}).size() == 1);
  CHECK(
      check_lists(sources, {{"server/commands/CMakeLists.txt", "target_sources(x b.cc)"}}).size() ==
      1);
  CHECK(check_lists(sources, {{"server/commands/CMakeLists.txt", "target_sources(x ba.cc)"}})
            .size() == 1);
  CHECK(
      check_lists(sources, {{"server/commands/CMakeLists.txt", "target_sources(x a.cc)"}}).empty());
  CHECK(check_lists(sources, {{"server/CMakeLists.txt", "add_executable(y commands/a.cc b.cc)"}})
            .empty());
  CHECK(check_lists(sources, {{"server/CMakeLists.txt", "add_executable(y a.cc)"}}).size() == 1);
  CHECK(check_lists(sources,
                    {{"tests/CMakeLists.txt", "x(${CMAKE_SOURCE_DIR}/server/commands/a.cc)"}})
            .empty());
  CHECK(check_lists({{"tests/clients/cpp/a.cc", ""}}, {}).empty());
  CHECK(check_lists({{"tests/unit/a.cc", ""}}, {}).size() == 1);
}

}  // namespace larder::architecture
