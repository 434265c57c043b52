// A stream against a slow model of it, the operations given as bytes: what, where, and which.
//
// The model keeps the entries in a map, deleted ones forgotten, and groups as maps of maps. Shared
// by the unit test, which draws the bytes, and the fuzzer, which is given them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/rdb/dump.h"
#include "storage/stream/stream.h"

namespace larder::testing {

class StreamRun {
 public:
  using Require = std::function<void(bool, const char*)>;

  explicit StreamRun(Require require) : require_(std::move(require)), stream_(Stream::create()) {}
  ~StreamRun() { storage::Object::release(stream_); }
  StreamRun(const StreamRun&) = delete;
  StreamRun& operator=(const StreamRun&) = delete;

  void operate(uint8_t what, uint8_t where, uint8_t which) {
    switch (what % 14) {
      case 0:
        return add(which, 1 + where % 3, 1);
      case 1:
      case 2:
        return add(which, 1, where);
      case 3:
        return erase(id_at(where));
      case 4:
        return erase({uint64_t{where}, which});
      case 5:
        return trim_to_length(where, which);
      case 6:
        return trim_to_id(id_at(where), which);
      case 7:
        return look(id_at(where), which);
      case 8:
        return set_last_id(which);
      case 9:
        return copy(which);
      case 10:
        return change_group(where, which);
      case 11:
        return deliver(where, which);
      case 12:
        return acknowledge(where, which);
      default:
        return change_consumer(where, which);
    }
  }

  void finish() {
    stream_->verify();
    compare();
  }
  size_t size() const { return entries_.size(); }

 private:
  using Stream = storage::Stream;
  using StreamId = storage::StreamId;
  using Texts = std::vector<std::string>;
  struct Delivery {
    std::string consumer;
    int64_t delivered_ms;
    uint64_t deliveries;
    bool operator==(const Delivery&) const = default;
  };
  struct GroupModel {
    std::map<StreamId, Delivery> pending;
    std::map<std::string, int64_t> consumers;
  };

  static constexpr Stream::NodeLimits kLimits{.bytes = 300, .entries = 7};

  static Texts texts_of(uint8_t choice, uint64_t number) {
    const std::string text(choice & 0x3f, static_cast<char>('a' + choice % 26));
    switch (choice >> 6) {
      case 0:
        return {"field", std::to_string(number)};
      case 1:
        return {"field", text};
      case 2:
        return {"field", text, text, std::to_string(-static_cast<int64_t>(number))};
      default:
        return {"17", std::string(choice * 3, 'x'), "", ""};
    }
  }
  // Of an entry that is there, if there are any, spread over all.
  StreamId id_at(uint8_t where) const {
    if (entries_.empty()) return {where, 0};
    auto at = entries_.begin();
    std::advance(at, where * entries_.size() / 256);
    return at->first;
  }

