// bit: operations on 32-bit integers.
#include <bit>
#include <cstdint>
#include <iterator>

#include "server/scripting/libraries.h"

namespace larder::server {
namespace {

// The number modulo 2^32, as two's complement.
uint32_t bits_at(lua_State* L, int index) {
  // Adding this leaves the integer in the low bits of the mantissa, rounded.
  constexpr double kShift = 6755399441055744.0;  // 2^52 + 2^51
  return static_cast<uint32_t>(std::bit_cast<uint64_t>(luaL_checknumber(L, index) + kShift));
}

int push_bits(lua_State* L, uint32_t bits) {
  lua_pushnumber(L, static_cast<lua_Number>(static_cast<int32_t>(bits)));
  return 1;
}

int bit_tobit(lua_State* L) { return push_bits(L, bits_at(L, 1)); }
int bit_bnot(lua_State* L) { return push_bits(L, ~bits_at(L, 1)); }
int bit_bswap(lua_State* L) { return push_bits(L, __builtin_bswap32(bits_at(L, 1))); }

template <typename Operation>
int fold(lua_State* L, Operation operation) {
  uint32_t bits = bits_at(L, 1);
  for (int i = lua_gettop(L); i > 1; --i) bits = operation(bits, bits_at(L, i));
  return push_bits(L, bits);
}
int bit_band(lua_State* L) {
  return fold(L, [](uint32_t a, uint32_t b) { return a & b; });
}
int bit_bor(lua_State* L) {
  return fold(L, [](uint32_t a, uint32_t b) { return a | b; });
}
int bit_bxor(lua_State* L) {
  return fold(L, [](uint32_t a, uint32_t b) { return a ^ b; });
}

unsigned places_at(lua_State* L, int index) { return bits_at(L, index) & 31; }

int bit_lshift(lua_State* L) { return push_bits(L, bits_at(L, 1) << places_at(L, 2)); }
int bit_rshift(lua_State* L) { return push_bits(L, bits_at(L, 1) >> places_at(L, 2)); }
int bit_arshift(lua_State* L) {
  const auto number = static_cast<int32_t>(bits_at(L, 1));
  return push_bits(L, static_cast<uint32_t>(number >> places_at(L, 2)));
}
int bit_rol(lua_State* L) {
  return push_bits(L, std::rotl(bits_at(L, 1), static_cast<int>(places_at(L, 2))));
}
int bit_ror(lua_State* L) {
  return push_bits(L, std::rotr(bits_at(L, 1), static_cast<int>(places_at(L, 2))));
}

// The last |n| of 8 digits; in capitals for a negative n.
int bit_tohex(lua_State* L) {
  constexpr int64_t kDigits = 8;
  uint32_t bits = bits_at(L, 1);
  int64_t count = lua_isnone(L, 2) ? kDigits : static_cast<int32_t>(bits_at(L, 2));
  const char* digits = "0123456789abcdef";
  if (count < 0) {
    count = -count;
    digits = "0123456789ABCDEF";
  }
  if (count > kDigits) count = kDigits;
  char text[kDigits];
  for (int64_t i = count; i-- > 0; bits >>= 4) text[i] = digits[bits & 15];
  lua_pushlstring(L, text, static_cast<size_t>(count));
  return 1;
}

constexpr luaL_Reg kFunctions[] = {
    {"tobit", bit_tobit},   {"bnot", bit_bnot},     {"band", bit_band},
    {"bor", bit_bor},       {"bxor", bit_bxor},     {"lshift", bit_lshift},
    {"rshift", bit_rshift}, {"arshift", bit_arshift}, {"rol", bit_rol},
    {"ror", bit_ror},       {"bswap", bit_bswap},   {"tohex", bit_tohex}};

}  // namespace

void push_bit(lua_State* L) {
  lua_createtable(L, 0, static_cast<int>(std::size(kFunctions)));
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
}

}  // namespace larder::server
