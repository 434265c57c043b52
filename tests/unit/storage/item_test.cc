// What an item's bytes say, in every form they take.
#include "storage/item.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "storage/slot_class.h"

namespace larder::storage {
namespace {

constexpr int64_t kDeadlines[] = {kNoDeadline,
                                  0,
                                  1,
                                  1'700'000'000'000,
                                  (int64_t{1} << 40) - 1,
                                  int64_t{1} << 40,
                                  Item::kWideDeadline - 1,
                                  Item::kWideDeadline,
                                  INT64_MAX};

TEST_CASE("an item says what it was given, with every header") {
  for (const size_t key_length : {0, 1, 16, 255, 256, 2'000}) {
    for (const size_t text_length : {0, 1, 64, 255, 256, 16'000}) {
      for (const bool deadline_room : {false, true}) {
        for (const bool wide : {false, true}) {
          for (const bool rank_room : {false, true}) {
            for (const bool far : {false, true}) {
              if (wide && !deadline_room) continue;
              const ItemShape shape{.kind = Kind::text,
                                    .key_length = key_length,
                                    .text_length = text_length,
                                    .deadline_room = deadline_room,
                                    .wide_deadline = wide,
                                    .rank_room = rank_room,
                                    .far = far};
              const std::string key(key_length, 'k');
              const std::string text(text_length, 't');
              // One byte off any alignment, and exactly as long as the shape says.
              std::vector<char> memory(1 + std::max(shape.slot_bytes(), Item::kMinBytes));
              std::vector<uint64_t> outside(1 + (shape.body_bytes() + 7) / 8);
              auto* item = reinterpret_cast<Item*>(memory.data() + 1);
              item->format(shape, key, far ? reinterpret_cast<FarBody*>(outside.data()) : nullptr);
              std::memcpy(item->value(), text.data(), text.size());
              if (rank_room) item->set_rank(0xdeadbeef);
              for (const int64_t deadline_ms : kDeadlines) {
                if (!item->has_room_for(deadline_ms)) {
                  CHECK((!deadline_room || (!wide && deadline_ms >= Item::kWideDeadline)));
                  continue;
                }
                if (deadline_room) item->set_deadline_ms(deadline_ms);
                REQUIRE(item->deadline_ms() == (deadline_room ? deadline_ms : kNoDeadline));
                REQUIRE_FALSE(item->is_free());
                REQUIRE(item->kind() == Kind::text);
                REQUIRE(item->key() == key);
                REQUIRE(item->has_key(key));
                REQUIRE_FALSE(item->has_key(key + "k"));
                REQUIRE(std::string(item->value(), item->text_length()) == text);
                REQUIRE(item->is_far() == far);
                if (rank_room) REQUIRE(item->rank() == 0xdeadbeef);
                REQUIRE(item->shape().slot_bytes() == shape.slot_bytes());
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("an item's value changes its kind in place") {
  char memory[64];
  auto* item = reinterpret_cast<Item*>(memory);
  item->format({.kind = Kind::text, .key_length = 3, .text_length = 20, .deadline_room = true},
               "key", nullptr);
  item->set_deadline_ms(1'700'000'000'000);
  item->set_kind(Kind::integer, 0);
  item->set_integer(-5);
  CHECK(item->kind() == Kind::integer);
  CHECK(item->integer() == -5);
  CHECK(item->key() == "key");
  CHECK(item->deadline_ms() == 1'700'000'000'000);
  CHECK(item->can_say(255));
  CHECK_FALSE(item->can_say(256));
  item->mark_free();
  CHECK(item->is_free());
}

TEST_CASE("keys are compared whole, whatever their length") {
  for (size_t length = 0; length < 100; ++length) {
    const std::string key(length, 'a');
    REQUIRE(equal_bytes(key.data(), std::string(length, 'a').data(), length));
    for (size_t at = 0; at < length; ++at) {
      std::string other = key;
      other[at] = 'b';
      REQUIRE_FALSE(equal_bytes(key.data(), other.data(), length));
    }
  }
}

TEST_CASE("slot classes hold what they are asked for and waste little") {
  for (size_t bytes = 1; bytes <= kMaxSlotBytes; ++bytes) {
    const size_t rounded = round_to_slot(bytes);
    REQUIRE(rounded >= bytes);
    REQUIRE(rounded % 4 == 0);
    REQUIRE(rounded - bytes <= (bytes <= 8 ? 7 : bytes <= 128 ? 3 : bytes / 16));
    REQUIRE(round_to_slot(rounded) == rounded);
  }
  for (unsigned each = 1; each < kSlotClasses; ++each) {
    REQUIRE(slot_class_of(slot_class_bytes(each)) == each);
    REQUIRE(slot_class_of(slot_class_bytes(each - 1) + 1) == each);
  }
}

}  // namespace
}  // namespace larder::storage
