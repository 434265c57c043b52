// Collections as plain texts, so that two nodes' can be compared and one's be given to the other.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/keyspace.h"
#include "storage/hash.h"
#include "storage/hash/hash_object.h"
#include "storage/list/list.h"
#include "storage/object.h"
#include "storage/rdb/dump.h"
#include "storage/set/set.h"
#include "storage/sorted_set/sorted_set.h"
#include "storage/stream/stream.h"

namespace larder::support {

inline std::string id_text(storage::StreamId id) {
  return std::to_string(id.ms) + "-" + std::to_string(id.seq);
}

// All but when consumers came by, which followers are not told.
inline std::vector<std::string> description_of(const storage::Stream& stream) {
  const auto number = [](auto value) { return " " + std::to_string(value); };
  std::vector<std::string> lines{"stream " + id_text(stream.last_id()) + " " +
                                 id_text(stream.first_id()) + " " +
                                 id_text(stream.max_deleted_id()) +
                                 number(stream.entries_added())};
  for (auto at = stream.first(); at; at.next()) {
    lines.push_back("entry " + id_text(at.id()));
    at.for_each_text([&lines](const storage::listpack::Value& value) {
      storage::NumberText scratch;
      lines.back().append(" ").append(value.bytes(scratch));
    });
  }
  for (auto at = stream.groups().all().first(); at; at.next()) {
    const storage::stream::Group& group = **at;
    const auto read = group.entries_read ? static_cast<int64_t>(*group.entries_read) : -1;
    lines.push_back("group " + std::string(group.name()) + " " + id_text(group.last_id) +
                    number(read));
    for (auto each = group.consumers().first(); each; each.next()) {
      lines.push_back("consumer " + std::string((*each)->name()) +
                      number((*each)->pending().size()));
    }
    for (auto each = group.pending().first(); each; each.next()) {
      lines.push_back("pending " + id_text(each->id) + " " + std::string(each->consumer->name()) +
                      number(each->delivered_ms) + number(each->deliveries));
    }
  }
  return lines;
}

// All that clients can see of it; in ascending order where it has none. Of a hash: each field, its
// value and its deadline.
inline std::vector<std::string> elements_of(const storage::Object& object) {
  std::vector<std::string> elements;
  storage::NumberText scratch;
  if (object.type() == storage::Type::list) {
    const storage::List& list = object.as<storage::List>();
    for (auto at = list.first(storage::End::front); at; at.next()) {
      elements.emplace_back(at.element().bytes(scratch));
    }
  } else if (object.type() == storage::Type::set) {
    object.as<storage::Set>().for_each(
        [&](const storage::Set::Member& member) { elements.emplace_back(member.bytes(scratch)); });
    std::sort(elements.begin(), elements.end());
  } else if (object.type() == storage::Type::sorted_set) {
    const storage::SortedSet& set = object.as<storage::SortedSet>();
    for (auto at = set.at(0); at; at.next()) {
      const storage::SortedSet::Member member = at.member();
      std::array<char, 32> score;
      const int size = std::snprintf(score.data(), score.size(), "%.17g", member.score);
      elements.emplace_back(member.bytes(scratch));
      elements.emplace_back(score.data(), static_cast<size_t>(size));
    }
  } else if (object.type() == storage::Type::stream) {
    elements = description_of(object.as<storage::Stream>());
  } else if (object.type() == storage::Type::hash) {
    std::map<std::string, std::pair<std::string, int64_t>> fields;
    object.as<storage::HashObject>().for_each([&](const storage::HashObject::Field& field) {
      storage::NumberText name;
      fields[std::string(field.name.bytes(name))] = {std::string(field.value.bytes(scratch)),
                                                     field.deadline_ms};
    });
    for (const auto& [name, field] : fields) {
      elements.insert(elements.end(), {name, field.first, std::to_string(field.second)});
    }
  }
  return elements;
}

// Gives a keyspace what an entry of another one holds.
inline void take_over(const storage::Entry& entry, unsigned database, server::Keyspace& keyspace) {
  const storage::Hash hash = keyspace.hasher()(entry.key());
  storage::Shard& shard = keyspace.shard(storage::shard_of(hash));
  if (!entry.is_object()) {
    storage::NumberText scratch;
    shard.set(database, entry.key(), hash, entry.text(scratch), entry.deadline_ms());
    return;
  }
  const std::string payload = storage::rdb::dump_object(entry.object());
  const std::string_view body = storage::rdb::verified_body(payload).value();
  storage::Object* object = storage::rdb::read_object_body(body, SIZE_MAX, keyspace.hasher());
  if (object == nullptr) throw std::runtime_error("DUMP wrote what cannot be read");
  shard.insert_object(database, entry.key(), hash, object, entry.deadline_ms());
}

}  // namespace larder::support
