// ScriptCache: the scripts that EVALSHA finds, by the SHA-1 of their source.
//
// Scripts of SCRIPT LOAD stay until SCRIPT FLUSH. Those that came with EVAL are kept so that
// EVALSHA finds them, too, but only the kMostPassing used last: whoever puts values into the source
// of a script would fill the memory otherwise.
//
// Knows nothing of Lua: a compiled function is a number to it.
//
// Thread: whoever holds the engine's token; the counters any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/scripting/sha1.h"

namespace larder::server {

// What the first line of a script says: #!lua flags=no-writes,allow-oom
struct ScriptFlags {
  bool declared = false;  // there is such a line; else the script may do what it always could
  bool no_writes = false;
  bool allow_oom = false;
};

struct Script {
  Sha1Text sha;
  std::string source;
  ScriptFlags flags;
  int function = 0;
  bool kept = false;  // by SCRIPT LOAD

  std::string_view name() const { return {sha.data(), sha.size()}; }
};

class ScriptCache {
 public:
  static constexpr size_t kMostPassing = 500;

  // By SHA-1, in any case; null if there is none. A script that is found counts as used.
  Script* find(std::string_view sha);
  bool contains(std::string_view sha) const;
  // By its source: spares the caller to compute the SHA-1.
  Script* find_source(std::string_view source);

  // REQUIRES: it is not in yet.
  Script& add(Script script);
  // Not to be removed until clear().
  void keep(Script& script);
  // The function of the least recently used of those that are not kept, which goes; false if there
  // is none. `except` is passed over.
  bool evict(const Script* except, int& function);
  size_t passing() const { return passing_.size(); }
  // Calls visit(script) for each, and forgets them all.
  template <typename Visit>
  void clear(Visit&& visit) {
    for (auto& [name, entry] : by_sha_) visit(*entry.script);
    by_source_.clear();
    by_sha_.clear();
    passing_.clear();
    bytes_ = 0;
  }

  size_t size() const { return by_sha_.size(); }
  // What sources and tables take.
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::unique_ptr<Script> script;
    std::list<Script*>::iterator place;  // in passing_, unless it is kept
  };
  static size_t bytes_of(const Script& script) { return script.source.capacity() + kOverhead; }
  Script* use(Entry& entry);

  // Of the script itself, its entries in the two tables and its place in the list.
  static constexpr size_t kOverhead = sizeof(Script) + 200;

  std::unordered_map<std::string_view, Entry> by_sha_;  // keys are in the scripts
  std::unordered_map<std::string_view, Entry*> by_source_;
  std::list<Script*> passing_;  // the least recently used first
  size_t bytes_ = 0;
};

}  // namespace larder::server
