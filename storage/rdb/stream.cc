#include "storage/rdb/stream.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <vector>

#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"

namespace larder::storage::rdb {
namespace {

using stream::Consumer;
using stream::Group;
using stream::Pending;

constexpr uint64_t kUnknownEntriesRead = std::numeric_limits<uint64_t>::max();
constexpr size_t kIdBytes = 16;
constexpr unsigned kTimeBytes = 8;

// ---- writing ------------------------------------------------------------------------------------

void append_id(StreamId id, std::string& out) {
  append_length(id.ms, out);
  append_length(id.seq, out);
}

void append_raw_id(StreamId id, std::string& out) {
  for (const uint64_t part : {id.ms, id.seq}) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(part >> shift & 0xff);
  }
}

void append_time(int64_t ms, std::string& out) {
  append_little_endian(static_cast<uint64_t>(ms), kTimeBytes, out);
}

void append_group(const Group& group, std::string& out) {
  append_string(group.name(), out);
  append_id(group.last_id, out);
  append_length(group.entries_read.value_or(kUnknownEntriesRead), out);
  append_length(group.pending().size(), out);
  for (auto at = group.pending().first(); at; at.next()) {
    append_raw_id(at->id, out);
    append_time(at->delivered_ms, out);
    append_length(at->deliveries, out);
  }
  append_length(group.consumers().size(), out);
  for (auto each = group.consumers().first(); each; each.next()) {
    const Consumer& consumer = **each;
    append_string(consumer.name(), out);
    append_time(consumer.seen_ms, out);
    append_length(consumer.pending().size(), out);
    for (auto at = consumer.pending().first(); at; at.next()) append_raw_id(*at, out);
  }
}

// ---- reading ------------------------------------------------------------------------------------

std::optional<StreamId> id_of(std::optional<std::string_view> bytes) {
  if (!bytes || bytes->size() != kIdBytes) return std::nullopt;
  uint64_t parts[2] = {0, 0};
  for (size_t i = 0; i < kIdBytes; ++i) {
    parts[i / 8] = parts[i / 8] << 8 | static_cast<uint8_t>((*bytes)[i]);
  }
  return StreamId{parts[0], parts[1]};
}

std::optional<StreamId> read_id(Reader& reader) {
  const std::optional<uint64_t> ms = reader.plain_length();
  if (!ms) return std::nullopt;
  const std::optional<uint64_t> seq = reader.plain_length();
  if (!seq) return std::nullopt;
  return StreamId{*ms, *seq};
}

// Makes the bytes of a node of what its listpack says, value by value.
class NodeReader {
 public:
  explicit NodeReader(StreamId first_id, std::optional<StreamId> before)
      : first_id_(first_id), last_id_(before) {}

  void add(const listpack::Value& value) {
    if (is_sound_) is_sound_ = take(value);
  }
  // The node, if it was one.
  std::optional<Stream::NodeParts> finish() const {
    const bool is_whole = is_sound_ && next_ == Next::flags && live_ + deleted_ > 0 &&
                          live_ == said_live_ && deleted_ == said_deleted_ &&
                          bytes_.size() <= stream::kMostNodeBytes;
    if (!is_whole) return std::nullopt;
    return Stream::NodeParts{.first_id = first_id_,
                             .last_id = *last_id_,
                             .bytes = bytes_,
                             .live = live_,
                             .deleted = deleted_,
                             .fields = master_fields_,
                             .master_bytes = master_bytes_};
  }

 private:
  enum class Next : uint8_t {
    live,
    deleted,
    master_fields,
    master_field,
    master_end,
    flags,
    ms,
    seq,
    fields,
    text,
    count
  };

  bool take(const listpack::Value& value) {
    if (next_ == Next::master_field || next_ == Next::text) return take_text(value);
    if (!value.is_integer) return false;
    const int64_t number = value.integer;
    if (next_ > Next::deleted) append(listpack::NewEntry(number));
    switch (next_) {
      case Next::live:
        next_ = Next::deleted;
        return take_count(number, said_live_);
      case Next::deleted:
        next_ = Next::master_fields;
        return take_count(number, said_deleted_);
      case Next::master_fields:
        texts_left_ = static_cast<uint64_t>(number);
        next_ = texts_left_ > 0 ? Next::master_field : Next::master_end;
        return take_count(number, master_fields_);
      case Next::master_end:
        master_bytes_ = static_cast<uint32_t>(bytes_.size());
        next_ = Next::flags;
        return number == 0;
      case Next::flags:
        is_deleted_ = (number & 1) != 0;
        has_master_fields_ = (number & 2) != 0;
        next_ = Next::ms;
        return number >= 0 && number <= 3;
      case Next::ms:
        id_.ms = first_id_.ms + static_cast<uint64_t>(number);
        next_ = Next::seq;
        return true;
      case Next::seq:
        id_.seq = first_id_.seq + static_cast<uint64_t>(number);
        return take_id();
      case Next::fields:
        return take_count(number, fields_) && begin_texts(2 * uint64_t{fields_});
      case Next::count:
        return take_end(static_cast<uint64_t>(number));
      case Next::master_field:
      case Next::text:
        break;
    }
    return false;
  }

