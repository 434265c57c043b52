#include "server/scripting/script_cache.h"

#include <utility>

#include "server/text/ascii.h"

namespace larder::server {
namespace {

// Names are kept in lower case.
struct LowerName {
  explicit LowerName(std::string_view name) : size(name.size()) {
    if (size != text.size()) return;
    for (size_t i = 0; i < size; ++i) text[i] = larder::text::to_lower(name[i]);
  }
  // Empty, which no script is called, if that is no SHA-1.
  std::string_view view() const {
    return size == text.size() ? std::string_view(text.data(), size) : std::string_view();
  }

  size_t size;
  Sha1Text text;
};

}  // namespace

Script* ScriptCache::use(Entry& entry) {
  if (!entry.script->kept) passing_.splice(passing_.end(), passing_, entry.place);
  return entry.script.get();
}

Script* ScriptCache::find(std::string_view sha) {
  const auto found = by_sha_.find(LowerName(sha).view());
  return found == by_sha_.end() ? nullptr : use(found->second);
}

bool ScriptCache::contains(std::string_view sha) const {
  return by_sha_.contains(LowerName(sha).view());
}

Script* ScriptCache::find_source(std::string_view source) {
  const auto found = by_source_.find(source);
  return found == by_source_.end() ? nullptr : use(*found->second);
}

Script& ScriptCache::add(Script added) {
  auto owner = std::make_unique<Script>(std::move(added));
  Script& script = *owner;
  Entry& entry = by_sha_[script.name()];
  entry.script = std::move(owner);
  if (!script.kept) entry.place = passing_.insert(passing_.end(), &script);
  by_source_[script.source] = &entry;
  bytes_ += bytes_of(script);
  return script;
}

void ScriptCache::keep(Script& script) {
  if (script.kept) return;
  passing_.erase(by_sha_.find(script.name())->second.place);
  script.kept = true;
}

bool ScriptCache::evict(const Script* except, int& function) {
  auto place = passing_.begin();
  if (place != passing_.end() && *place == except) ++place;
  if (place == passing_.end()) return false;
  const Script& script = **place;
  function = script.function;
  bytes_ -= bytes_of(script);
  passing_.erase(place);
  by_source_.erase(script.source);
  // The node owns the script whose name is its key: so it goes by its place.
  by_sha_.erase(by_sha_.find(script.name()));
  return true;
}

}  // namespace larder::server
