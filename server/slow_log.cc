#include "server/slow_log.h"

#include <algorithm>

#include "server/redaction.h"

namespace larder::server {
namespace {

std::string shortened(std::string_view argument) {
  std::string text(argument.substr(0, SlowEntry::kMostArgumentBytes));
  if (argument.size() > text.size()) {
    text += "... (";
    text += std::to_string(argument.size() - SlowEntry::kMostArgumentBytes);
    text += " more bytes)";
  }
  return text;
}

}  // namespace

std::vector<std::string> shortened(protocol::Arguments arguments, std::string_view note) {
  const bool all_fit = arguments.size() <= SlowEntry::kMostArguments;
  const size_t shown = all_fit ? arguments.size() : SlowEntry::kMostArguments - 1;
  const Redaction secrets(arguments);
  std::vector<std::string> texts;
  for (size_t i = 0; i < shown; ++i) {
    texts.push_back(secrets.hides(i) ? std::string(kRedacted) : shortened(arguments[i]));
  }
  if (!all_fit) {
    texts.push_back("... (" + std::to_string(arguments.size() - shown) + " more arguments)");
  }
  if (!note.empty()) texts.emplace_back(note);
  return texts;
}

void SlowLog::add(SlowEntry entry, uint64_t most) {
  std::lock_guard guard(mutex_);
  entry.id = next_id_++;
  entries_.push_front(std::move(entry));
  if (entries_.size() > most) entries_.resize(most);
}

size_t SlowLog::size() const {
  std::lock_guard guard(mutex_);
  return entries_.size();
}

std::vector<SlowEntry> SlowLog::newest(size_t count) const {
  std::lock_guard guard(mutex_);
  const size_t taken = std::min(count, entries_.size());
  return {entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(taken)};
}

void SlowLog::clear() {
  std::lock_guard guard(mutex_);
  entries_.clear();
}

}  // namespace larder::server
