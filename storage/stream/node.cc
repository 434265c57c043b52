#include "storage/stream/node.h"

#include <string>

#include "storage/check.h"

namespace larder::storage::stream {
namespace {

using listpack::NewEntry;

constexpr int64_t kDeleted = 1;
constexpr int64_t kMasterFields = 2;
// The listpack entries that every entry has before its values: flags, ms, seq.
constexpr size_t kFixed = 3;
// Around the entries of a listpack.
constexpr size_t kListpackFrame = 7;

int64_t integer_at(const char* at) { return listpack::value_of(at).integer; }

// ---- writing: the same steps measure and write --------------------------------------------------

class Measure {
 public:
  void add(const NewEntry& entry) { bytes_ += entry.size(); }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  void add(const NewEntry& entry) {
    entry.write(at_);
    at_ += entry.size();
  }
  const char* at() const { return at_; }

 private:
  char* at_;
};

template <typename Sink>
void add_integer(Sink& sink, uint64_t integer) {
  sink.add(NewEntry(static_cast<int64_t>(integer)));
}

template <typename Sink>
void add_master(Sink& sink, Fields fields) {
  add_integer(sink, fields.size() / 2);
  for (size_t i = 0; i < fields.size(); i += 2) sink.add(NewEntry(fields[i]));
  add_integer(sink, 0);
}

template <typename Sink>
void add_entry(Sink& sink, StreamId first_id, StreamId id, Fields fields, bool has_master_fields) {
  const size_t count = fields.size() / 2;
  add_integer(sink, has_master_fields ? kMasterFields : 0);
  add_integer(sink, id.ms - first_id.ms);
  add_integer(sink, id.seq - first_id.seq);
  if (has_master_fields) {
    for (size_t i = 1; i < fields.size(); i += 2) sink.add(NewEntry(fields[i]));
    return add_integer(sink, kFixed + count);
  }
  add_integer(sink, count);
  for (const std::string_view text : fields) sink.add(NewEntry(text));
  add_integer(sink, kFixed + 1 + 2 * count);
}

}  // namespace

size_t Node::listpack_bytes() const {
  return kListpackFrame + NewEntry(int64_t{live}).size() + NewEntry(int64_t{deleted}).size() + used;
}

PackedEntry read_entry(const Node& node, StreamId first_id, const char* at) {
  PackedEntry entry;
  entry.at = at;
  const int64_t flags = integer_at(at);
  const char* const ms = listpack::next(at);
  const char* const seq = listpack::next(ms);
  entry.id.ms = first_id.ms + static_cast<uint64_t>(integer_at(ms));
  entry.id.seq = first_id.seq + static_cast<uint64_t>(integer_at(seq));
  entry.is_deleted = (flags & kDeleted) != 0;
  entry.has_master_fields = (flags & kMasterFields) != 0;
  entry.values = listpack::next(seq);
  entry.fields = node.fields;
  if (!entry.has_master_fields) {
    entry.fields = static_cast<uint32_t>(integer_at(entry.values));
    entry.values = listpack::next(entry.values);
  }
  return entry;
}

const char* behind(const PackedEntry& entry) {
  const char* at = entry.values;
  // The count of the entry is one more.
  for (uint32_t left = entry.fields * (entry.has_master_fields ? 1 : 2) + 1; left > 0; --left) {
    at = listpack::next(at);
  }
  return at;
}

const char* before(const char* end) {
  const char* at = listpack::previous(end);
  for (int64_t left = integer_at(at); left > 0; --left) at = listpack::previous(at);
  return at;
}

size_t master_bytes_of(Fields fields) {
  Measure measure;
  add_master(measure, fields);
  return measure.bytes();
}

size_t entry_bytes_of(StreamId first_id, StreamId id, Fields fields, bool has_master_fields) {
  Measure measure;
  add_entry(measure, first_id, id, fields, has_master_fields);
  return measure.bytes();
}

bool has_master_fields(const Node& node, Fields fields) {
  if (fields.size() != size_t{node.fields} * 2) return false;
  const char* at = listpack::next(node.bytes());
  for (size_t i = 0; i < fields.size(); i += 2) {
    if (!NewEntry(fields[i]).is_at(at)) return false;
    at = listpack::next(at);
  }
  return true;
}

void write_master(Node& node, Fields fields) {
  Writer writer(node.bytes());
  add_master(writer, fields);
  node.used = node.master_bytes = static_cast<uint32_t>(writer.at() - node.bytes());
  node.fields = static_cast<uint32_t>(fields.size() / 2);
}

void write_entry(Node& node, StreamId first_id, StreamId id, Fields fields,
                 bool has_master_fields) {
  Writer writer(node.bytes() + node.used);
  add_entry(writer, first_id, id, fields, has_master_fields);
  node.used = static_cast<uint32_t>(writer.at() - node.bytes());
  ++node.live;
}

void mark_deleted(Node& node, const PackedEntry& entry) {
  check(!entry.is_deleted && node.live > 0, "an entry is deleted once");
  const int64_t flags = kDeleted | (entry.has_master_fields ? kMasterFields : 0);
  NewEntry(flags).write(node.bytes() + (entry.at - node.bytes()));
  --node.live;
  ++node.deleted;
}

void append_packed(const Node& node, StreamId first_id, std::string& out) {
  std::string head;
  size_t count = 2 + 1 + size_t{node.fields} + 1;
  for (const int64_t number : {int64_t{node.live}, int64_t{node.deleted}}) {
    const NewEntry entry(number);
    head.resize(head.size() + entry.size());
    entry.write(head.data() + head.size() - entry.size());
  }
  for (const char* at = node.first(); at != node.end();) {
    const PackedEntry entry = read_entry(node, first_id, at);
    count += kFixed + 1 +
             (entry.has_master_fields ? size_t{entry.fields} : 1 + 2 * size_t{entry.fields});
    at = behind(entry);
  }
  head.append(node.bytes(), node.used);
  listpack::append_listpack(head, count, out);
}

}  // namespace larder::storage::stream
