#include "server/commands/bit_strings.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace larder::server {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr size_t kWordBytes = sizeof(uint64_t);

uint8_t byte_at(std::string_view bytes, size_t at) {
  return at < bytes.size() ? static_cast<uint8_t>(bytes[at]) : uint8_t{0};
}

uint64_t word_at(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, kWordBytes);
  return word;
}

// The bytes that hold a field, as one number, and how far the field is from its right end.
struct Window {
  size_t first_byte;
  size_t bytes;
  unsigned shift;
  Wide content;
};

Window window_of(std::string_view bytes, uint64_t offset, unsigned width) {
  const uint64_t last = offset + width - 1;
  Window window{static_cast<size_t>(offset / 8), static_cast<size_t>(last / 8 - offset / 8 + 1),
                static_cast<unsigned>(7 - last % 8), 0};
  for (size_t i = 0; i < window.bytes; ++i) {
    window.content = window.content << 8 | byte_at(bytes, window.first_byte + i);
  }
  return window;
}

uint64_t lowest(unsigned width) {
  return ~uint64_t{0} >> (64 - width);
}

// ---- counting -----------------------------------------------------------------------------------

// Four sums, so that one does not wait for another.
inline __attribute__((always_inline)) uint64_t count_words(const char* at, size_t words) {
  uint64_t sums[4] = {};
  for (; words >= 4; words -= 4, at += 4 * kWordBytes) {
    for (size_t i = 0; i < 4; ++i) {
      sums[i] += static_cast<uint64_t>(__builtin_popcountll(word_at(at + i * kWordBytes)));
    }
  }
  for (; words > 0; --words, at += kWordBytes) {
    sums[0] += static_cast<uint64_t>(__builtin_popcountll(word_at(at)));
  }
  return sums[0] + sums[1] + sums[2] + sums[3];
}

uint64_t count_portably(const char* at, size_t words) {
  return count_words(at, words);
}

#if defined(__x86_64__)
// The architecture's baseline has no instruction for it; every processor of these years has.
__attribute__((target("popcnt"))) uint64_t count_by_instruction(const char* at, size_t words) {
  return count_words(at, words);
}

uint64_t count_whole_words(const char* at, size_t words) {
  static const bool has_instruction = __builtin_cpu_supports("popcnt") != 0;
  return has_instruction ? count_by_instruction(at, words) : count_portably(at, words);
}
#else
uint64_t count_whole_words(const char* at, size_t words) {
  return count_portably(at, words);
}
#endif

// ---- combining ----------------------------------------------------------------------------------

// Work goes on in pieces that stay in the first-level cache, however many sources there are.
constexpr size_t kPieceWords = 512;
constexpr size_t kPieceBytes = kPieceWords * kWordBytes;
using Piece = uint64_t[kPieceWords];

// `words` words of a source from byte `at` on, zeros beyond its end.
void load(std::string_view source, size_t at, Piece& piece, size_t words) {
  const size_t there = at < source.size() ? std::min(source.size() - at, words * kWordBytes) : 0;
  char* const bytes = reinterpret_cast<char*>(piece);
  if (there > 0) std::memcpy(bytes, source.data() + at, there);
  std::memset(bytes + there, 0, words * kWordBytes - there);
}

// result = change(result, one of `rest`), for each of them.
template <typename Change>
void fold(std::span<const std::string_view> rest, size_t at, Piece& result, size_t words,
          Change change) {
  Piece source;
  for (std::string_view bytes : rest) {
    load(bytes, at, source, words);
    for (size_t i = 0; i < words; ++i) change(result[i], source[i], i);
  }
}

void combine_piece(BitOperation operation, std::span<const std::string_view> sources, size_t at,
                   Piece& result, size_t words) {
  const std::span<const std::string_view> rest = sources.subspan(1);
  load(sources[0], at, result, words);
  switch (operation) {
    case BitOperation::conjunction:
      return fold(rest, at, result, words, [](uint64_t& a, uint64_t b, size_t) { a &= b; });
    case BitOperation::disjunction:
      return fold(rest, at, result, words, [](uint64_t& a, uint64_t b, size_t) { a |= b; });
    case BitOperation::parity:
      return fold(rest, at, result, words, [](uint64_t& a, uint64_t b, size_t) { a ^= b; });
    case BitOperation::complement:
      for (size_t i = 0; i < words; ++i) result[i] = ~result[i];
      return;
    case BitOperation::exactly_one: {
      Piece twice;
      std::memset(twice, 0, words * kWordBytes);
      fold(rest, at, result, words, [&twice](uint64_t& a, uint64_t b, size_t i) {
        twice[i] |= a & b;
        a |= b;
      });
      for (size_t i = 0; i < words; ++i) result[i] &= ~twice[i];
      return;
    }
    case BitOperation::first_only:
    case BitOperation::others_only:
    case BitOperation::first_shared:
      break;
  }
  Piece others;
  std::memset(others, 0, words * kWordBytes);
  fold(rest, at, others, words, [](uint64_t& a, uint64_t b, size_t) { a |= b; });
  for (size_t i = 0; i < words; ++i) {
    const uint64_t flip_first = operation == BitOperation::others_only ? ~uint64_t{0} : 0;
    const uint64_t flip_others = operation == BitOperation::first_only ? ~uint64_t{0} : 0;
    result[i] = (result[i] ^ flip_first) & (others[i] ^ flip_others);
  }
}

}  // namespace