  void add(uint8_t which, uint64_t distance, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      StreamId id = last_id_;
      (which & 1) != 0 ? id.seq += distance : (id.ms += distance, id.seq = which);
      if (id <= last_id_) return;
      const Texts texts = texts_of(which, id.ms + id.seq);
      const std::vector<std::string_view> fields(texts.begin(), texts.end());
      require_(Stream::is_storable(fields), "an entry has room");
      stream_->append(id, fields, kLimits);
      entries_[id] = texts;
      last_id_ = id;
      ++added_;
    }
  }
  void erase(StreamId id) {
    require_(stream_->erase(id) == (entries_.erase(id) > 0), "erasing differs");
  }
  void trim_to_length(uint8_t where, uint8_t which) {
    const size_t most = where * (entries_.size() + 1) / 256;
    check_trimmed({.most = most,
                   .least = {},
                   .whole_nodes = which % 2 == 0,
                   .limit = which % 3 == 0 ? which : 0u},
                  entries_.size() > most ? entries_.size() - most : 0);
  }
  void trim_to_id(StreamId least, uint8_t which) {
    const auto kept = entries_.lower_bound(least);
    const auto most = static_cast<size_t>(std::distance(entries_.begin(), kept));
    check_trimmed({.most = std::nullopt,
                   .least = least,
                   .whole_nodes = which % 2 == 0,
                   .limit = which % 3 == 0 ? which : 0u},
                  most);
  }
  // At most `most` entries go, and exactly so many if nothing else limits it.
  void check_trimmed(const Stream::Trimming& trimming, size_t most) {
    const size_t removed = stream_->trim(trimming);
    require_(removed <= most, "too much was trimmed");
    if (trimming.limit > 0) {
      // A node that only goes in part is not counted before.
      require_(!trimming.whole_nodes || removed <= trimming.limit, "the limit was not kept");
    } else if (!trimming.whole_nodes) {
      require_(removed == most, "too little was trimmed");
    }
    for (size_t i = 0; i < removed; ++i) entries_.erase(entries_.begin());
  }
  void set_last_id(uint8_t which) {
    const StreamId top = entries_.empty() ? StreamId() : entries_.rbegin()->first;
    last_id_ = {top.ms + which % 4, top.seq + which % 3};
    stream_->set_last_id(last_id_);
  }

  void look(StreamId id, uint8_t which) {
    id.seq += which % 3 - 1u;
    const auto expected = entries_.lower_bound(id);
    const Stream::Cursor found = stream_->from(id);
    require_(static_cast<bool>(found) == (expected != entries_.end()), "finding differs");
    if (found) require_(found.id() == expected->first, "another entry was found");
    require_(stream_->contains(id) == entries_.contains(id), "an entry is there or not");
    auto before = entries_.upper_bound(id);
    const Stream::Cursor last = stream_->up_to(id);
    require_(static_cast<bool>(last) == (before != entries_.begin()), "finding backwards differs");
    if (last) require_(last.id() == (--before)->first, "another entry was found backwards");
    const StreamId end = id_at(which);
    const size_t count = end < id ? 0 : static_cast<size_t>(std::distance(
                                            expected, entries_.upper_bound(end)));
    require_(stream_->count_between(id, end, SIZE_MAX) == count, "counting differs");
    require_(stream_->count_between(id, end, 3) == std::min<size_t>(count, 3), "or up to three");
  }
  // By copying, or by way of its stored form.
  void copy(uint8_t which) {
    storage::Object* copied = nullptr;
    if (which % 2 == 0) {
      copied = stream_->copy();
    } else {
      const std::string payload = storage::rdb::dump_object(*stream_);
      const auto body = storage::rdb::verified_body(payload);
      require_(body.has_value(), "a payload has a footer");
      copied = storage::rdb::read_object_body(*body, UINT32_MAX, storage::KeyHasher(1));
      require_(copied != nullptr, "a payload can be read");
      require_(storage::rdb::dump_object(*copied) == payload, "it is the same again");
    }
    storage::Object::release(stream_);
    stream_ = &copied->as<Stream>();
    stream_->verify();
  }

  static std::string name_of(uint8_t number) { return "name" + std::to_string(number % 5); }

