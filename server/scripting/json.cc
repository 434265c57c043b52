// cjson: JSON (RFC 8259), with the settings and error texts of lua-cjson 2.1, for which scripts
// look.
#include <cctype>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string_view>

#include "server/scripting/libraries.h"
#include "server/scripting/lua_extras.h"
#include "server/scripting/sandbox.h"
#include "server/text/ascii.h"

namespace larder::server {
namespace {

// ---- encode -------------------------------------------------------------------------------------

class Encoder {
 public:
  Encoder(lua_State* state, LuaText& out)
      : L(state), out_(out), settings_(LuaExtras::of(state).json) {}

  // The value on top; it stays there.
  void encode(int depth) {
    if (++steps_ % kStepsPerPass == 0) pass_steps(L);
    switch (lua_type(L, -1)) {
      case LUA_TSTRING:
        return add_string(-1);
      case LUA_TNUMBER:
        return add_number(lua_tonumber(L, -1));
      case LUA_TBOOLEAN:
        return out_.add(lua_toboolean(L, -1) != 0 ? "true" : "false");
      case LUA_TTABLE:
        return add_table(depth + 1);
      case LUA_TNIL:
        return out_.add("null");
      case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, -1) == nullptr) return out_.add("null");
        [[fallthrough]];
      default:
        refuse("type not supported");
    }
  }

 private:
  void refuse(const char* reason) {
    luaL_error(L, "Cannot serialise %s: %s", luaL_typename(L, -1), reason);
  }

  void add_string(int index) {
    size_t size = 0;
    const char* const text = lua_tolstring(L, index, &size);
    out_.add('"');
    size_t plain = 0;
    for (size_t i = 0; i < size; ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      if (c >= 0x20 && c != '"' && c != '\\' && c != '/' && c != 0x7f) continue;
      out_.add(std::string_view(text + plain, i - plain));
      plain = i + 1;
      add_escape(c);
    }
    out_.add(std::string_view(text + plain, size - plain));
    out_.add('"');
  }
  void add_escape(unsigned char c) {
    constexpr std::string_view kNamed = "\"\\/\b\t\n\f\r";
    constexpr std::string_view kNames = "\"\\/btnfr";
    const size_t place = kNamed.find(static_cast<char>(c));
    out_.add('\\');
    if (place != std::string_view::npos) return out_.add(kNames[place]);
    constexpr std::string_view kDigits = "0123456789abcdef";
    out_.add("u00");
    out_.add(kDigits[c >> 4]);
    out_.add(kDigits[c & 15]);
  }

  void add_number(double number) {
    if (!std::isfinite(number) && settings_.encode_invalid != JsonSettings::Invalid::allow) {
      if (settings_.encode_invalid == JsonSettings::Invalid::null) return out_.add("null");
      refuse("must not be NaN or Inf");
    }
    if (std::isnan(number)) return out_.add("nan");
    if (std::isinf(number)) return out_.add(number > 0 ? "inf" : "-inf");
    constexpr size_t kMostChars = 32;
    const int size = std::snprintf(out_.reserve(kMostChars), kMostChars, "%.*g",
                                   settings_.precision, number);
    out_.commit(static_cast<size_t>(size));
  }

  // The length of the array that the table on top is; 0: it is none.
  size_t array_length() {
    double greatest = 0;
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0;) {
      lua_pop(L, 1);
      const double key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
      if (key < 1 || key != std::floor(key)) {
        lua_pop(L, 1);
        return 0;
      }
      if (key > greatest) greatest = key;
      ++count;
    }
    if (settings_.sparse_ratio > 0 && greatest > settings_.sparse_safe &&
        greatest > static_cast<double>(count) * settings_.sparse_ratio) {
      if (!settings_.converts_sparse) refuse("excessively sparse array");
      return 0;
    }
    if (greatest > std::numeric_limits<int>::max()) refuse("excessively sparse array");
    return static_cast<size_t>(greatest);
  }

  void add_table(int depth) {
    if (depth > settings_.encode_depth || lua_checkstack(L, 5) == 0) {
      luaL_error(L, "Cannot serialise, excessive nesting (%d)", depth);
    }
    const size_t length = array_length();
    length > 0 ? add_array(length, depth) : add_object(depth);
  }
  void add_array(size_t length, int depth) {
    out_.add('[');
    for (size_t i = 1; i <= length; ++i) {
      if (i > 1) out_.add(',');
      lua_rawgeti(L, -1, static_cast<int>(i));
      encode(depth);
      lua_pop(L, 1);
    }
    out_.add(']');
  }
  void add_object(int depth) {
    out_.add('{');
    bool is_first = true;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      if (!is_first) out_.add(',');
      is_first = false;
      switch (lua_type(L, -2)) {
        case LUA_TNUMBER:
          out_.add('"');
          add_number(lua_tonumber(L, -2));
          out_.add('"');
          break;
        case LUA_TSTRING:
          add_string(-2);
          break;
        default:
          lua_pop(L, 1);
          refuse("table key must be a number or string");
      }
      out_.add(':');
      encode(depth);
    }
    out_.add('}');
  }

  lua_State* L;
  LuaText& out_;
  const JsonSettings& settings_;
  unsigned steps_ = 0;
};