uint64_t read_bits(std::string_view bytes, uint64_t offset, unsigned width) {
  const Window window = window_of(bytes, offset, width);
  return static_cast<uint64_t>(window.content >> window.shift) & lowest(width);
}

BitPatch::BitPatch(std::string_view bytes, uint64_t offset, unsigned width, uint64_t value) {
  Window window = window_of(bytes, offset, width);
  offset_ = window.first_byte;
  size_ = window.bytes;
  window.content &= ~(Wide{lowest(width)} << window.shift);
  window.content |= Wide{value & lowest(width)} << window.shift;
  for (size_t i = size_; i-- > 0; window.content >>= 8) {
    bytes_[i] = static_cast<char>(static_cast<uint8_t>(window.content));
  }
}

uint64_t count_ones(std::string_view bytes) {
  const size_t words = bytes.size() / kWordBytes;
  uint64_t count = count_whole_words(bytes.data(), words);
  for (char byte : bytes.substr(words * kWordBytes)) {
    count += static_cast<uint64_t>(std::popcount(static_cast<uint8_t>(byte)));
  }
  return count;
}

uint64_t count_ones(std::string_view bytes, uint64_t first, uint64_t last) {
  const size_t begin = static_cast<size_t>(first / 8);
  const size_t end = static_cast<size_t>(last / 8) + 1;
  const unsigned before = byte_at(bytes, begin) & (0xFF00u >> first % 8);
  const unsigned after = byte_at(bytes, end - 1) & (0x7Fu >> last % 8);
  return count_ones(bytes.substr(begin, end - begin)) -
         static_cast<uint64_t>(std::popcount(before & 0xFFu) + std::popcount(after));
}

std::optional<uint64_t> find_bit(std::string_view bytes, bool wanted, uint64_t first,
                                 uint64_t last) {
  // What is looked for is a one in each byte or word xor `flip`.
  const uint64_t flip = wanted ? 0 : ~uint64_t{0};
  size_t at = static_cast<size_t>(first / 8);
  const size_t end = static_cast<size_t>(last / 8) + 1;
  const auto found_in = [&](unsigned byte) -> std::optional<uint64_t> {
    const auto within = static_cast<unsigned>(std::countl_zero(static_cast<uint8_t>(byte)));
    const uint64_t position = uint64_t{at} * 8 + within;
    return byte != 0 && position <= last ? std::optional(position) : std::nullopt;
  };
  const auto flipped = [&] { return (byte_at(bytes, at) ^ static_cast<unsigned>(flip)) & 0xFFu; };
  if (const auto found = found_in(flipped() & (0xFFu >> first % 8))) return found;
  // Long stretches of what is not looked for go by in blocks, then words, then bytes.
  const auto words_differ = [&](size_t words) {
    uint64_t difference = 0;
    for (size_t i = 0; i < words; ++i) {
      difference |= word_at(bytes.data() + at + i * kWordBytes) ^ flip;
    }
    return difference != 0;
  };
  ++at;
  while (at + 8 * kWordBytes <= end && !words_differ(8)) at += 8 * kWordBytes;
  while (at + kWordBytes <= end && !words_differ(1)) at += kWordBytes;
  for (; at < end; ++at) {
    if (const unsigned byte = flipped()) return found_in(byte);
  }
  return std::nullopt;
}

void combine_bits(BitOperation operation, std::span<const std::string_view> sources, char* result,
                  size_t size) {
  Piece piece;
  for (size_t at = 0; at < size; at += kPieceBytes) {
    const size_t bytes = std::min(size - at, kPieceBytes);
    combine_piece(operation, sources, at, piece, (bytes + kWordBytes - 1) / kWordBytes);
    std::memcpy(result + at, piece, bytes);
  }
}

}  // namespace larder::server
