// Payloads of RESTORE from anybody: the codec against a slow reader that follows the grammar of
// storage/rdb/format.h, and against itself.
//
// Input: one byte that chooses the longest text allowed, then a body without its footer. The same
// bytes serve as a whole payload and as a text to be written.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/hash/hash_object.h"
#include "storage/list/list.h"
#include "storage/rdb/dump.h"
#include "storage/set/set.h"
#include "storage/sorted_set/sorted_set.h"

namespace {

namespace rdb = larder::storage::rdb;

void require(bool holds) {
  if (!holds) std::abort();
}

// Takes what stands before it; remembers whether something was missing.
class SlowReader {
 public:
  explicit SlowReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && at_ == bytes_.size(); }

  unsigned byte() {
    if (at_ == bytes_.size()) ok_ = false;
    return ok_ ? static_cast<unsigned char>(bytes_[at_++]) : 0;
  }
  uint64_t number(unsigned width, bool high_first) {
    uint64_t value = 0;
    for (unsigned at = 0; at < width; ++at) {
      const uint64_t next = byte();
      value = high_first ? value * 256 + next : value + (next << (8 * at));
    }
    return value;
  }
  uint64_t length(unsigned first) {
    if (first < 64) return first;
    if (first < 128) return (first - 64) * 256 + byte();
    if (first == 128) return number(4, true);
    if (first == 129) return number(8, true);
    ok_ = false;
    return 0;
  }
  std::string text(uint64_t count) {
    std::string taken;
    for (; ok_ && count > 0; --count) taken += static_cast<char>(byte());
    return taken;
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

// control < 32: that many bytes and one more as they are; else its high three bits (7: and the next
// byte) are a length, its low five and the next byte a distance back.
std::optional<std::string> slow_unpack(const std::string& packed, uint64_t most) {
  std::string text;
  SlowReader reader(packed);
  while (!reader.at_end()) {
    const unsigned control = reader.byte();
    if (control < 32) {
      text += reader.text(control + 1);
    } else {
      unsigned count = control / 32 + 2;
      if (control / 32 == 7) count += reader.byte();
      const size_t back = (control % 32) * 256 + reader.byte() + 1;
      if (!reader.ok() || back > text.size()) return std::nullopt;
      for (; count > 0; --count) text += text[text.size() - back];
    }
    if (!reader.ok() || text.size() > most) return std::nullopt;
  }
  return text;
}

std::optional<std::string> slow_string(SlowReader& reader, uint64_t max_bytes) {
  const unsigned first = reader.byte();
  switch (first) {
    case 0xc0:
      return std::to_string(static_cast<int8_t>(reader.number(1, false)));
    case 0xc1:
      return std::to_string(static_cast<int16_t>(reader.number(2, false)));
    case 0xc2:
      return std::to_string(static_cast<int32_t>(reader.number(4, false)));
    case 0xc3: {
      const uint64_t packed_length = reader.length(reader.byte());
      const uint64_t length = reader.length(reader.byte());
      const std::string packed = reader.text(packed_length);
      if (!reader.ok() || packed.empty() || length > max_bytes) return std::nullopt;
      const std::optional<std::string> text = slow_unpack(packed, length);
      if (!text || text->size() != length) return std::nullopt;
      return text;
    }
    default:
      return reader.text(reader.length(first));
  }
}

std::optional<std::string> slow_body(std::string_view body, uint64_t max_bytes) {
  SlowReader reader(body);
  if (reader.byte() != 0) return std::nullopt;
  const std::optional<std::string> text = slow_string(reader, max_bytes);
  if (!text || !reader.at_end() || text->size() > max_bytes) return std::nullopt;
  return text;
}

// ---- lists --------------------------------------------------------------------------------------

using Elements = std::vector<std::string>;

std::string signed_text(uint64_t value, unsigned bits) {
  const uint64_t sign = uint64_t{1} << (bits - 1);
  return std::to_string(static_cast<int64_t>((value ^ sign) - sign));
}

bool slow_listpack(const std::string& bytes, Elements& elements) {
  SlowReader reader(bytes);
  if (reader.number(4, false) != bytes.size()) return false;
  const uint64_t said = reader.number(2, false);
  uint64_t count = 0;
  for (;; ++count) {
    const unsigned first = reader.byte();
    if (!reader.ok()) return false;
    if (first == 0xff) break;
    uint64_t length = 1;  // of the data
    std::string text;
    const auto integer = [&](unsigned width) {
      text = signed_text(reader.number(width, false), 8 * width);
      length += width;
    };
    const auto plain = [&](uint64_t more, uint64_t size) {
      text = reader.text(size);
      length += more + size;
    };
    if (first < 0x80) {
      text = std::to_string(first);
    } else if (first < 0xc0) {
      plain(0, first - 0x80);
    } else if (first < 0xe0) {
      text = signed_text((first - 0xc0) * 256 + reader.byte(), 13);
      length += 1;
    } else if (first < 0xf0) {
      const unsigned low = reader.byte();
      plain(1, (first - 0xe0) * 256 + low);
    } else if (first == 0xf0) {
      const uint64_t size = reader.number(4, false);
      plain(4, size);
    } else if (first <= 0xf4) {
      constexpr unsigned kWidths[] = {2, 3, 4, 8};
      integer(kWidths[first - 0xf1]);
    } else {
      return false;
    }
    const unsigned behind = length < 128           ? 1
                            : length < 16'383      ? 2
                            : length < 2'097'151   ? 3
                            : length < 268'435'455 ? 4
                                                   : 5;
    for (unsigned at = 0; at < behind; ++at) {
      const uint64_t part = length >> (7 * (behind - 1 - at)) & 127;
      if (reader.byte() != part + (at == 0 ? 0 : 128)) return false;
    }
    if (!reader.ok()) return false;
    elements.push_back(text);
  }
  return reader.at_end() && (said == 0xffff || said == count);
}

bool slow_ziplist(const std::string& bytes, Elements& elements) {
  SlowReader reader(bytes);
  if (reader.number(4, false) != bytes.size()) return false;
  const uint64_t last = reader.number(4, false);
  const uint64_t said = reader.number(2, false);
  uint64_t at = 10;
  uint64_t before = 0;
  uint64_t count = 0;
  for (;; ++count) {
    uint64_t back = reader.byte();
    if (!reader.ok()) return false;
    if (back == 255) break;
    uint64_t length = 2;  // of the entry
    if (back == 254) {
      back = reader.number(4, false);
      length += 4;
    }
    if (back != before) return false;
    const unsigned first = reader.byte();
    std::string text;
    uint64_t size = 0;
    if (first < 64) {
      text = reader.text(size = first);
    } else if (first < 128) {
      text = reader.text(size = (first - 64) * 256 + reader.byte());
      length += 1;
    } else if (first == 0x80) {
      text = reader.text(size = reader.number(4, true));
      length += 4;
    } else if (first > 0xf0 && first < 0xfe) {
      text = std::to_string(first - 0xf1);
    } else {
      const unsigned width = first == 0xc0   ? 2
                             : first == 0xd0 ? 4
                             : first == 0xe0 ? 8
                             : first == 0xf0 ? 3
                             : first == 0xfe ? 1
                                             : 0;
      if (width == 0) return false;
      text = signed_text(reader.number(width, false), 8 * width);
      length += width;
    }
    if (!reader.ok()) return false;
    elements.push_back(text);
    before = length + size;
    at += before;
  }
  return reader.at_end() && last == at - before && (said == 0xffff || said == count);
}

std::optional<Elements> slow_list(std::string_view body, uint64_t max_bytes) {
  SlowReader reader(body);
  const unsigned type = reader.byte();
  if (type != 1 && type != 10 && type != 14 && type != 18) return std::nullopt;
  uint64_t parts = type == 10 ? 1 : reader.length(reader.byte());
  Elements elements;
  for (; reader.ok() && parts > 0; --parts) {
    const uint64_t container = type == 18 ? reader.length(reader.byte()) : 1;
    const std::optional<std::string> part = slow_string(reader, max_bytes);
    if (!reader.ok() || !part || part->size() > max_bytes) return std::nullopt;
    if (type == 10 || type == 14) {
      if (!slow_ziplist(*part, elements)) return std::nullopt;
    } else if (container == 2) {
      if (!slow_listpack(*part, elements)) return std::nullopt;
    } else if (container == 1) {
      elements.push_back(*part);
    } else {
      return std::nullopt;
    }
  }
  if (!reader.at_end() || elements.empty()) return std::nullopt;
  return elements;
}

// ---- sets ---------------------------------------------------------------------------------------

bool slow_intset(const std::string& bytes, Elements& elements) {
  SlowReader reader(bytes);
  const uint64_t width = reader.number(4, false);
  const uint64_t count = reader.number(4, false);
  if (width != 2 && width != 4 && width != 8) return false;
  for (uint64_t i = 0; reader.ok() && i < count; ++i) {
    elements.push_back(signed_text(reader.number(static_cast<unsigned>(width), false),
                                   8 * static_cast<unsigned>(width)));
    const size_t last = elements.size() - 1;
    if (last > 0 && std::stoll(elements[last]) <= std::stoll(elements[last - 1])) return false;
  }
  return reader.at_end();
}

// In ascending order.
std::optional<Elements> slow_set(std::string_view body, uint64_t max_bytes) {
  SlowReader reader(body);
  const unsigned type = reader.byte();
  if (type != 2 && type != 11 && type != 20) return std::nullopt;
  Elements elements;
  uint64_t parts = type == 2 ? reader.length(reader.byte()) : 1;
  for (; reader.ok() && parts > 0; --parts) {
    const std::optional<std::string> part = slow_string(reader, max_bytes);
    if (!reader.ok() || !part || part->size() > max_bytes) return std::nullopt;
    if (type == 2) elements.push_back(*part);
    if (type == 11 && !slow_intset(*part, elements)) return std::nullopt;
    if (type == 20 && !slow_listpack(*part, elements)) return std::nullopt;
  }
  if (!reader.at_end() || elements.empty()) return std::nullopt;
  std::sort(elements.begin(), elements.end());
  const bool is_twice = std::adjacent_find(elements.begin(), elements.end()) != elements.end();
  return is_twice ? std::nullopt : std::optional(elements);
}

// ---- sorted sets --------------------------------------------------------------------------------

// The whole of a text that is a number.
std::optional<double> slow_score(const std::string& text) {
  double score = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return score;
}

std::string scored(const std::string& text, double score) {
  if (score == 0) score = 0;  // whether it is kept as -0 is nobody's business
  return text + '=' + std::to_string(std::bit_cast<uint64_t>(score));
}

std::optional<double> slow_old_score(SlowReader& reader) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const unsigned length = reader.byte();
  if (length == 254) return kInfinity;
  if (length == 255) return -kInfinity;
  if (length == 253) return std::nullopt;
  return slow_score(reader.text(length));
}

// Members with their scores, in the order of the texts of both.
std::optional<Elements> slow_sorted_set(std::string_view body, uint64_t max_bytes) {
  SlowReader reader(body);
  const unsigned type = reader.byte();
  if (type != 3 && type != 5 && type != 12 && type != 17) return std::nullopt;
  const bool is_packed = type == 12 || type == 17;
  std::map<std::string, double> members;
  uint64_t parts = is_packed ? 1 : reader.length(reader.byte());
  for (; reader.ok() && parts > 0; --parts) {
    const std::optional<std::string> part = slow_string(reader, max_bytes);
    if (!reader.ok() || !part || part->size() > max_bytes) return std::nullopt;
    Elements pairs{*part};
    std::optional<double> score;
    if (is_packed) {
      pairs.clear();
      const bool is_whole = type == 12 ? slow_ziplist(*part, pairs) : slow_listpack(*part, pairs);
      if (!is_whole || pairs.size() % 2 != 0) return std::nullopt;
    } else {
      score = type == 3 ? slow_old_score(reader)
                        : std::optional(std::bit_cast<double>(reader.number(8, false)));
      pairs.emplace_back();
    }
    for (size_t i = 0; i < pairs.size(); i += 2) {
      if (is_packed) score = slow_score(pairs[i + 1]);
      if (!score || std::isnan(*score) || !members.emplace(pairs[i], *score).second) {
        return std::nullopt;
      }
    }
  }
  if (!reader.at_end() || members.empty()) return std::nullopt;
  Elements elements;
  for (const auto& [text, score] : members) elements.push_back(scored(text, score));
  std::sort(elements.begin(), elements.end());
  return elements;
}

// ---- hashes -------------------------------------------------------------------------------------

bool slow_zipmap(const std::string& bytes, Elements& elements) {
  SlowReader reader(bytes);
  const unsigned said = reader.byte();
  unsigned count = 0;
  for (;; ++count) {
    unsigned first = reader.byte();
    if (!reader.ok()) return false;
    if (first == 255) break;
    for (const bool is_value : {false, true}) {
      if (is_value) first = reader.byte();
      if (first == 255) return false;
      const uint64_t length = first == 254 ? reader.number(4, false) : first;
      const uint64_t free = is_value ? reader.byte() : 0;
      elements.push_back(reader.text(length));
      reader.text(free);
      if (!reader.ok()) return false;
    }
  }
  return reader.at_end() && (said >= 254 || said == count);
}

// Of a number as it is written in a listpack; nothing if it is no deadline. 0 is none, here -1.
std::optional<int64_t> slow_deadline(const std::string& text) {
  constexpr int64_t kLast = 0x3fffffffffff;
  if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != text.npos) {
    return std::nullopt;
  }
  const int64_t deadline = std::stoll(text);
  if (std::to_string(deadline) != text || deadline > kLast) return std::nullopt;
  return deadline == 0 ? -1 : deadline;
}