  void change_group(uint8_t where, uint8_t which) {
    const std::string name = name_of(where);
    storage::stream::Group* group = stream_->groups().find(name);
    require_((group != nullptr) == groups_.contains(name), "a group is there or not");
    if (group == nullptr) {
      stream_->groups().add(name).last_id = {which, 0};
      groups_[name] = {};
    } else if (which % 8 == 0) {
      stream_->groups().remove(*group);
      groups_.erase(name);
    }
  }
  storage::stream::Group* some_group(uint8_t where) {
    if (groups_.empty()) return nullptr;
    return stream_->groups().find(std::next(groups_.begin(), where % groups_.size())->first);
  }
  void change_consumer(uint8_t where, uint8_t which) {
    storage::stream::Group* group = some_group(where);
    if (group == nullptr) return;
    GroupModel& model = groups_[std::string(group->name())];
    const std::string name = name_of(which);
    storage::stream::Consumer* consumer = group->find_consumer(name);
    require_((consumer != nullptr) == model.consumers.contains(name), "a consumer differs");
    if (consumer == nullptr) {
      group->add_consumer(name, which);
      model.consumers[name] = which;
    } else if (which % 7 == 0) {
      group->remove_consumer(*consumer);
      model.consumers.erase(name);
      std::erase_if(model.pending, [&](const auto& each) { return each.second.consumer == name; });
    }
  }
  void deliver(uint8_t where, uint8_t which) {
    storage::stream::Group* group = some_group(where);
    if (group == nullptr || group->consumers().is_empty()) return;
    GroupModel& model = groups_[std::string(group->name())];
    auto consumer = group->consumers().select(which % group->consumers().size());
    StreamId id = id_at(which);
    for (unsigned i = 0; i < where % 40u; ++i, ++id.seq) {
      group->set_pending(
          {.id = id, .delivered_ms = which, .deliveries = where, .consumer = *consumer});
      model.pending[id] = {std::string((*consumer)->name()), which, where};
    }
  }
  void acknowledge(uint8_t where, uint8_t which) {
    storage::stream::Group* group = some_group(where);
    if (group == nullptr) return;
    GroupModel& model = groups_[std::string(group->name())];
    StreamId id = id_at(which);
    for (unsigned i = 0; i < 20; ++i, ++id.seq) {
      require_(group->acknowledge(id) == (model.pending.erase(id) > 0), "acknowledging differs");
    }
  }

  static Texts texts_at(const Stream::Cursor& at) {
    Texts texts;
    at.for_each_text([&texts](const storage::listpack::Value& value) {
      storage::NumberText scratch;
      texts.emplace_back(value.bytes(scratch));
    });
    return texts;
  }
  void compare() const {
    require_(stream_->size() == entries_.size(), "the sizes differ");
    require_(stream_->last_id() == last_id_, "the last ids differ");
    require_(stream_->entries_added() == added_, "the numbers of entries added differ");
    auto expected = entries_.begin();
    for (Stream::Cursor at = stream_->first(); at; at.next(), ++expected) {
      require_(expected != entries_.end() && at.id() == expected->first, "an id differs");
      require_(at.fields() == expected->second.size() / 2, "the number of fields differs");
      require_(texts_at(at) == expected->second, "an entry differs");
    }
    require_(expected == entries_.end(), "the end is too early");
    auto reverse = entries_.rbegin();
    for (Stream::Cursor at = stream_->last(); at; at.previous(), ++reverse) {
      require_(at.id() == reverse->first, "an id differs, seen from the end");
    }
    require_(reverse == entries_.rend(), "the beginning is too early");
    compare_groups();
  }
  void compare_groups() const {
    require_(stream_->groups().all().size() == groups_.size(), "the numbers of groups differ");
    auto expected = groups_.begin();
    for (auto at = stream_->groups().all().first(); at; at.next(), ++expected) {
      const storage::stream::Group& group = **at;
      require_(group.name() == expected->first, "a group's name differs");
      std::map<StreamId, Delivery> pending;
      for (auto each = group.pending().first(); each; each.next()) {
        pending[each->id] = {std::string(each->consumer->name()), each->delivered_ms,
                             each->deliveries};
      }
      require_(pending == expected->second.pending, "what is pending differs");
      std::map<std::string, int64_t> consumers;
      for (auto each = group.consumers().first(); each; each.next()) {
        consumers[std::string((*each)->name())] = (*each)->seen_ms;
      }
      require_(consumers == expected->second.consumers, "the consumers differ");
    }
  }

  Require require_;
  Stream* stream_;
  std::map<StreamId, Texts> entries_;
  std::map<std::string, GroupModel> groups_;
  StreamId last_id_;
  uint64_t added_ = 0;
};

}  // namespace larder::testing
