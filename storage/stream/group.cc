#include "storage/stream/group.h"

#include <cstring>
#include <new>

#include "storage/check.h"
#include "storage/memory.h"
#include "storage/size_class.h"

namespace larder::storage::stream {
namespace {

template <typename Named>
size_t bytes_with_name(size_t name_size) {
  return round_to_class(sizeof(Named) + name_size);
}

void copy_name(void* behind, std::string_view name) {
  if (!name.empty()) std::memcpy(behind, name.data(), name.size());
}

}  // namespace

// ---- consumers ----------------------------------------------------------------------------------

Consumer* Group::find_consumer(std::string_view name) const {
  return ByName<Consumer>::find(consumers_, name);
}

Consumer& Group::add_consumer(std::string_view name, int64_t seen_ms) {
  const size_t bytes = bytes_with_name<Consumer>(name.size());
  auto* consumer = new (take_memory(bytes)) Consumer(name.size());
  copy_name(consumer + 1, name);
  consumer->seen_ms = seen_ms;
  *bytes_ += bytes;
  count(consumers_, [consumer](Consumers& tree) { tree.insert(consumer); });
  return *consumer;
}

void Group::free_consumer(Consumer* consumer) {
  consumer->~Consumer();
  free_memory(consumer);
}

void Group::remove_consumer(Consumer& consumer) {
  count(pending_, [&consumer](PendingTree& tree) {
    for (auto at = consumer.pending_.first(); at; at.next()) tree.erase({.id = *at});
  });
  count(consumers_, [&consumer](Consumers& tree) { tree.erase(&consumer); });
  *bytes_ -= consumer.pending_.bytes() + bytes_with_name<Consumer>(consumer.name_size_);
  free_consumer(&consumer);
}

// ---- what is pending ----------------------------------------------------------------------------

Group::PendingTree::Cursor Group::pending_from(StreamId id) const {
  return pending_.lower_bound({.id = id});
}

const Pending* Group::find_pending(StreamId id) const {
  const auto at = pending_from(id);
  return at && at->id == id ? &*at : nullptr;
}

void Group::set_pending(const Pending& pending) {
  Consumer& owner = *pending.consumer;
  const auto at = pending_from(pending.id);
  if (at && at->id == pending.id) {
    Pending& known = pending_.at(at);
    Consumer& before = *known.consumer;
    known = pending;
    if (&before == &owner) return;
    count(before.pending_, [&](Consumer::Ids& ids) { ids.erase(pending.id); });
  } else {
    count(pending_, [&](PendingTree& tree) { tree.insert(pending); });
  }
  count(owner.pending_, [&](Consumer::Ids& ids) { ids.insert(pending.id); });
}

bool Group::acknowledge(StreamId id) {
  const Pending* pending = find_pending(id);
  if (pending == nullptr) return false;
  count(pending->consumer->pending_, [id](Consumer::Ids& ids) { ids.erase(id); });
  count(pending_, [id](PendingTree& tree) { tree.erase({.id = id}); });
  return true;
}

// ---- memory -------------------------------------------------------------------------------------

Group* Group::create(std::string_view name, size_t* bytes) {
  const size_t size = bytes_with_name<Group>(name.size());
  auto* group = new (take_memory(size)) Group(bytes, name.size());
  copy_name(group + 1, name);
  *bytes += size;
  return group;
}

size_t Group::release_slice(Group*& group, size_t most) {
  size_t released = group->pending_.release_slice(most);
  while (released < most && !group->consumers_.is_empty()) {
    Consumer* consumer = *group->consumers_.last();
    released += consumer->pending_.release_slice(most - released);
    if (released >= most) return released;
    group->consumers_.erase_at(group->consumers_.size() - 1, 1);
    free_consumer(consumer);
    ++released;
  }
  if (released >= most) return released;
  group->~Group();
  free_memory(group);
  group = nullptr;
  return released + 1;
}

size_t Group::counted_bytes() const {
  size_t bytes = bytes_with_name<Group>(name_size_) + pending_.bytes() + consumers_.bytes();
  for (auto at = consumers_.first(); at; at.next()) {
    bytes += bytes_with_name<Consumer>((*at)->name_size_) + (*at)->pending_.bytes();
  }
  return bytes;
}

void Group::verify() const {
  pending_.verify();
  consumers_.verify();
  size_t owned = 0;
  for (auto at = consumers_.first(); at; at.next()) {
    const Consumer& consumer = **at;
    consumer.pending_.verify();
    owned += consumer.pending_.size();
    for (auto id = consumer.pending_.first(); id; id.next()) {
      const Pending* pending = find_pending(*id);
      check(pending != nullptr && pending->consumer == &consumer,
            "what a consumer has pending its group has pending with it");
    }
  }
  check(owned == pending_.size(), "each pending entry is one consumer's");
}

// ---- all groups ---------------------------------------------------------------------------------

Group& GroupSet::add(std::string_view name) {
  Group* group = Group::create(name, &bytes_);
  const size_t before = groups_.bytes();
  groups_.insert(group);
  bytes_ += groups_.bytes() - before;
  return *group;
}

void GroupSet::remove(Group& group) {
  bytes_ -= group.counted_bytes();
  const size_t before = groups_.bytes();
  groups_.erase(&group);
  bytes_ += groups_.bytes() - before;
  Group* rest = &group;
  while (rest != nullptr) Group::release_slice(rest, SIZE_MAX);
}

void GroupSet::copy(const GroupSet& other) {
  for (auto at = other.groups_.first(); at; at.next()) {
    const Group& original = **at;
    Group& group = add(original.name());
    group.last_id = original.last_id;
    group.entries_read = original.entries_read;
    for (auto each = original.consumers_.first(); each; each.next()) {
      Consumer& consumer = group.add_consumer((*each)->name(), (*each)->seen_ms);
      consumer.active_ms = (*each)->active_ms;
    }
    for (auto each = original.pending_.first(); each; each.next()) {
      Pending pending = *each;
      pending.consumer = group.find_consumer(each->consumer->name());
      group.set_pending(pending);
    }
  }
}

size_t GroupSet::release_slice(size_t most) {
  size_t released = 0;
  while (released < most && !groups_.is_empty()) {
    Group* group = *groups_.last();
    const size_t last = groups_.size() - 1;
    Group* rest = group;
    released += Group::release_slice(rest, most - released);
    if (rest == nullptr) groups_.erase_at(last, 1);
  }
  if (groups_.is_empty()) bytes_ = 0;
  return released;
}

void GroupSet::verify() const {
  groups_.verify();
  size_t bytes = groups_.bytes();
  for (auto at = groups_.first(); at; at.next()) {
    (*at)->verify();
    bytes += (*at)->counted_bytes();
  }
  check(bytes == bytes_, "groups count their bytes");
}

}  // namespace larder::storage::stream
