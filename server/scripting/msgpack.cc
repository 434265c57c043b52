// cmsgpack: MessagePack (the specification of 2013, without extension types).
//
// Whole numbers become integers, others the shortest float that holds them; a table whose keys are
// 1..n an array, else a map. Tables nested deeper than 16 become nil, as in lua-cmsgpack.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "server/scripting/libraries.h"
#include "server/scripting/lua_extras.h"
#include "server/scripting/sandbox.h"

namespace larder::server {
namespace {

constexpr int kMostPackedDepth = 16;
constexpr int kMostUnpackedDepth = 200;

// ---- pack ---------------------------------------------------------------------------------------

class Packer {
 public:
  Packer(lua_State* state, LuaText& out) : L(state), out_(out) {}

  // Pops the value on top.
  void pack(int depth) {
    if (++steps_ % kStepsPerPass == 0) pass_steps(L);
    switch (lua_type(L, -1)) {
      case LUA_TSTRING: {
        size_t size = 0;
        const char* const text = lua_tolstring(L, -1, &size);
        add_header(size, 0xa0, 32, 0xd9, 0xda);
        out_.add(std::string_view(text, size));
        break;
      }
      case LUA_TNUMBER:
        add_number(lua_tonumber(L, -1));
        break;
      case LUA_TBOOLEAN:
        out_.add(lua_toboolean(L, -1) != 0 ? '\xc3' : '\xc2');
        break;
      case LUA_TTABLE:
        if (depth < kMostPackedDepth) {
          luaL_checkstack(L, 5, "too deep");
          add_table(depth);
          break;
        }
        [[fallthrough]];
      default:
        out_.add('\xc0');
    }
    lua_pop(L, 1);
  }

 private:
  template <typename Integer>
  void add_bytes(uint8_t code, Integer value) {
    char* const bytes = out_.reserve(1 + sizeof value);
    bytes[0] = static_cast<char>(code);
    for (size_t i = 0; i < sizeof value; ++i) {
      bytes[1 + i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
    }
    out_.commit(1 + sizeof value);
  }
  // `fixed`: the code that holds sizes below `fixed_end` itself. `code8` 0: there is none of 8
  // bits.
  void add_header(size_t size, uint8_t fixed, size_t fixed_end, uint8_t code8, uint8_t code16) {
    if (size < fixed_end) {
      out_.add(static_cast<char>(fixed | size));
    } else if (code8 != 0 && size <= 0xff) {
      add_bytes(code8, static_cast<uint8_t>(size));
    } else if (size <= 0xffff) {
      add_bytes(code16, static_cast<uint16_t>(size));
    } else {
      add_bytes(static_cast<uint8_t>(code16 + 1), static_cast<uint32_t>(size));
    }
  }

  void add_number(double number) {
    constexpr double kBound = 9223372036854775808.0;  // 2^63
    if (number >= -kBound && number < kBound && number == std::trunc(number)) {
      return add_integer(static_cast<int64_t>(number));
    }
    const auto narrow = static_cast<float>(number);
    if (static_cast<double>(narrow) == number) {
      add_bytes(0xca, std::bit_cast<uint32_t>(narrow));
    } else {
      add_bytes(0xcb, std::bit_cast<uint64_t>(number));
    }
  }
  void add_integer(int64_t value) {
    if (value >= 0) {
      if (value <= 0x7f) return out_.add(static_cast<char>(value));
      if (value <= 0xff) return add_bytes(0xcc, static_cast<uint8_t>(value));
      if (value <= 0xffff) return add_bytes(0xcd, static_cast<uint16_t>(value));
      if (value <= 0xffffffffLL) return add_bytes(0xce, static_cast<uint32_t>(value));
      return add_bytes(0xcf, static_cast<uint64_t>(value));
    }
    if (value >= -32) return out_.add(static_cast<char>(value));
    if (value >= -128) return add_bytes(0xd0, static_cast<uint8_t>(value));
    if (value >= -32768) return add_bytes(0xd1, static_cast<uint16_t>(value));
    if (value >= -2147483648LL) return add_bytes(0xd2, static_cast<uint32_t>(value));
    add_bytes(0xd3, static_cast<uint64_t>(value));
  }

  // How many elements an array has; none: it is no array.
  bool is_array(size_t& count) {
    count = 0;
    double greatest = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0;) {
      lua_pop(L, 1);
      const double key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
      if (key <= 0 || key != std::trunc(key)) {
        lua_pop(L, 1);
        return false;
      }
      if (key > greatest) greatest = key;
      ++count;
    }
    return greatest == static_cast<double>(count);
  }
  void add_table(int depth) {
    size_t count = 0;
    if (is_array(count)) {
      add_header(count, 0x90, 16, 0, 0xdc);
      for (size_t i = 1; i <= count; ++i) {
        lua_rawgeti(L, -1, static_cast<int>(i));
        pack(depth + 1);
      }
      return;
    }
    count = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) ++count;
    add_header(count, 0x80, 16, 0, 0xde);
    for (lua_pushnil(L); lua_next(L, -2) != 0;) {
      lua_pushvalue(L, -2);
      pack(depth + 1);
      pack(depth + 1);
    }
  }

