// Values: what is stored as what, what stays in place, and that nothing is lost when an item moves.
#include <catch2/catch.hpp>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "storage/shard.h"

namespace larder::storage {
namespace {

class OneShard {
 public:
  Entry find(const std::string& key) { return shard.find(0, key, hasher(key)); }
  Entry set(const std::string& key, std::string_view value, int64_t deadline_ms = kNoDeadline) {
    return shard.set(0, key, hasher(key), value, deadline_ms);
  }
  std::string text(const std::string& key) {
    NumberText scratch;
    const Entry entry = find(key);
    REQUIRE(entry);
    const std::string_view text = entry.text(scratch);
    CHECK(entry.length() == text.size());
    return std::string(text);
  }

  KeyHasher hasher{42};
  Shard shard{hasher};
};

TEST_CASE("a value reads back as it was written, whatever it is stored as") {
  OneShard one;
  std::vector<std::string> values = {"", "x", "0", "-1", "007", "9223372036854775807", "-0"};
  for (const size_t length : {1, 7, 8, 9, 63, 64, 16383, 16384, 16385, 100'000}) {
    values.emplace_back(length, 'v');
  }
  for (const std::string& before : values) {
    for (const std::string& after : values) {
      for (const int64_t deadline_ms : {kNoDeadline, int64_t{1'000'000}}) {
        one.set("key", before, deadline_ms);
        one.set("key", after);
        CHECK(one.text("key") == after);
        CHECK(one.find("key").deadline_ms() == kNoDeadline);
        one.set("key", before);
        one.set("key", after, 2'000'000);
        CHECK(one.text("key") == after);
        CHECK(one.find("key").deadline_ms() == 2'000'000);
        CHECK(one.find("key").is_large() == (after.size() >= kLargeValue));
        one.shard.verify();
      }
    }
  }
  one.shard.erase(0, one.find("key"));
  CHECK_FALSE(one.find("key"));
  one.shard.verify();
}

TEST_CASE("keys of any bytes and length") {
  OneShard one;
  std::vector<std::string> keys = {"", std::string(1, '\0'), std::string("a\0b", 3), "\r\n"};
  for (const size_t length : {15, 16, 17, 255, 256, 65'536, 1'000'000})
    keys.emplace_back(length, 'k');
  for (const std::string& key : keys) one.set(key, "value of " + std::to_string(key.size()));
  for (const std::string& key : keys) {
    CHECK(one.text(key) == "value of " + std::to_string(key.size()));
    CHECK(one.find(key).key() == key);
  }
  one.shard.verify();
}

TEST_CASE("integers are stored as such and change in place") {
  OneShard one;
  Entry entry = one.set("counter", "41", 5'000);
  REQUIRE(entry.is_integer());
  CHECK(entry.integer() == 41);
  const size_t bytes = one.shard.bytes();
  entry = one.shard.set_integer(0, entry, std::numeric_limits<int64_t>::min());
  CHECK(one.shard.bytes() == bytes);
  CHECK(one.text("counter") == "-9223372036854775808");
  CHECK(entry.deadline_ms() == 5'000);
  CHECK_FALSE(one.set("counter", "41.0").is_integer());
  entry = one.shard.set_integer(0, one.find("counter"), 7);
  CHECK(entry.is_integer());
  CHECK(one.text("counter") == "7");
  entry = one.shard.insert_integer(0, "other", one.hasher("other"), -3, 9'000);
  CHECK(one.text("other") == "-3");
  CHECK(entry.deadline_ms() == 9'000);
  one.shard.verify();
}

TEST_CASE("a value of the same size is overwritten where it is") {
  OneShard one;
  const std::string first(64, 'a');
  const std::string second(60, 'b');
  NumberText scratch;
  const char* place = one.set("key", first).text(scratch).data();
  CHECK(one.set("key", second).text(scratch).data() == place);
  place = one.set("key", first, 1'000).text(scratch).data();
  CHECK(one.set("key", second, 2'000).text(scratch).data() == place);
  const size_t bytes = one.shard.bytes();
  one.set("key", std::string(1'000, 'c'));
  CHECK(one.shard.bytes() > bytes + 900);
  one.set("key", "tiny");  // not in place: that would keep 1,000 bytes
  CHECK(one.shard.bytes() < bytes);
  one.shard.verify();
}

TEST_CASE("appending grows a value through all its forms") {
  OneShard one;
  std::string model = "12";
  one.set("key", model, 777'000);
  size_t moves = 0;
  const char* place = nullptr;
  for (int step = 0; model.size() < 200'000; ++step) {
    const std::string tail(static_cast<size_t>(step % 50), static_cast<char>('a' + step % 26));
    const Entry entry = one.shard.append(0, one.find("key"), tail);
    model += tail;
    NumberText scratch;
    const std::string_view text = entry.text(scratch);
    REQUIRE(text == model);
    CHECK_FALSE(entry.is_integer());
    if (text.data() != place) ++moves;
    place = text.data();
  }
  CHECK(moves < 60);  // of some 8,000 appends
  CHECK(one.find("key").deadline_ms() == 777'000);
  one.shard.verify();
}

TEST_CASE("setting a range fills the gap with zero bytes") {
  for (const char* start : {"hello", "12345"}) {
    for (const size_t offset : {size_t{0}, size_t{3}, size_t{5}, size_t{9}, size_t{20'000}}) {
      for (const size_t length : {size_t{1}, size_t{30}, size_t{40'000}}) {
        OneShard one;
        std::string model = start;
        const std::string patch(length, 'p');
        if (model.size() < offset + length) model.resize(offset + length, '\0');
        model.replace(offset, length, patch);
        one.shard.set_range(0, one.set("key", start), offset, patch);
        CHECK(one.text("key") == model);
        one.shard.set_range(0, one.find("key"), 1, "Z");
        model[1] = 'Z';
        CHECK(one.text("key") == model);
        one.shard.verify();
      }
    }
  }
}

TEST_CASE("pinned bytes outlive every change of their entry") {
  OneShard one;
  const std::string large(50'000, 'L');
  const auto pin_and = [&](auto change) {
    one.set("key", large);
    const Pin pin = one.find("key").pin();
    change(one.find("key"));
    one.shard.verify();
    CHECK(std::string_view(pin.data, pin.size) == large);
    std::thread([pin] { pin.release(pin.owner); }).join();
  };
  pin_and([&](Entry entry) { one.shard.set(0, entry, std::string(50'000, 'M'), kNoDeadline); });
  CHECK(one.text("key") == std::string(50'000, 'M'));
  pin_and([&](Entry entry) { one.shard.append(0, entry, "tail"); });
  CHECK(one.text("key") == large + "tail");
  pin_and([&](Entry entry) { one.shard.set_range(0, entry, 5, "patch"); });
  CHECK(one.text("key").substr(0, 12) == "LLLLLpatchLL");
  pin_and([&](Entry entry) { one.shard.set_integer(0, entry, 5); });
  pin_and([&](Entry entry) { one.shard.set_deadline(0, entry, 1'000); });
  pin_and([&](Entry entry) { one.shard.erase(0, entry); });
  pin_and([&](Entry) {
    one.shard.clear(0);
    while (one.shard.release_slice(10)) {
    }
  });
  CHECK(one.shard.bytes() == 0);
}

TEST_CASE("a large value nobody has pinned is overwritten and appended to in place") {
  OneShard one;
  NumberText scratch;
  const char* place = one.set("key", std::string(50'000, 'a')).text(scratch).data();
  CHECK(one.set("key", std::string(50'000, 'b')).text(scratch).data() == place);
  Entry entry = one.shard.append(0, one.find("key"), std::string(20'000, 'c'));
  place = entry.text(scratch).data();
  entry = one.shard.append(0, entry, "d");
  CHECK(entry.text(scratch).data() == place);
  CHECK(one.text("key") == std::string(50'000, 'b') + std::string(20'000, 'c') + "d");
}

// Two keys, in databases and shards of their own, of which the second was given the first one's
// value.
struct Sharers {
  explicit Sharers(const std::string& value) {
    one.set("key", value, 5'000);
    insert_copy();
  }
  Entry find_copy() { return other.shard.find(3, "copy", other.hasher("copy")); }
  void insert_copy() {
    other.shard.insert(3, "copy", other.hasher("copy"), HeldValue(one.find("key")), 9'000);
  }
  std::string copy() {
    NumberText scratch;
    return std::string(find_copy().text(scratch));
  }
  void verify() const {
    one.shard.verify();
    other.shard.verify();
  }

  OneShard one;
  OneShard other;
};

TEST_CASE("a large value is given to another key without a copy, any other with one") {
  for (const size_t length : {size_t{0}, size_t{5}, kLargeValue - 1, kLargeValue, size_t{90'000}}) {
    Sharers both(std::string(length, 'v'));
    NumberText scratch;
    const char* place = both.one.find("key").text(scratch).data();
    CHECK((both.find_copy().text(scratch).data() == place) == (length >= kLargeValue));
    CHECK(both.copy() == std::string(length, 'v'));
    CHECK(both.one.text("key") == both.copy());
    CHECK(both.one.find("key").deadline_ms() == 5'000);
    CHECK(both.find_copy().deadline_ms() == 9'000);
    // Each counts all of it.
    CHECK(both.other.shard.bytes() >= length);
    CHECK(both.one.shard.bytes_of(0, both.one.find("key")) >= length);
    both.verify();
  }
  Sharers integers("-12");
  CHECK(integers.find_copy().is_integer());
}

TEST_CASE("who writes a shared value leaves the others theirs") {
  const std::string large(50'000, 'L');
  const auto after = [&](auto change) {
    for (const bool change_the_first : {false, true}) {
      Sharers both(large);
      Shard& shard = change_the_first ? both.one.shard : both.other.shard;
      change(shard, change_the_first ? 0 : 3,
             change_the_first ? both.one.find("key") : both.find_copy());
      both.verify();
      CHECK((change_the_first ? both.copy() : both.one.text("key")) == large);
      CHECK((change_the_first ? both.one.text("key") : both.copy()) != large);
      // The one that is left alone has the bytes for itself again.
      NumberText scratch;
      Shard& left = change_the_first ? both.other.shard : both.one.shard;
      const Entry entry = change_the_first ? both.find_copy() : both.one.find("key");
      const char* place = entry.text(scratch).data();
      CHECK(left.set_range(change_the_first ? 3 : 0, entry, 1, "Z").text(scratch).data() == place);
    }
  };
  after([](Shard& shard, unsigned db, Entry entry) { shard.append(db, entry, "tail"); });
  after([](Shard& shard, unsigned db, Entry entry) { shard.set_range(db, entry, 7, "patch"); });
  after([](Shard& shard, unsigned db, Entry entry) { shard.set_integer(db, entry, 5); });
  after([](Shard& shard, unsigned db, Entry entry) {
    shard.set(db, entry, std::string(50'000, 'M'), kNoDeadline);
  });
  after([](Shard& shard, unsigned db, Entry entry) { shard.set(db, entry, "small", kNoDeadline); });
}

TEST_CASE("shared values overwrite any other, and one another") {
  OneShard one;
  const std::string large(50'000, 'L');
  for (const std::string& before : {std::string("12"), std::string("text"), std::string(300, 't'),
                                    std::string(20'000, 'b'), large}) {
    for (const int64_t deadline_ms : {kNoDeadline, int64_t{7'000}}) {
      one.set("from", large);
      one.set("to", before);
      const HeldValue value(one.find("from"));
      for (int times = 0; times < 3; ++times) {
        one.shard.set(0, one.find("to"), value, deadline_ms);
        one.shard.verify();
      }
      CHECK(one.text("to") == large);
      CHECK(one.find("to").deadline_ms() == deadline_ms);
      one.shard.erase(0, one.find("from"));
      CHECK(one.text("to") == large);
      one.shard.set(0, one.find("to"), HeldValue(one.find("to")), kNoDeadline);  // its own
      CHECK(one.text("to") == large);
      one.shard.erase(0, one.find("to"));
      CHECK(value.text() == large);
    }
  }
  CHECK(one.shard.bytes() == 0);
}

TEST_CASE("a shared value goes with the last who has it") {
  const std::string large(50'000, 'L');
  for (const bool first_goes_first : {false, true}) {
    Sharers both(large);
    const auto drop_first = [&] { both.one.shard.erase(0, both.one.find("key")); };
    // The other way of going: in slices.
    const auto drop_copy = [&] {
      both.other.shard.clear(3);
      while (both.other.shard.release_slice(1)) {
      }
    };
    if (first_goes_first) drop_first();
    if (!first_goes_first) drop_copy();
    both.verify();
    CHECK((first_goes_first ? both.copy() : both.one.text("key")) == large);
    if (first_goes_first) drop_copy();
    if (!first_goes_first) drop_first();
    CHECK(both.one.shard.bytes() == 0);
    CHECK(both.other.shard.bytes() == 0);
    both.verify();
  }
}

TEST_CASE("shared values survive that their items move together") {
  Sharers both(std::string(50'000, 'L'));
  const auto name = [](int i) { return "key:" + std::to_string(i); };
  constexpr int kMany = 4'000;
  for (int i = 0; i < kMany; ++i) {
    const std::string key = name(i);
    both.one.shard.insert(0, key, both.one.hasher(key), HeldValue(both.find_copy()), 5'000);
  }
  for (int i = 0; i < kMany; ++i) {
    if (i % 16 != 0) both.one.shard.erase(0, both.one.find(name(i)));
  }
  REQUIRE(both.one.shard.is_untidy());
  while (both.one.shard.release_slice(100)) {
  }
  both.verify();
  for (int i = 0; i < kMany; i += 16) CHECK(both.one.find(name(i)).length() == 50'000);
}

TEST_CASE("a value is written before a key has it") {
  OneShard one;
  for (const size_t length : {size_t{0}, size_t{2}, size_t{100}, kLargeValue, size_t{70'000}}) {
    HeldValue value(length);
    std::memset(value.data(), '7', length);
    one.shard.insert(0, "key", one.hasher("key"), value, kNoDeadline);
    CHECK(one.text("key") == std::string(length, '7'));
    CHECK(one.find("key").is_integer() == (length == 2));
    CHECK(one.find("key").is_large() == (length >= kLargeValue));
    one.shard.verify();
    one.shard.erase(0, one.find("key"));
  }
  CHECK(one.shard.bytes() == 0);
}

TEST_CASE("a deadline can be given, moved and taken away without touching the value") {
  OneShard one;
  for (const std::string& value :
       {std::string("text"), std::string("123"), std::string(20'000, 'x'), std::string()}) {
    one.set("key", value);
    one.shard.set_deadline(0, one.find("key"), 10'000);
    CHECK(one.find("key").deadline_ms() == 10'000);
    CHECK_FALSE(one.find("key").is_due(9'999));
    CHECK(one.find("key").is_due(10'000));
    CHECK(one.shard.with_deadline(0) == 1);
    for (const int64_t deadline_ms :
         {int64_t{5}, int64_t{0}, int64_t{1'700'000'000'000}, (int64_t{1} << 46) - 2,
          (int64_t{1} << 46) - 1, int64_t{1} << 46, std::numeric_limits<int64_t>::max(),
          int64_t{77}}) {
      one.shard.set_deadline(0, one.find("key"), deadline_ms);
      CHECK(one.find("key").deadline_ms() == deadline_ms);
      CHECK(one.shard.mean_deadline_ms(0) == Approx(static_cast<double>(deadline_ms)));
      CHECK(one.text("key") == value);
      one.shard.verify();
    }
    one.shard.set_deadline(0, one.find("key"), kNoDeadline);
    CHECK(one.find("key").deadline_ms() == kNoDeadline);
    CHECK_FALSE(one.find("key").is_due(std::numeric_limits<int64_t>::max()));
    CHECK(one.shard.with_deadline(0) == 0);
    CHECK(one.shard.mean_deadline_ms(0) == 0);
    CHECK(one.text("key") == value);
    one.shard.erase(0, one.find("key"));
  }
}

}  // namespace
}  // namespace larder::storage
