// struct: records of fixed layout as text. Formats
//   > <     most, least significant byte first; without either as the machine has it
//   ![n]    align to n bytes, 8 if not said; without it nothing is aligned
//   b B h H l L T      signed and unsigned integers of 1, 2, 8, 8 bytes; T unsigned, 8 bytes
//   i[n] I[n]          signed and unsigned integers of n bytes (4 if not said, at most 32)
//   f d     IEEE numbers of 4 and 8 bytes           x     a byte without meaning
//   s       text up to a NUL                        c[n]  n bytes of text (1 if not said); c0: all
//                                                         of it, or as many as the number before
//                                                         says
#include <bit>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <limits>

#include "server/scripting/libraries.h"
#include "server/scripting/lua_extras.h"

namespace larder::server {
namespace {

constexpr size_t kMostAlignment = 8;
constexpr size_t kMostIntegerBytes = 32;
// A number in a format; texts cannot be longer anyway.
constexpr size_t kMostNumber = std::numeric_limits<int>::max();

// One format, option after option.
class Format {
 public:
  Format(lua_State* state, int index) : L(state), at_(luaL_checkstring(state, index)) {}

  // The next option and its size; false at the end. Options without a value are gone through.
  bool next() {
    while (*at_ != '\0') {
      option = *at_++;
      size = 0;
      switch (option) {
        case 'b':
        case 'B':
        case 'x':
          size = 1;
          return true;
        case 'h':
        case 'H':
          size = 2;
          return true;
        case 'l':
        case 'L':
        case 'T':
        case 'd':
          size = 8;
          return true;
        case 'f':
          size = 4;
          return true;
        case 'i':
        case 'I':
          size = number(4);
          if (size > kMostIntegerBytes) {
            luaL_error(L, "integral size %d is larger than limit of %d", static_cast<int>(size),
                       static_cast<int>(kMostIntegerBytes));
          }
          return true;
        case 'c':
          size = number(1);
          return true;
        case 's':
          return true;
        default:
          control();
      }
    }
    return false;
  }

  // Bytes in front of an option that begins at `position`.
  size_t padding(size_t position) const {
    if (size == 0 || option == 'c') return 0;
    const size_t unit = size > alignment_ ? alignment_ : size;
    return (unit - (position & (unit - 1))) & (unit - 1);
  }
  bool is_little() const { return is_little_; }

  char option = 0;
  size_t size = 0;

 private:
  size_t number(size_t otherwise) {
    if (std::isdigit(static_cast<unsigned char>(*at_)) == 0) return otherwise;
    size_t value = 0;
    while (std::isdigit(static_cast<unsigned char>(*at_)) != 0) {
      value = value * 10 + static_cast<size_t>(*at_++ - '0');
      if (value > kMostNumber) luaL_error(L, "integral size overflow");
    }
    return value;
  }
  void control() {
    switch (option) {
      case ' ':
        return;
      case '>':
        is_little_ = false;
        return;
      case '<':
        is_little_ = true;
        return;
      case '!':
        alignment_ = number(kMostAlignment);
        if (!std::has_single_bit(alignment_)) {
          luaL_error(L, "alignment %d is not a power of 2", static_cast<int>(alignment_));
        }
        return;
      default:
        luaL_argerror(
            L, 1, lua_pushfstring(L, "invalid format option '%c'", static_cast<int>(option)));
    }
  }