  bool take_text(const listpack::Value& value) {
    if (!value.is_integer && value.text.size() > listpack::kMaxText) return false;
    append(value.is_integer ? listpack::NewEntry(value.integer) : listpack::NewEntry(value.text));
    if (--texts_left_ == 0) {
      next_ = next_ == Next::master_field ? Next::master_end : Next::count;
    }
    return true;
  }
  static bool take_count(int64_t number, uint32_t& count) {
    count = static_cast<uint32_t>(number);
    return number >= 0 && number <= std::numeric_limits<int32_t>::max();
  }
  bool take_id() {
    const bool is_first = live_ + deleted_ == 0;
    if (is_first ? id_ != first_id_ : false) return false;
    if (last_id_ && *last_id_ >= id_) return false;
    last_id_ = id_;
    fields_ = master_fields_;
    if (has_master_fields_) return begin_texts(fields_);
    next_ = Next::fields;
    return true;
  }
  bool begin_texts(uint64_t count) {
    texts_left_ = count;
    next_ = count > 0 ? Next::text : Next::count;
    return true;
  }
  bool take_end(uint64_t count) {
    ++(is_deleted_ ? deleted_ : live_);
    next_ = Next::flags;
    return count == (has_master_fields_ ? 3 + uint64_t{fields_} : 4 + 2 * uint64_t{fields_});
  }
  void append(const listpack::NewEntry& entry) {
    bytes_.resize(bytes_.size() + entry.size());
    entry.write(bytes_.data() + bytes_.size() - entry.size());
  }

  const StreamId first_id_;
  std::optional<StreamId> last_id_;  // of the entry before
  bool is_sound_ = true;
  Next next_ = Next::live;
  std::string bytes_;
  uint32_t said_live_ = 0;
  uint32_t said_deleted_ = 0;
  uint32_t live_ = 0;
  uint32_t deleted_ = 0;
  uint32_t master_fields_ = 0;
  uint32_t master_bytes_ = 0;
  // Of the entry that is being read.
  StreamId id_;
  bool is_deleted_ = false;
  bool has_master_fields_ = false;
  uint32_t fields_ = 0;
  uint64_t texts_left_ = 0;
};

class StreamReader {
 public:
  StreamReader(ValueType type, Reader& reader, uint64_t max_bytes, Stream& stream)
      : type_(type), reader_(reader), max_bytes_(max_bytes), stream_(stream) {}

  bool read() {
    const std::optional<uint64_t> nodes = reader_.plain_length();
    if (!nodes) return false;
    for (uint64_t left = *nodes; left > 0; --left) {
      if (!read_node()) return false;
    }
    if (!read_figures()) return false;
    const std::optional<uint64_t> groups = reader_.plain_length();
    if (!groups) return false;
    for (uint64_t left = *groups; left > 0; --left) {
      if (!read_group()) return false;
    }
    return true;
  }

 private:
  bool read_node() {
    const std::optional<StreamId> first_id =
        id_of(read_string(reader_, max_bytes_, scratch_));
    if (!first_id) return false;
    const std::optional<std::string_view> listpack = read_string(reader_, max_bytes_, scratch_);
    if (!listpack) return false;
    NodeReader node(*first_id, last_entry_id_);
    if (!listpack::read(*listpack, [&node](const listpack::Value& value) { node.add(value); })) {
      return false;
    }
    const std::optional<Stream::NodeParts> parts = node.finish();
    if (!parts) return false;
    stream_.append_node(*parts);
    last_entry_id_ = parts->last_id;
    return true;
  }

  bool read_figures() {
    const std::optional<uint64_t> length = reader_.plain_length();
    if (!length || *length != stream_.size()) return false;
    const std::optional<StreamId> last_id = read_id(reader_);
    if (!last_id || (last_entry_id_ && *last_id < *last_entry_id_)) return false;
    stream_.set_last_id(*last_id);
    stream_.set_entries_added(*length);
    if (type_ == ValueType::stream_listpacks) return true;
    const std::optional<StreamId> first_id = read_id(reader_);
    if (!first_id) return false;
    const std::optional<StreamId> max_deleted_id = read_id(reader_);
    if (!max_deleted_id) return false;
    const std::optional<uint64_t> entries_added = reader_.plain_length();
    if (!entries_added) return false;
    stream_.set_max_deleted_id(*max_deleted_id);
    stream_.set_entries_added(*entries_added);
    return true;
  }