// Names, values and deadlines, in ascending order of names.
std::optional<Elements> slow_hash(std::string_view body, uint64_t max_bytes, bool is_valkey) {
  SlowReader reader(body);
  const unsigned type = reader.byte();
  if (is_valkey && type > 22) return std::nullopt;
  const bool is_plain = type == 4 || type == 22 || type == 24;
  const bool is_packed = type == 9 || type == 13 || type == 16 || type == 23 || type == 25;
  if (!is_plain && !is_packed) return std::nullopt;
  const uint64_t earliest = type == 24 || type == 25 ? reader.number(8, false) : 0;
  if (earliest > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  const auto text = [&]() -> std::optional<std::string> {
    const std::optional<std::string> read = slow_string(reader, max_bytes);
    if (!reader.ok() || !read || read->size() > max_bytes) return std::nullopt;
    return read;
  };
  Elements flat;
  if (is_plain) {
    for (uint64_t left = reader.length(reader.byte()); reader.ok() && left > 0; --left) {
      uint64_t ttl = type == 4 || is_valkey ? 0 : reader.length(reader.byte());
      if (ttl != 0 && type == 24) {
        ttl += earliest - 1;  // beyond all deadlines if it wraps around
        if (ttl < earliest && earliest > 0) return std::nullopt;
        if (ttl == 0) return std::nullopt;
      }
      const std::optional<std::string> name = text();
      const std::optional<std::string> value = name ? text() : std::nullopt;
      if (!value) return std::nullopt;
      if (is_valkey && type == 22) {
        ttl = reader.number(8, false);
        if (ttl == 0) return std::nullopt;
        if (ttl == std::numeric_limits<uint64_t>::max()) ttl = 0;  // none
      }
      flat.insert(flat.end(), {*name, *value, std::to_string(ttl)});
    }
  } else {
    const std::optional<std::string> packed = text();
    if (!packed) return std::nullopt;
    const bool is_sound = type == 9    ? slow_zipmap(*packed, flat)
                          : type == 13 ? slow_ziplist(*packed, flat)
                                       : slow_listpack(*packed, flat);
    if (!is_sound) return std::nullopt;
    if (type != 23 && type != 25) {
      if (flat.size() % 2 != 0) return std::nullopt;
      Elements triples;
      for (size_t i = 0; i < flat.size(); i += 2) {
        triples.insert(triples.end(), {flat[i], flat[i + 1], "0"});
      }
      flat = triples;
    }
  }
  if (!reader.at_end() || flat.empty() || flat.size() % 3 != 0) return std::nullopt;
  std::map<std::string, std::pair<std::string, int64_t>> fields;
  for (size_t i = 0; i < flat.size(); i += 3) {
    const std::optional<int64_t> deadline = slow_deadline(flat[i + 2]);
    if (!deadline || !fields.emplace(flat[i], std::pair(flat[i + 1], *deadline)).second) {
      return std::nullopt;
    }
  }
  Elements elements;
  for (const auto& [name, field] : fields) {
    elements.insert(elements.end(), {name, field.first, std::to_string(field.second)});
  }
  return elements;
}

Elements contents(const larder::storage::Object& object) {
  Elements elements;
  larder::storage::NumberText scratch;
  if (object.type() == larder::storage::Type::sorted_set) {
    for (auto at = object.as<larder::storage::SortedSet>().at(0); at; at.next()) {
      elements.push_back(scored(std::string(at.member().bytes(scratch)), at.member().score));
    }
    std::sort(elements.begin(), elements.end());
    return elements;
  }
  if (object.type() == larder::storage::Type::hash) {
    using larder::storage::HashObject;
    std::map<std::string, std::pair<std::string, int64_t>> fields;
    object.as<HashObject>().for_each([&](const HashObject::Field& field) {
      larder::storage::NumberText name;
      fields.emplace(field.name.bytes(name),
                     std::pair(std::string(field.value.bytes(scratch)), field.deadline_ms));
    });
    for (const auto& [name, field] : fields) {
      elements.insert(elements.end(), {name, field.first, std::to_string(field.second)});
    }
    return elements;
  }
  if (object.type() == larder::storage::Type::set) {
    object.as<larder::storage::Set>().for_each([&](const larder::storage::Set::Member& member) {
      elements.emplace_back(member.bytes(scratch));
    });
    std::sort(elements.begin(), elements.end());
    return elements;
  }
  const auto& list = object.as<larder::storage::List>();
  for (auto at = list.first(larder::storage::End::front); at; at.next()) {
    elements.emplace_back(at.element().bytes(scratch));
  }
  return elements;
}

std::optional<Elements> slow_object(std::string_view body, uint64_t max_bytes, bool is_valkey) {
  const std::optional<Elements> list = slow_list(body, max_bytes);
  if (list) return list;
  const std::optional<Elements> set = slow_set(body, max_bytes);
  if (set) return set;
  const std::optional<Elements> sorted_set = slow_sorted_set(body, max_bytes);
  return sorted_set ? sorted_set : slow_hash(body, max_bytes, is_valkey);
}

void require_same_object(std::string_view body, uint64_t max_bytes, uint16_t version) {
  using larder::storage::Object;
  const larder::storage::KeyHasher hasher(1);
  Object* object = rdb::read_object_body(body, max_bytes, hasher, version);
  const bool is_valkey = rdb::is_valkey_version(version);
  const std::optional<Elements> expected = slow_object(body, max_bytes, is_valkey);
  require((object != nullptr) == expected.has_value());
  if (object == nullptr) return;
  object->verify();
  require(contents(*object) == *expected);
  const std::string payload = rdb::dump_object(*object);
  Object::release(object);
  const std::optional<std::string_view> again = rdb::verified_body(payload);
  require(again.has_value());
  object = rdb::read_object_body(*again, std::numeric_limits<uint64_t>::max(), hasher);
  require(object != nullptr && contents(*object) == *expected);
  Object::release(object);
}

bool is_stream(std::string_view body) {
  const int type = body.empty() ? -1 : static_cast<unsigned char>(body[0]);
  return type == 15 || type == 19 || type == 21;
}

// A stream that is accepted is sound, and what is written of it says the same; how it is read is
// compared with a model by the stream's own fuzzer.
void require_sound_stream(std::string_view body, uint64_t max_bytes) {
  using larder::storage::Object;
  const larder::storage::KeyHasher hasher(1);
  Object* object = rdb::read_object_body(body, max_bytes, hasher);
  if (object == nullptr) return;
  object->verify();
  const std::string payload = rdb::dump_object(*object);
  Object::release(object);
  const std::optional<std::string_view> again = rdb::verified_body(payload);
  require(again.has_value());
  object = rdb::read_object_body(*again, std::numeric_limits<uint64_t>::max(), hasher);
  require(object != nullptr && rdb::dump_object(*object) == payload);
  Object::release(object);
}

void require_round_trip(std::string_view text) {
  const std::string payload = rdb::dump_string(text);
  constexpr size_t kMostAround = 1 + 9 + rdb::kFooterBytes;
  require(payload.size() <= text.size() + kMostAround);
  require(rdb::dump_string(text) == payload);
  const std::optional<std::string_view> body = rdb::verified_body(payload);
  require(body.has_value());
  std::string scratch;
  require(rdb::read_string_body(*body, text.size(), scratch) == text);
  if (!text.empty()) require(!rdb::read_string_body(*body, text.size() - 1, scratch));
}

void read_payload(std::string_view payload) {
  const std::optional<std::string_view> body = rdb::verified_body(payload);
  std::string scratch;
  if (!body) return;
  require(body->size() + rdb::kFooterBytes == payload.size());
  static_cast<void>(rdb::read_string_body(*body, uint64_t{1} << 20, scratch));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint64_t max_bytes =
      data[0] == 0xff ? std::numeric_limits<uint64_t>::max() : uint64_t{1} << (data[0] % 20);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  std::string payload(bytes);
  rdb::append_footer(payload);
  require(rdb::verified_body(payload) == bytes);
  std::string scratch;
  const std::optional<std::string_view> text = rdb::read_string_body(bytes, max_bytes, scratch);
  require(text == slow_body(bytes, max_bytes));
  if (text) require_round_trip(*text);
  if (is_stream(bytes)) {
    require_sound_stream(bytes, max_bytes);
  } else {
    require_same_object(bytes, max_bytes, rdb::kFieldDeadlinesVersion);
    require_same_object(bytes, max_bytes, 80);
  }

  read_payload(bytes);
  require_round_trip(bytes);
  return 0;
}