  lua_State* L;
  LuaText& out_;
  unsigned steps_ = 0;
};

int msgpack_pack(lua_State* L) {
  const int count = lua_gettop(L);
  if (count == 0) return luaL_argerror(L, 0, "MessagePack pack needs input.");
  LuaText out(L);
  for (int i = 1; i <= count; ++i) {
    luaL_checkstack(L, 2, "too many arguments");
    lua_pushvalue(L, i);
    Packer(L, out).pack(0);
  }
  out.push();
  return 1;
}

// ---- unpack -------------------------------------------------------------------------------------

class Unpacker {
 public:
  Unpacker(lua_State* state, std::string_view bytes) : L(state), bytes_(bytes) {}

  size_t left() const { return bytes_.size(); }

  // Pushes the next value, or raises an error.
  void unpack(int depth) {
    if (++steps_ % kStepsPerPass == 0) pass_steps(L);
    if (depth > kMostUnpackedDepth) luaL_error(L, "Bad data format in input.");
    luaL_checkstack(L, 4, "too many values");
    const auto code = static_cast<uint8_t>(take(1)[0]);
    if (code < 0x80) return lua_pushinteger(L, code);
    if (code < 0x90) return push_map(code & 0xf, depth);
    if (code < 0xa0) return push_array(code & 0xf, depth);
    if (code < 0xc0) return push_text(code & 0x1f);
    if (code >= 0xe0) return lua_pushinteger(L, static_cast<int8_t>(code));
    switch (code) {
      case 0xc0: return lua_pushnil(L);
      case 0xc2: return lua_pushboolean(L, 0);
      case 0xc3: return lua_pushboolean(L, 1);
      case 0xc4:
      case 0xd9: return push_text(integer<uint8_t>());
      case 0xc5:
      case 0xda: return push_text(integer<uint16_t>());
      case 0xc6:
      case 0xdb: return push_text(integer<uint32_t>());
      case 0xca: return lua_pushnumber(L, static_cast<double>(
                                              std::bit_cast<float>(integer<uint32_t>())));
      case 0xcb: return lua_pushnumber(L, std::bit_cast<double>(integer<uint64_t>()));
      case 0xcc: return push_number(integer<uint8_t>());
      case 0xcd: return push_number(integer<uint16_t>());
      case 0xce: return push_number(integer<uint32_t>());
      case 0xcf: return push_number(integer<uint64_t>());
      case 0xd0: return push_number(static_cast<int8_t>(integer<uint8_t>()));
      case 0xd1: return push_number(static_cast<int16_t>(integer<uint16_t>()));
      case 0xd2: return push_number(static_cast<int32_t>(integer<uint32_t>()));
      case 0xd3: return push_number(static_cast<int64_t>(integer<uint64_t>()));
      case 0xdc: return push_array(integer<uint16_t>(), depth);
      case 0xdd: return push_array(integer<uint32_t>(), depth);
      case 0xde: return push_map(integer<uint16_t>(), depth);
      case 0xdf: return push_map(integer<uint32_t>(), depth);
      default: luaL_error(L, "Bad data format in input.");
    }
  }

