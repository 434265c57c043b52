// A shard against a map, the operations taken from the input.
//
// Input: operations of three bytes: what, which key, an argument. Keys of the same length share a
// number space of 256 per database; "many" inserts or erases 64 keys, so that short inputs split
// and merge blocks. Every input ends with the deep check and with giving all memory back.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>

#include "storage/list/list.h"
#include "storage/shard.h"

namespace {

using larder::storage::End;
using larder::storage::Entry;
using larder::storage::HeldValue;
using larder::storage::KeyHasher;
using larder::storage::kNoDeadline;
using larder::storage::List;
using larder::storage::NumberText;
using larder::storage::Object;
using larder::storage::Shard;

struct Value {
  std::string text;  // of a string; of a list the element that all are
  int64_t deadline_ms = kNoDeadline;
  size_t elements = 0;  // of a list
};

void require(bool holds, const char* message) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", message);
  std::abort();
}

class Run {
 public:
  void operate(uint8_t what, uint8_t key_number, uint8_t argument) {
    const unsigned db = what >> 7;
    const std::string key = "k" + std::to_string(key_number);
    switch (what & 15) {
      case 0:
        return many(db, key_number, true);
      case 1:
        return many(db, key_number, false);
      case 2:
        return pass(argument);
      case 3:
        return scan(db);
      case 4:
        if (argument > 8) return;
        shard_.clear(db);
        models_[db].clear();
        return;
      case 5:
        shard_.release_slice(argument);
        return;
      case 14:
        return copy(db, key, argument);
      default:
        one(db, key, what & 15, argument);
    }
  }

  void finish() {
    shard_.verify();
    for (unsigned db = 0; db < 2; ++db) {
      require(shard_.size(db) == models_[db].size(), "the sizes differ");
      for (const auto& [key, value] : models_[db]) same(find(db, key), value);
      shard_.clear(db);
    }
    require(shard_.bytes() == 0, "an empty shard has memory");
    shard_.verify();
  }

 private:
  Entry find(unsigned db, const std::string& key) { return shard_.find(db, key, hasher_(key)); }

  void one(unsigned db, const std::string& key, unsigned what, uint8_t argument) {
    auto& model = models_[db];
    const auto known = model.find(key);
    Entry entry = find(db, key);
    require(static_cast<bool>(entry) == (known != model.end()), "one has the key, one has not");
    if (what == 6) {
      Value value{text(argument), deadline(argument)};
      entry = shard_.set(db, key, hasher_(key), value.text, value.deadline_ms);
      same(entry, model[key] = value);
      return;
    }
    if (!entry) return;
    Value& value = known->second;
    if (value.elements > 0 && (what == 9 || what == 10)) return;  // they are for strings
    switch (what) {
      case 7:
        shard_.erase(db, entry);
        model.erase(known);
        return;
      case 8:
        value = {std::to_string(int64_t{argument} - 128), value.deadline_ms};
        entry = shard_.set_integer(db, entry, int64_t{argument} - 128);
        break;
      case 9:
        value.text += text(argument);
        entry = shard_.append(db, entry, text(argument));
        break;
      case 10: {
        const std::string patch = text(argument / 2);
        const size_t offset = size_t{argument} * argument;
        if (value.text.size() < offset + patch.size()) value.text.resize(offset + patch.size());
        value.text.replace(offset, patch.size(), patch);
        entry = shard_.set_range(db, entry, offset, patch);
        break;
      }
      case 15:
        entry = lengthen(db, entry, value, argument);
        break;
      case 11:
        value.deadline_ms = kNoDeadline;
        entry = shard_.set_deadline(db, entry, kNoDeadline);
        break;
      default:
        value.deadline_ms = deadline(argument);
        entry = shard_.set_deadline(db, entry, value.deadline_ms);
    }
    same(entry, value);
  }

