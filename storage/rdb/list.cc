#include "storage/rdb/list.h"

#include "storage/rdb/string.h"
#include "storage/rdb/writer.h"
#include "storage/rdb/ziplist.h"

namespace larder::storage::rdb {
namespace {

enum class Container : uint64_t { element = 1, listpack = 2 };

void append_node(Container container, std::string_view bytes, std::string& out) {
  append_length(static_cast<uint64_t>(container), out);
  append_string(bytes, out);
}

void append_listpack_node(std::string_view entries, size_t count, std::string& out) {
  std::string listpack;
  listpack::append_listpack(entries, count, listpack);
  append_node(Container::listpack, listpack, out);
}

// Reads one of the strings a list of this type consists of, with all elements in it.
bool read_part(ValueType type, Reader& reader, uint64_t max_bytes, std::string& scratch,
               List& list) {
  Container container = Container::element;
  if (type == ValueType::list_quicklist_2) {
    const std::optional<uint64_t> number = reader.plain_length();
    if (!number || (*number != 1 && *number != 2)) return false;
    container = Container(*number);
  }
  const std::optional<std::string_view> bytes = read_string(reader, max_bytes, scratch);
  if (!bytes) return false;
  const auto add = [&list](const listpack::Value& value) {
    NumberText number;
    list.push(End::back, value.bytes(number));
  };
  if (type == ValueType::list_ziplist || type == ValueType::list_quicklist) {
    return read_ziplist(*bytes, add);
  }
  if (container == Container::listpack) return listpack::read(*bytes, add);
  list.push(End::back, *bytes);
  return true;
}

}  // namespace

void append_list(const List& list, std::string& out) {
  size_t nodes = 0;
  list.for_each_node([&](std::string_view, size_t) { ++nodes; },
                     [&](std::string_view) { ++nodes; });
  append_length(nodes, out);
  list.for_each_node(
      [&](std::string_view entries, size_t count) { append_listpack_node(entries, count, out); },
      [&](std::string_view text) {
        if (text.size() >= listpack::kMaxText) return append_node(Container::element, text, out);
        const listpack::NewEntry entry(text);
        std::string bytes(entry.size(), '\0');
        entry.write(bytes.data());
        append_listpack_node(bytes, 1, out);
      });
}

List* read_list(ValueType type, Reader& reader, uint64_t max_bytes) {
  std::optional<uint64_t> parts = 1;
  if (type != ValueType::list_ziplist) parts = reader.plain_length();
  if (!parts) return nullptr;
  List* list = List::create();
  std::string scratch;
  bool is_sound = true;
  for (uint64_t left = *parts; left > 0 && is_sound; --left) {
    is_sound = read_part(type, reader, max_bytes, scratch, *list);
  }
  if (is_sound && !list->is_empty()) return list;
  Object::release(list);
  return nullptr;
}

}  // namespace larder::storage::rdb