int json_encode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  LuaText out(L);
  lua_pushvalue(L, 1);
  Encoder(L, out).encode(0);
  out.push();
  return 1;
}

// ---- decode -------------------------------------------------------------------------------------

enum class Token : uint8_t {
  object_begin,
  object_end,
  array_begin,
  array_end,
  string,
  number,
  boolean,
  null,
  colon,
  comma,
  end,
  error,
};

constexpr const char* kTokenNames[] = {"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END",
                                       "T_STRING",    "T_NUMBER",  "T_BOOLEAN",   "T_NULL",
                                       "T_COLON",     "T_COMMA",   "T_END",       "T_ERROR"};

class Decoder {
 public:
  // `text` is followed by a NUL, as Lua's strings are.
  Decoder(lua_State* state, std::string_view text)
      : L(state),
        begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        settings_(LuaExtras::of(state).json) {}

  void decode() {
    next();
    push_value(0);
    next();
    if (token_ != Token::end) refuse("the end");
  }

 private:
  void refuse(const char* expected) {
    const char* const found =
        token_ == Token::error ? error_ : kTokenNames[static_cast<size_t>(token_)];
    luaL_error(L, "Expected %s but found %s at character %d", expected, found,
               static_cast<int>(token_at_ - begin_) + 1);
  }
  void found_error(const char* error) {
    token_ = Token::error;
    error_ = error;
  }

  // ---- tokens; a string is pushed

