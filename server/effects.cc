#include "server/effects.h"

#include <algorithm>
#include <mutex>

namespace larder::server {
namespace {

void append_header(std::string& out, char kind, size_t count) {
  out += kind;
  out += std::to_string(count);
  out += "\r\n";
}

void append_command(std::string& out, std::span<const std::string_view> command) {
  append_header(out, '*', command.size());
  for (std::string_view word : command) {
    append_header(out, '$', word.size());
    out += word;
    out += "\r\n";
  }
}

constexpr std::string_view kMulti = "*1\r\n$5\r\nMULTI\r\n";
constexpr std::string_view kExec = "*1\r\n$4\r\nEXEC\r\n";

}  // namespace

void EffectBatch::clear() {
  is_used_ = flushes_ = false;
  bytes_.clear();
  commands_.clear();
  events_.clear();
}

void EffectBatch::add(unsigned database, std::span<const std::string_view> command) {
  is_used_ = true;
  append_command(bytes_, command);
  commands_.push_back({database, bytes_.size()});
}

void EffectBatch::add_event(EventClass event_class, std::string_view name, unsigned database,
                            std::string_view key) {
  is_used_ = true;
  events_.push_back({event_class, name, database, std::string(key)});
}

void EffectBatch::forget_commands_after(size_t count) {
  commands_.resize(count);
  bytes_.resize(count == 0 ? 0 : commands_.back().end);
}

void EffectLog::attach(EffectListener& listener) {
  std::lock_guard guard(lock_);
  listeners_.push_back(&listener);
  database_ = kNoDatabase;
  listening_.store(true, std::memory_order_relaxed);
}

void EffectLog::detach(EffectListener& listener) {
  std::lock_guard guard(lock_);
  std::erase(listeners_, &listener);
  listening_.store(!listeners_.empty(), std::memory_order_relaxed);
}

void EffectLog::append(const EffectBatch& batch, bool together) {
  std::lock_guard guard(lock_);
  const bool wrap = together && batch.commands_.size() > 1;
  record_.clear();
  size_t begin = 0;
  for (size_t i = 0; i < batch.commands_.size(); ++i) {
    const EffectBatch::Command& command = batch.commands_[i];
    write_select(command.database);
    if (wrap && i == 0) record_ += kMulti;
    record_.append(batch.bytes_, begin, command.end - begin);
    begin = command.end;
    if (!together && i + 1 < batch.commands_.size()) hand_out({});
  }
  if (wrap) record_ += kExec;
  hand_out(batch.events_);
}

void EffectLog::write_select(unsigned database) {
  if (database == database_) return;
  database_ = database;
  const std::string text = std::to_string(database);
  const std::string_view words[] = {"SELECT", text};
  append_command(record_, words);
}

void EffectLog::hand_out(std::span<const KeyEvent> events) {
  const uint64_t end = end_offset_.load(std::memory_order_relaxed) + record_.size();
  end_offset_.store(end, std::memory_order_release);
  for (EffectListener* listener : listeners_) listener->on_record({end, record_, events});
  record_.clear();
}

}  // namespace larder::server
