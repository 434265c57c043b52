// BITFIELD against a model that keeps a vector of bits and adds bit by bit, without wide numbers:
// random requests through the dispatcher, with every width, offset and way of overflowing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/actor.h"

namespace larder::server {
namespace {

using support::Actor;
using support::Words;

using Bits = std::vector<bool>;  // the most significant first

// The lowest `width` bits of a number, the sign repeated beyond its 64.
Bits bits_of(int64_t number, size_t width) {
  Bits bits(width);
  for (size_t i = 0; i < width; ++i) {
    bits[width - 1 - i] = i < 64 ? (static_cast<uint64_t>(number) >> i & 1) != 0 : number < 0;
  }
  return bits;
}

Bits sum(const Bits& a, const Bits& b) {
  Bits result(a.size());
  bool carry = false;
  for (size_t i = a.size(); i-- > 0;) {
    const int ones = int{a[i]} + int{b[i]} + int{carry};
    result[i] = ones % 2 == 1;
    carry = ones >= 2;
  }
  return result;
}

class Model {
 public:
  explicit Model(const std::string& value) {
    for (char byte : value) {
      for (int i = 7; i >= 0; --i) bits_.push_back((static_cast<uint8_t>(byte) >> i & 1) != 0);
    }
  }

  void reach(size_t bits) { bits_.resize(std::max(bits_.size(), (bits + 7) / 8 * 8)); }

  std::string value() const {
    std::string bytes;
    for (size_t i = 0; i < bits_.size(); i += 8) {
      unsigned byte = 0;
      for (size_t j = 0; j < 8; ++j) byte = byte << 1 | (bits_[i + j] ? 1U : 0U);
      bytes += static_cast<char>(static_cast<uint8_t>(byte));
    }
    return bytes;
  }

  // The field as 66 bits, so that no sum of two numbers of 64 overflows.
  Bits wide(bool is_signed, size_t width, size_t offset) const {
    Bits field(width);
    for (size_t i = 0; i < width; ++i) field[i] = offset + i < bits_.size() && bits_[offset + i];
    field.insert(field.begin(), 66 - width, is_signed && field[0]);
    return field;
  }

  void write(const Bits& field, size_t width, size_t offset) {
    for (size_t i = 0; i < width; ++i) bits_[offset + i] = field[66 - width + i];
  }

 private:
  Bits bits_;
};

int64_t number_of(const Bits& wide) {
  uint64_t number = 0;
  for (size_t i = wide.size() - 64; i < wide.size(); ++i)
    number = number << 1 | (wide[i] ? 1U : 0U);
  return static_cast<int64_t>(number);
}

struct Type {
  bool is_signed;
  size_t width;

  std::string text() const { return (is_signed ? "i" : "u") + std::to_string(width); }
  bool holds(const Bits& wide) const {
    const size_t value_bits = is_signed ? width - 1 : width;
    const bool sign = wide[0];
    if (!is_signed && sign) return false;
    return std::all_of(wide.begin(), wide.end() - static_cast<std::ptrdiff_t>(value_bits),
                       [sign](bool bit) { return bit == sign; });
  }
  Bits nearest(bool below) const {
    Bits wide(66, below && is_signed);
    const size_t value_bits = is_signed ? width - 1 : width;
    for (size_t i = 0; i < value_bits; ++i) wide[65 - i] = !below;
    return wide;
  }
};

// One operation on the model: the words that say it and the reply that it must give.
class Operations {
 public:
  Operations(Model& model, std::mt19937_64& random) : model_(model), random_(random) {}

  struct Operation {
    std::string name;
    Type type;
    size_t offset;
    int64_t operand;
    std::string overflow;
  };

  Operation draw() {
    Type type{random_() % 2 == 0, 1 + random_() % 64};
    if (!type.is_signed && type.width == 64) type.width = 63;
    const char* const names[] = {"GET", "SET", "INCRBY"};
    const char* const ways[] = {"WRAP", "SAT", "FAIL"};
    return {names[random_() % 3], type, random_() % 200, operand(type), ways[random_() % 3]};
  }

  // Nothing stands for null.
  std::optional<int64_t> run(const Operation& operation) {
    const Type type = operation.type;
    const Bits old = model_.wide(type.is_signed, type.width, operation.offset);
    if (operation.name == "GET") return number_of(old);
    Bits wanted = bits_of(operation.operand, 66);
    if (operation.name == "INCRBY") {
      wanted = sum(old, wanted);
    } else if (!type.is_signed) {
      wanted[0] = wanted[1] = false;
    }
    if (!type.holds(wanted)) {
      if (operation.overflow == "FAIL") return std::nullopt;
      if (operation.overflow == "SAT") {
        // See bitfield.cc: what Redis takes for too high although it is too low.
        const bool is_set = operation.name == "SET";
        const Bits room = sum(type.nearest(false), sum(inverted(wanted), bits_of(1, 66)));
        const bool room_overflows =
            is_set && type.is_signed && wanted[0] && !Type{true, 64}.holds(room);
        wanted = type.nearest(wanted[0] && !room_overflows);
      }
    }
    model_.write(wanted, type.width, operation.offset);
    const Bits now = model_.wide(type.is_signed, type.width, operation.offset);
    return number_of(operation.name == "SET" ? old : now);
  }