  void next() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
    token_at_ = at_;
    if (at_ == end_ || *at_ == '\0') {
      token_ = Token::end;
      return;
    }
    switch (*at_) {
      case '{': return take(Token::object_begin);
      case '}': return take(Token::object_end);
      case '[': return take(Token::array_begin);
      case ']': return take(Token::array_end);
      case ':': return take(Token::colon);
      case ',': return take(Token::comma);
      case '"': return next_string();
      default: return next_word();
    }
  }
  void take(Token token, size_t size = 1) {
    token_ = token;
    at_ += size;
  }
  void next_word() {
    const std::string_view rest(at_, static_cast<size_t>(end_ - at_));
    if (*at_ == '-' || text::is_digit(*at_)) {
      if (!settings_.decode_invalid && is_invalid_number(rest))
        return found_error("invalid number");
      return next_number();
    }
    if (rest.starts_with("true") || rest.starts_with("false")) {
      boolean_ = *at_ == 't';
      return take(Token::boolean, boolean_ ? 4 : 5);
    }
    if (rest.starts_with("null")) return take(Token::null, 4);
    if (settings_.decode_invalid && is_invalid_number(rest)) return next_number();
    found_error("invalid token");
  }
  // What strtod reads and JSON does not allow.
  static bool is_invalid_number(std::string_view rest) {
    if (rest.starts_with('+')) return true;
    if (rest.starts_with('-')) rest.remove_prefix(1);
    if (rest.empty()) return false;
    if (rest[0] == '0') {
      return rest.size() > 1 && (rest[1] == 'x' || rest[1] == 'X' || text::is_digit(rest[1]));
    }
    return text::equals_ignoring_case(rest.substr(0, 3), "inf") ||
           text::equals_ignoring_case(rest.substr(0, 3), "nan");
  }
  void next_number() {
    char* number_end = nullptr;
    number_ = std::strtod(at_, &number_end);
    if (number_end == at_) return found_error("invalid number");
    token_ = Token::number;
    at_ = number_end;
  }

  void next_string() {
    ++at_;
    const char* plain = at_;
    // Most strings hold no escape: those are taken where they lie.
    while (at_ != end_ && *at_ != '"' && *at_ != '\\' && *at_ != '\0') ++at_;
    if (at_ != end_ && *at_ == '"') {
      lua_pushlstring(L, plain, static_cast<size_t>(at_ - plain));
      return take(Token::string);
    }
    LuaText out(L);
    for (;;) {
      out.add(std::string_view(plain, static_cast<size_t>(at_ - plain)));
      if (at_ == end_ || *at_ == '\0') {
        token_at_ = at_;
        lua_pop(L, 1);
        return found_error("unexpected end of string");
      }
      if (*at_ == '"') break;
      if (!add_escape(out)) {
        token_at_ = at_;
        lua_pop(L, 1);
        return;
      }
      plain = at_;
      while (at_ != end_ && *at_ != '"' && *at_ != '\\' && *at_ != '\0') ++at_;
    }
    out.push();
    lua_remove(L, -2);
    take(Token::string);
  }
  // at_ is at the backslash, and then behind the escape.
  bool add_escape(LuaText& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const char name = at_ + 1 == end_ ? '\0' : at_[1];
    const size_t place = name == '\0' ? std::string_view::npos : kNames.find(name);
    if (place != std::string_view::npos) {
      out.add(kMeant[place]);
      at_ += 2;
      return true;
    }
    if (name != 'u') {
      found_error("invalid escape code");
      return false;
    }
    int32_t point = unit_at(at_);
    size_t size = 6;
    if (point >= 0xd800 && point < 0xdc00) {
      const int32_t low = unit_at(at_ + size);
      point = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00)
                                            : -1;
      size += 6;
    } else if (point >= 0xdc00 && point < 0xe000) {
      point = -1;
    }
    if (point < 0) {
      found_error("invalid unicode escape code");
      return false;
    }
    add_utf8(out, static_cast<uint32_t>(point));
    at_ += size;
    return true;
  }
  // \uXXXX; -1 if there is none.
  int32_t unit_at(const char* at) const {
    if (end_ - at < 6 || at[0] != '\\' || at[1] != 'u') return -1;
    int32_t unit = 0;
    for (int i = 2; i < 6; ++i) {
      const auto c = static_cast<unsigned char>(at[i]);
      if (std::isxdigit(c) == 0) return -1;
      unit = unit * 16 + (std::isdigit(c) != 0 ? c - '0' : std::tolower(c) - 'a' + 10);
    }
    return unit;
  }
  static void add_utf8(LuaText& out, uint32_t point) {
    const auto tail = [&](unsigned shift) {
      out.add(static_cast<char>(0x80 | ((point >> shift) & 0x3f)));
    };
    if (point < 0x80) return out.add(static_cast<char>(point));
    if (point < 0x800) {
      out.add(static_cast<char>(0xc0 | (point >> 6)));
    } else if (point < 0x10000) {
      out.add(static_cast<char>(0xe0 | (point >> 12)));
      tail(6);
    } else {
      out.add(static_cast<char>(0xf0 | (point >> 18)));
      tail(12);
      tail(6);
    }
    tail(0);
  }

  // ---- values

  void enter(int depth) {
    if (depth > settings_.decode_depth || lua_checkstack(L, 6) == 0) {
      luaL_error(L, "Found too many nested data structures (%d) at character %d", depth,
                 static_cast<int>(at_ - begin_));
    }
  }
  // Of the token that was read.
  void push_value(int depth) {
    if (++steps_ % kStepsPerPass == 0) pass_steps(L);
    switch (token_) {
      case Token::string: return;  // is pushed
      case Token::number: return lua_pushnumber(L, number_);
      case Token::boolean: return lua_pushboolean(L, boolean_ ? 1 : 0);
      case Token::null: return lua_pushlightuserdata(L, nullptr);
      case Token::object_begin: return push_object(depth + 1);
      case Token::array_begin: return push_array(depth + 1);
      default: refuse("value");
    }
  }
  void push_object(int depth) {
    enter(depth);
    lua_newtable(L);
    next();
    if (token_ == Token::object_end) return;
    for (;; next()) {
      if (token_ != Token::string) refuse("object key string");
      next();
      if (token_ != Token::colon) refuse("colon");
      next();
      push_value(depth);
      lua_rawset(L, -3);
      next();
      if (token_ == Token::object_end) return;
      if (token_ != Token::comma) refuse("comma or object end");
    }
  }
  void push_array(int depth) {
    enter(depth);
    lua_newtable(L);
    next();
    if (token_ == Token::array_end) return;
    for (int i = 1;; ++i, next()) {
      push_value(depth);
      lua_rawseti(L, -2, i);
      next();
      if (token_ == Token::array_end) return;
      if (token_ != Token::comma) refuse("comma or array end");
    }
  }

  lua_State* L;
  const char* begin_;
  const char* at_;
  const char* end_;
  const JsonSettings& settings_;
  Token token_ = Token::end;
  const char* token_at_ = nullptr;
  const char* error_ = nullptr;
  double number_ = 0;
  bool boolean_ = false;
  unsigned steps_ = 0;
};