  lua_State* L;
  const char* at_;
  size_t alignment_ = 1;
  bool is_little_ = std::endian::native == std::endian::little;
};

// ---- pack ---------------------------------------------------------------------------------------

// As a conversion to 64 bits does where it has a meaning.
uint64_t integer_bits(double number) {
  constexpr double kBound = 9223372036854775808.0;  // 2^63
  if (number < 0) {
    return number >= -kBound ? static_cast<uint64_t>(static_cast<int64_t>(number)) : 1ULL << 63;
  }
  return number < 2 * kBound ? static_cast<uint64_t>(number) : 0;
}

void add_integer(LuaText& out, double number, bool is_little, size_t size) {
  uint64_t bits = integer_bits(number);
  char* const bytes = out.reserve(size);
  for (size_t i = 0; i < size; ++i, bits >>= 8) {
    bytes[is_little ? i : size - 1 - i] = static_cast<char>(bits & 0xff);
  }
  out.commit(size);
}

template <typename Bits, typename Real>
void add_real(LuaText& out, Real number, bool is_little) {
  auto bits = std::bit_cast<Bits>(number);
  char* const bytes = out.reserve(sizeof bits);
  for (size_t i = 0; i < sizeof bits; ++i) {
    bytes[is_little ? i : sizeof bits - 1 - i] = static_cast<char>((bits >> (8 * i)) & 0xff);
  }
  out.commit(sizeof bits);
}

int struct_pack(lua_State* L) {
  Format format(L, 1);
  int argument = 2;
  const int last = lua_gettop(L);
  LuaText out(L);
  // The text's place on the stack is no argument.
  const auto next_argument = [&](const char* expected) {
    if (argument > last) {
      luaL_argerror(L, argument, lua_pushfstring(L, "%s expected, got nil", expected));
    }
    return argument++;
  };
  while (format.next()) {
    for (size_t i = format.padding(out.size()); i > 0; --i) out.add('\0');
    switch (format.option) {
      case 'x':
        out.add('\0');
        break;
      case 'f':
        add_real<uint32_t>(out, static_cast<float>(luaL_checknumber(L, next_argument("number"))),
                           format.is_little());
        break;
      case 'd':
        add_real<uint64_t>(out, luaL_checknumber(L, next_argument("number")), format.is_little());
        break;
      case 'c':
      case 's': {
        const int index = next_argument("string");
        size_t size = 0;
        const char* const text = luaL_checklstring(L, index, &size);
        if (format.size == 0) format.size = size;
        luaL_argcheck(L, size >= format.size, index + 1, "string too short");
        out.add(std::string_view(text, format.size));
        if (format.option == 's') out.add('\0');
        break;
      }
      default:
        add_integer(out, luaL_checknumber(L, next_argument("number")), format.is_little(),
                    format.size);
    }
  }
  out.push();
  return 1;
}

// ---- unpack -------------------------------------------------------------------------------------

double integer_from(const char* bytes, bool is_little, size_t size, bool is_signed) {
  uint64_t bits = 0;
  for (size_t i = 0; i < size; ++i) {
    bits = bits << 8 | static_cast<unsigned char>(bytes[is_little ? size - 1 - i : i]);
  }
  if (!is_signed) return static_cast<double>(bits);
  if (size < sizeof bits && size > 0 && (bits >> (8 * size - 1)) != 0) {
    bits |= ~uint64_t{0} << (8 * size - 1);
  }
  return static_cast<double>(static_cast<int64_t>(bits));
}

template <typename Real, typename Bits>
Real real_from(const char* bytes, bool is_little) {
  Bits bits = 0;
  for (size_t i = 0; i < sizeof bits; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[is_little ? i : sizeof bits - 1 - i]);
    bits |= Bits{byte} << (8 * i);
  }
  return std::bit_cast<Real>(bits);
}

int struct_unpack(lua_State* L) {
  Format format(L, 1);
  size_t bytes = 0;
  const char* const data = luaL_checklstring(L, 2, &bytes);
  const lua_Integer said = luaL_optinteger(L, 3, 1);
  luaL_argcheck(L, said >= 1, 3, "offset must be 1 or greater");
  auto position = static_cast<size_t>(said) - 1;
  const auto check = [&](size_t size) {
    luaL_argcheck(L, size <= bytes && position <= bytes - size, 2, "data string too short");
  };
  lua_settop(L, 2);
  int count = 0;
  while (format.next()) {
    position += format.padding(position);
    check(format.size);
    luaL_checkstack(L, 2, "too many results");
    const char* const at = data + position;
    switch (format.option) {
      case 'x':
        break;
      case 'f':
        lua_pushnumber(L, static_cast<double>(real_from<float, uint32_t>(at, format.is_little())));
        ++count;
        break;
      case 'd':
        lua_pushnumber(L, real_from<double, uint64_t>(at, format.is_little()));
        ++count;
        break;
      case 'c':
        if (format.size == 0) {
          if (count == 0 || lua_isnumber(L, -1) == 0) {
            return luaL_error(L, "format 'c0' needs a previous size");
          }
          const double size = lua_tonumber(L, -1);
          luaL_argcheck(L, size >= 0 && size <= static_cast<double>(bytes), 2,
                        "data string too short");
          format.size = static_cast<size_t>(size);
          check(format.size);
          lua_pop(L, 1);
          --count;
        }
        lua_pushlstring(L, at, format.size);
        ++count;
        break;
      case 's': {
        const void* const end = std::memchr(at, '\0', bytes - position);
        if (end == nullptr) return luaL_error(L, "unfinished string in data");
        format.size = static_cast<size_t>(static_cast<const char*>(end) - at) + 1;
        lua_pushlstring(L, at, format.size - 1);
        ++count;
        break;
      }
      default: {
        const bool is_signed = std::islower(static_cast<unsigned char>(format.option)) != 0;
        lua_pushnumber(L, integer_from(at, format.is_little(), format.size, is_signed));
        ++count;
      }
    }
    position += format.size;
  }
  lua_pushnumber(L, static_cast<lua_Number>(position) + 1);
  return count + 1;
}

int struct_size(lua_State* L) {
  Format format(L, 1);
  size_t position = 0;
  while (format.next()) {
    if (format.option == 's') return luaL_argerror(L, 1, "option 's' has no fixed size");
    if (format.option == 'c' && format.size == 0) {
      return luaL_argerror(L, 1, "option 'c0' has no fixed size");
    }
    position += format.padding(position) + format.size;
  }
  lua_pushnumber(L, static_cast<lua_Number>(position));
  return 1;
}

}  // namespace

void push_struct(lua_State* L) {
  lua_createtable(L, 0, 3);
  constexpr luaL_Reg kFunctions[] = {
      {"pack", struct_pack}, {"unpack", struct_unpack}, {"size", struct_size}};
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
}

}  // namespace larder::server