  // One key's value becomes another's, in this database or the other one.
  void copy(unsigned db, const std::string& key, uint8_t argument) {
    const Entry from = find(db, key);
    if (!from) return;
    const unsigned to_db = argument & 1;
    const std::string to_key = "k" + std::to_string(argument >> 1);
    const Value& copied = models_[to_db][to_key] = models_[db][key];
    const Entry to = find(to_db, to_key);
    if (from.is_object()) {
      Object* object = from.object().copy();
      same(to ? shard_.set_object(to_db, to, object, copied.deadline_ms)
              : shard_.insert_object(to_db, to_key, hasher_(to_key), object, copied.deadline_ms),
           copied);
      return;
    }
    const HeldValue value(from);
    same(to ? shard_.set(to_db, to, value, copied.deadline_ms)
            : shard_.insert(to_db, to_key, hasher_(to_key), value, copied.deadline_ms),
         copied);
  }

  // Makes a list of the entry, or pushes to the one it has.
  Entry lengthen(unsigned db, Entry entry, Value& value, uint8_t argument) {
    const bool is_list = value.elements > 0;
    if (!is_list) value.text = text(argument % 128);
    List* list = is_list ? &entry.object().as<List>() : List::create();
    const size_t before = list->bytes();
    for (size_t left = size_t{argument} + 1; left > 0; --left) list->push(End::front, value.text);
    value.elements += size_t{argument} + 1;
    if (!is_list) return shard_.set_object(db, entry, list, value.deadline_ms);
    shard_.edited(db, before, list->bytes());
    return entry;
  }

  void many(unsigned db, uint8_t number, bool insert) {
    for (unsigned each = 0; each < 64; ++each) {
      const std::string key = "many" + std::to_string(number) + "." + std::to_string(each);
      const Entry entry = find(db, key);
      if (insert && !entry) {
        shard_.insert(db, key, hasher_(key), key, kNoDeadline);
        models_[db][key] = {key, kNoDeadline};
      } else if (!insert && entry) {
        shard_.erase(db, entry);
        models_[db].erase(key);
      }
    }
  }

  void pass(uint8_t argument) {
    now_ms_ += int64_t{1} << (argument % 36);
    while (shard_.expire_due(now_ms_, 1 + argument / 36, [this](unsigned db, Entry entry) {
      const auto known = models_[db].find(std::string(entry.key()));
      require(known != models_[db].end(), "what expires was there");
      require(known->second.deadline_ms <= now_ms_, "nothing expires early");
      models_[db].erase(known);
      shard_.erase(db, entry);
    }) > 0) {
    }
    require(shard_.next_due_ms() > now_ms_, "everything due has gone");
    for (const auto& model : models_) {
      for (const auto& [key, value] : model) {
        require(value.deadline_ms == kNoDeadline || value.deadline_ms > now_ms_ - 64,
                "nothing is left that was due a tick ago");
      }
    }
  }

  void scan(unsigned db) {
    size_t visited = 0;
    uint64_t position = 0;
    do {
      position = shard_.scan(db, position, [&](Entry entry) {
        require(models_[db].count(std::string(entry.key())) == 1, "a scan visits what is there");
        ++visited;
      });
    } while (position != 0);
    require(visited == models_[db].size(), "an undisturbed scan visits everything once");
  }

  static void same(Entry entry, const Value& value) {
    NumberText scratch;
    require(static_cast<bool>(entry), "the key is missing");
    require(entry.deadline_ms() == value.deadline_ms, "the deadlines differ");
    require(entry.is_object() == (value.elements > 0), "the types differ");
    if (entry.is_object()) {
      const List& list = entry.object().as<List>();
      require(list.size() == value.elements, "the numbers of elements differ");
      require(list.peek(End::back).bytes(scratch) == value.text, "the elements differ");
      return;
    }
    require(entry.text(scratch) == value.text, "the values differ");
    require(entry.length() == value.text.size(), "the lengths differ");
  }
  static std::string text(uint8_t argument) {
    if (argument < 32) return std::to_string(argument);
    return std::string(argument == 255 ? 20'000 : argument - 32, 'x');
  }
  int64_t deadline(uint8_t argument) const {
    if (argument % 8 == 0) return kNoDeadline;
    if (argument == 254) return std::numeric_limits<int64_t>::max();
    return now_ms_ + (int64_t{argument} << (argument % 30));
  }

  const KeyHasher hasher_{1};
  Shard shard_{hasher_};
  std::map<std::string, Value> models_[2];
  int64_t now_ms_ = 1'700'000'000'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Run run;
  for (size_t at = 0; at + 3 <= size; at += 3) run.operate(data[at], data[at + 1], data[at + 2]);
  run.finish();
  return 0;
}