int json_decode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  size_t size = 0;
  const char* const text = luaL_checklstring(L, 1, &size);
  if (size >= 2 && (text[0] == '\0' || text[1] == '\0')) {
    return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
  }
  Decoder(L, {text, size}).decode();
  return 1;
}

// ---- settings -----------------------------------------------------------------------------------

// At most so many arguments; those that are missing are nil.
void take_arguments(lua_State* L, int most) {
  luaL_argcheck(L, lua_gettop(L) <= most, most + 1, "found too many arguments");
  lua_settop(L, most);
}

int set_integer(lua_State* L, int index, int& setting, int least, int most) {
  if (!lua_isnil(L, index)) {
    const lua_Integer value = luaL_checkinteger(L, index);
    if (value < least || value > most) {
      luaL_argerror(L, index,
                    lua_pushfstring(L, "expected integer between %d and %d", least, most));
    }
    setting = static_cast<int>(value);
  }
  lua_pushinteger(L, setting);
  return 1;
}

// "off", "on", or a boolean.
int set_switch(lua_State* L, int index, bool& setting) {
  static const char* const kWords[] = {"off", "on", nullptr};
  if (lua_isboolean(L, index)) {
    setting = lua_toboolean(L, index) != 0;
  } else if (!lua_isnil(L, index)) {
    setting = luaL_checkoption(L, index, nullptr, kWords) == 1;
  }
  lua_pushboolean(L, setting ? 1 : 0);
  return 1;
}

constexpr int kMostInt = std::numeric_limits<int>::max();

int json_encode_max_depth(lua_State* L) {
  take_arguments(L, 1);
  return set_integer(L, 1, LuaExtras::of(L).json.encode_depth, 1, kMostInt);
}
int json_decode_max_depth(lua_State* L) {
  take_arguments(L, 1);
  return set_integer(L, 1, LuaExtras::of(L).json.decode_depth, 1, kMostInt);
}
int json_encode_number_precision(lua_State* L) {
  constexpr int kMostDigits = 14;
  take_arguments(L, 1);
  return set_integer(L, 1, LuaExtras::of(L).json.precision, 1, kMostDigits);
}
int json_encode_sparse_array(lua_State* L) {
  JsonSettings& settings = LuaExtras::of(L).json;
  take_arguments(L, 3);
  return set_switch(L, 1, settings.converts_sparse) +
         set_integer(L, 2, settings.sparse_ratio, 0, kMostInt) +
         set_integer(L, 3, settings.sparse_safe, 0, kMostInt);
}
// There is no buffer to keep; scripts may say so all the same.
int json_encode_keep_buffer(lua_State* L) {
  take_arguments(L, 1);
  return set_switch(L, 1, LuaExtras::of(L).json.keeps_buffer);
}
int json_decode_invalid_numbers(lua_State* L) {
  take_arguments(L, 1);
  return set_switch(L, 1, LuaExtras::of(L).json.decode_invalid);
}
int json_encode_invalid_numbers(lua_State* L) {
  using Invalid = JsonSettings::Invalid;
  static const char* const kWords[] = {"off", "on", "null", nullptr};
  Invalid& setting = LuaExtras::of(L).json.encode_invalid;
  take_arguments(L, 1);
  if (lua_isboolean(L, 1)) {
    setting = lua_toboolean(L, 1) != 0 ? Invalid::allow : Invalid::refuse;
  } else if (!lua_isnil(L, 1)) {
    setting = static_cast<Invalid>(luaL_checkoption(L, 1, nullptr, kWords));
  }
  if (setting == Invalid::null) {
    lua_pushliteral(L, "null");
  } else {
    lua_pushboolean(L, setting == Invalid::allow ? 1 : 0);
  }
  return 1;
}

int json_new(lua_State* L) {
  push_json(L);
  return 1;
}

}  // namespace

void push_json(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"encode", json_encode},
                                     {"decode", json_decode},
                                     {"encode_sparse_array", json_encode_sparse_array},
                                     {"encode_max_depth", json_encode_max_depth},
                                     {"decode_max_depth", json_decode_max_depth},
                                     {"encode_number_precision", json_encode_number_precision},
                                     {"encode_keep_buffer", json_encode_keep_buffer},
                                     {"encode_invalid_numbers", json_encode_invalid_numbers},
                                     {"decode_invalid_numbers", json_decode_invalid_numbers},
                                     {"new", json_new}};
  lua_createtable(L, 0, static_cast<int>(std::size(kFunctions)) + 3);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, -2, "null");
  lua_pushliteral(L, "cjson");
  lua_setfield(L, -2, "_NAME");
  lua_pushliteral(L, "2.1.0");
  lua_setfield(L, -2, "_VERSION");
}

}  // namespace larder::server