  bool read_group() {
    const std::optional<std::string_view> name = read_string(reader_, max_bytes_, scratch_);
    if (!name || stream_.groups().find(*name) != nullptr) return false;
    Group& group = stream_.groups().add(*name);
    const std::optional<StreamId> last_id = read_id(reader_);
    if (!last_id) return false;
    group.last_id = *last_id;
    group.entries_read = stream_.entries_up_to(*last_id);
    if (type_ != ValueType::stream_listpacks) {
      const std::optional<uint64_t> entries_read = reader_.plain_length();
      if (!entries_read) return false;
      group.entries_read = entries_read;
      if (*entries_read == kUnknownEntriesRead) group.entries_read.reset();
    }
    std::vector<Pending> pending;
    if (!read_pending(pending)) return false;
    const std::optional<uint64_t> consumers = reader_.plain_length();
    if (!consumers) return false;
    for (uint64_t left = *consumers; left > 0; --left) {
      if (!read_consumer(group, pending)) return false;
    }
    return group.pending().size() == pending.size();
  }

  bool read_pending(std::vector<Pending>& pending) {
    const std::optional<uint64_t> count = reader_.plain_length();
    if (!count) return false;
    for (uint64_t left = *count; left > 0; --left) {
      const std::optional<StreamId> id = id_of(reader_.take(kIdBytes));
      if (!id || (!pending.empty() && *id <= pending.back().id)) return false;
      const std::optional<int64_t> delivered_ms = reader_.signed_integer(kTimeBytes);
      if (!delivered_ms) return false;
      const std::optional<uint64_t> deliveries = reader_.plain_length();
      if (!deliveries) return false;
      pending.push_back({.id = *id, .delivered_ms = *delivered_ms, .deliveries = *deliveries});
    }
    return true;
  }

  // Those of the group's pending entries that it lists become its own.
  bool read_consumer(Group& group, std::vector<Pending>& pending) {
    const std::optional<std::string_view> name = read_string(reader_, max_bytes_, scratch_);
    if (!name || group.find_consumer(*name) != nullptr) return false;
    Consumer& consumer = group.add_consumer(*name, 0);
    const std::optional<int64_t> seen_ms = reader_.signed_integer(kTimeBytes);
    if (!seen_ms) return false;
    std::optional<int64_t> active_ms = seen_ms;
    if (type_ == ValueType::stream_listpacks_3) active_ms = reader_.signed_integer(kTimeBytes);
    if (!active_ms) return false;
    consumer.seen_ms = *seen_ms;
    consumer.active_ms = *active_ms;
    const std::optional<uint64_t> count = reader_.plain_length();
    if (!count) return false;
    for (uint64_t left = *count; left > 0; --left) {
      const std::optional<StreamId> id = id_of(reader_.take(kIdBytes));
      if (!id) return false;
      const auto at = std::lower_bound(
          pending.begin(), pending.end(), *id,
          [](const Pending& each, const StreamId& sought) { return each.id < sought; });
      if (at == pending.end() || at->id != *id || at->consumer != nullptr) return false;
      at->consumer = &consumer;
      group.set_pending(*at);
    }
    return true;
  }

  const ValueType type_;
  Reader& reader_;
  const uint64_t max_bytes_;
  Stream& stream_;
  std::optional<StreamId> last_entry_id_;
  std::string scratch_;
};

}  // namespace

void append_stream(const Stream& stream, std::string& out) {
  append_length(stream.node_count(), out);
  stream.for_each_node([&out](StreamId first_id, const stream::Node& node) {
    std::string bytes;
    append_raw_id(first_id, bytes);
    append_string(bytes, out);
    bytes.clear();
    stream::append_packed(node, first_id, bytes);
    append_string(bytes, out);
  });
  append_length(stream.size(), out);
  append_id(stream.last_id(), out);
  append_id(stream.first_id(), out);
  append_id(stream.max_deleted_id(), out);
  append_length(stream.entries_added(), out);
  append_length(stream.groups().all().size(), out);
  for (auto at = stream.groups().all().first(); at; at.next()) append_group(**at, out);
}

Stream* read_stream(ValueType type, Reader& reader, uint64_t max_bytes) {
  Stream* stream = Stream::create();
  if (StreamReader(type, reader, max_bytes, *stream).read()) return stream;
  Object::release(stream);
  return nullptr;
}

}  // namespace larder::storage::rdb