 private:
  std::string_view take(size_t size) {
    if (size > bytes_.size()) luaL_error(L, "Missing bytes in input.");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <typename Integer>
  Integer integer() {
    Integer value = 0;
    for (const char byte : take(sizeof(Integer))) {
      value = static_cast<Integer>(uint64_t{value} << 8 | static_cast<unsigned char>(byte));
    }
    return value;
  }
  template <typename Integer>
  void push_number(Integer value) {
    lua_pushnumber(L, static_cast<lua_Number>(value));
  }
  void push_text(size_t size) {
    const std::string_view text = take(size);
    lua_pushlstring(L, text.data(), text.size());
  }
  // Every element takes a byte at least: a larger count is a lie.
  void push_array(size_t count, int depth) {
    if (count > bytes_.size()) luaL_error(L, "Missing bytes in input.");
    lua_newtable(L);
    for (size_t i = 1; i <= count; ++i) {
      unpack(depth + 1);
      lua_rawseti(L, -2, static_cast<int>(i));
    }
  }
  void push_map(size_t count, int depth) {
    if (count > bytes_.size() / 2) luaL_error(L, "Missing bytes in input.");
    lua_newtable(L);
    for (size_t i = 0; i < count; ++i) {
      unpack(depth + 1);
      unpack(depth + 1);
      lua_settable(L, -3);  // which refuses nil and NaN as keys
    }
  }

  lua_State* L;
  std::string_view bytes_;
  unsigned steps_ = 0;
};

int unpack_from(lua_State* L, lua_Integer limit, lua_Integer offset, bool all) {
  size_t size = 0;
  const char* const data = luaL_checklstring(L, 1, &size);
  if (offset < 0 || limit < 0) {
    return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.",
                      static_cast<int>(offset), static_cast<int>(size));
  }
  if (static_cast<size_t>(offset) > size) {
    return luaL_error(L, "Start offset %d greater than input length %d.", static_cast<int>(offset),
                      static_cast<int>(size));
  }
  lua_settop(L, 1);
  Unpacker unpacker(L, std::string_view(data, size).substr(static_cast<size_t>(offset)));
  int count = 0;
  while (unpacker.left() > 0 && (all || count < limit)) {
    unpacker.unpack(1);
    ++count;
  }
  if (all) return count;
  luaL_checkstack(L, 1, "too many values");
  const size_t next = size - unpacker.left();
  lua_pushnumber(L, unpacker.left() == 0 ? -1 : static_cast<lua_Number>(next));
  lua_insert(L, 2);
  return count + 1;
}

int msgpack_unpack(lua_State* L) {
  return unpack_from(L, 0, 0, /*all=*/true);
}
int msgpack_unpack_one(lua_State* L) {
  return unpack_from(L, 1, luaL_optinteger(L, 2, 0), /*all=*/false);
}
int msgpack_unpack_limit(lua_State* L) {
  return unpack_from(L, luaL_checkinteger(L, 2), luaL_optinteger(L, 3, 0), /*all=*/false);
}

}  // namespace

void push_msgpack(lua_State* L) {
  lua_createtable(L, 0, 6);
  constexpr luaL_Reg kFunctions[] = {{"pack", msgpack_pack},
                                     {"unpack", msgpack_unpack},
                                     {"unpack_one", msgpack_unpack_one},
                                     {"unpack_limit", msgpack_unpack_limit}};
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  lua_pushliteral(L, "cmsgpack");
  lua_setfield(L, -2, "_NAME");
  lua_pushliteral(L, "lua-cmsgpack 0.4.0");
  lua_setfield(L, -2, "_VERSION");
}

}  // namespace larder::server