 private:
  static Bits inverted(Bits bits) {
    bits.flip();
    return bits;
  }

  int64_t operand(Type type) {
    const auto any = static_cast<int64_t>(random_());
    switch (random_() % 4) {
      case 0:
        return any % 300;
      case 1: {  // near the field's own limits
        const uint64_t limit = (uint64_t{1} << (type.width - 1)) + random_() % 5 - 2;
        return static_cast<int64_t>(random_() % 2 == 0 ? limit : 0 - limit);
      }
      default:
        return any;
    }
  }

  Model& model_;
  std::mt19937_64& random_;
};

TEST_CASE("BITFIELD does what adding bit by bit does") {
  Node node(support::node_options(1, 5));
  Actor actor(node, 0, 1);
  std::mt19937_64 random(4711);
  for (int round = 0; round < 4000; ++round) {
    std::string value(random() % 25, '\0');
    for (char& byte : value) byte = static_cast<char>(random() % 3 == 0 ? 0xff : random() % 256);
    // Numbers are stored as such, and must be as good as any text.
    if (round % 7 == 0) value = std::to_string(static_cast<int64_t>(random()));
    REQUIRE(actor.run({"SET", "k", value}) == "+OK\r\n");
    Model model(value);
    Operations operations(model, random);

    Words words{"BITFIELD", "k"};
    std::vector<Operations::Operation> drawn(1 + random() % 4);
    size_t reach = 0;
    for (auto& operation : drawn) {
      operation = operations.draw();
      const bool counts_fields = random() % 3 == 0;
      if (counts_fields)
        operation.offset = operation.offset / operation.type.width * operation.type.width;
      if (operation.name != "GET") {
        reach = std::max(reach, operation.offset + operation.type.width);
        words.insert(words.end(), {"OVERFLOW", operation.overflow});
      }
      const std::string offset = counts_fields
                                     ? "#" + std::to_string(operation.offset / operation.type.width)
                                     : std::to_string(operation.offset);
      words.insert(words.end(), {operation.name, operation.type.text(), offset});
      if (operation.name != "GET") words.push_back(std::to_string(operation.operand));
    }
    model.reach(reach);
    std::string expected = "*" + std::to_string(drawn.size()) + "\r\n";
    for (const auto& operation : drawn) {
      const std::optional<int64_t> number = operations.run(operation);
      expected += number ? ":" + std::to_string(*number) + "\r\n" : "$-1\r\n";
    }
    std::string said;
    for (const std::string& word : words) said += word + " ";
    INFO(said);
    REQUIRE(actor.run(words) == expected);
    const std::string after = model.value();
    REQUIRE(actor.run({"GET", "k"}) ==
            "$" + std::to_string(after.size()) + "\r\n" + after + "\r\n");
  }
}

TEST_CASE("one bit of a large value is changed in place, whoever else still reads the value") {
  Node node(support::node_options(1, 5));
  Actor actor(node, 0, 1);
  const std::string large(100'000, 'x');
  actor.run({"SET", "k", large});
  const Key key{"k", node.keyspace().hasher()("k")};
  const auto pin_of = [&] {
    const storage::Entry entry = node.keyspace().shard(key.shard()).find(0, key.text, key.hash);
    REQUIRE(entry.is_large());
    return entry.pin();
  };
  const auto release = [](const storage::Pin& pin) { pin.release(pin.owner); };
  const storage::Pin first = pin_of();
  const char* const place = first.data;
  release(first);
  CHECK(actor.run({"SETBIT", "k", "400000", "1"}) == ":0\r\n");
  CHECK(actor.run({"BITFIELD", "k", "SET", "u8", "#7", "65"}) == "*1\r\n:120\r\n");
  const storage::Pin pinned = pin_of();
  CHECK(pinned.data == place);
  // A reader keeps the bytes it was given.
  const std::string seen(pinned.data, pinned.size);
  CHECK(actor.run({"SETBIT", "k", "0", "1"}) == ":0\r\n");
  CHECK(std::string_view(pinned.data, pinned.size) == seen);
  release(pinned);
  CHECK(actor.run({"GETBIT", "k", "0"}) == ":1\r\n");
  CHECK(actor.run({"STRLEN", "k"}) == ":100000\r\n");
}

}  // namespace
}  // namespace larder::server
