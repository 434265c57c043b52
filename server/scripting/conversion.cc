#include "server/scripting/conversion.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "server/scripting/sandbox.h"

namespace larder::server {
namespace {

using protocol::Dialect;
using protocol::Reply;

// ---- RESP -> Lua --------------------------------------------------------------------------------

// No reply of ours nests so deeply (COMMAND DOCS comes to 20).
constexpr unsigned kMostDepth = 64;
// A count is only a promise until the elements are there.
constexpr int64_t kMostExpectedElements = 1 << 16;

struct Cursor {
  const char* at;
  const char* end;

  bool line(std::string_view& text) {
    for (const char* p = at; p + 1 < end; ++p) {
      if (p[0] != '\r' || p[1] != '\n') continue;
      text = {at, static_cast<size_t>(p - at)};
      at = p + 2;
      return true;
    }
    return false;
  }
  bool bytes(int64_t count, std::string_view& text) {
    if (count < 0 || end - at < 2 || count > end - at - 2) return false;
    text = {at, static_cast<size_t>(count)};
    at += count + 2;
    return true;
  }
};

bool read_integer(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

double read_real(std::string_view text) {
  if (text == "nan" || text == "-nan") return std::numeric_limits<double>::quiet_NaN();
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void push_text(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}

// {name = text}
void push_named(lua_State* L, const char* name, std::string_view text) {
  lua_createtable(L, 0, 1);
  push_text(L, text);
  lua_setfield(L, -2, name);
}

bool push_value(lua_State* L, Cursor& cursor, unsigned depth);

bool push_array(lua_State* L, Cursor& cursor, int64_t count, unsigned depth) {
  if (count > std::numeric_limits<int>::max()) return false;
  lua_createtable(L, static_cast<int>(count < kMostExpectedElements ? count : 0), 0);
  for (int i = 1; i <= static_cast<int>(count); ++i) {
    const bool is_whole = push_value(L, cursor, depth);
    lua_rawseti(L, -2, i);
    if (!is_whole) return false;
  }
  return true;
}

// {map = {key = value, ...}} or {set = {element = true, ...}}
bool push_keyed(lua_State* L, Cursor& cursor, int64_t count, bool is_map, unsigned depth) {
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, static_cast<int>(count < kMostExpectedElements ? count : 0));
  bool is_whole = true;
  for (int64_t i = 0; i < count && is_whole; ++i) {
    is_whole = push_value(L, cursor, depth);
    if (is_map && is_whole) {
      is_whole = push_value(L, cursor, depth);
    } else {
      lua_pushboolean(L, 1);
    }
    // Neither nil nor NaN can be a key.
    const bool has_key =
        !lua_isnil(L, -2) && (lua_type(L, -2) != LUA_TNUMBER ||
                              !std::isnan(lua_tonumber(L, -2)));
    if (has_key) {
      lua_rawset(L, -3);
    } else {
      lua_pop(L, 2);
    }
  }
  lua_setfield(L, -2, is_map ? "map" : "set");
  return is_whole;
}

bool push_verbatim(lua_State* L, std::string_view text) {
  constexpr size_t kFormatBytes = 3;
  if (text.size() <= kFormatBytes) return false;
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 2);
  push_text(L, text.substr(kFormatBytes + 1));
  lua_setfield(L, -2, "string");
  push_text(L, text.substr(0, kFormatBytes));
  lua_setfield(L, -2, "format");
  lua_setfield(L, -2, "verbatim_string");
  return true;
}

bool push_counted(lua_State* L, Cursor& cursor, char kind, int64_t count, unsigned depth) {
  std::string_view text;
  switch (kind) {
    case '$':
    case '=':
      if (!cursor.bytes(count, text)) return false;
      if (kind == '=') return push_verbatim(L, text);
      push_text(L, text);
      return true;
    case '*':
    case '>':
      return push_array(L, cursor, count, depth + 1);
    default:
      return push_keyed(L, cursor, count, kind == '%', depth + 1);
  }
}

// Pushes something in any case.
bool push_value(lua_State* L, Cursor& cursor, unsigned depth) {
  std::string_view line;
  if (depth > kMostDepth || lua_checkstack(L, 6) == 0 || !cursor.line(line) || line.empty()) {
    lua_pushnil(L);
    return false;
  }
  const char kind = line[0];
  line.remove_prefix(1);
  int64_t number = 0;
  switch (kind) {
    case '+':
      push_named(L, "ok", line);
      return true;
    case '-':
      push_named(L, "err", line);
      lua_pushboolean(L, 1);
      lua_setfield(L, -2, "ignore_error_stats_update");
      return true;
    case '(':
      push_named(L, "big_number", line);
      return true;
    case '_':
      lua_pushnil(L);
      return true;
    case '#':
      lua_pushboolean(L, line == "t");
      return true;
    case ',':
      lua_createtable(L, 0, 1);
      lua_pushnumber(L, read_real(line));
      lua_setfield(L, -2, "double");
      return true;
    case ':':
      if (!read_integer(line, number)) break;
      lua_pushnumber(L, static_cast<lua_Number>(number));
      return true;
    case '$':
    case '*':
    case '=':
    case '>':
    case '%':
    case '~': {
      if (!read_integer(line, number)) break;
      if (number < 0) {
        lua_pushboolean(L, 0);
        return true;
      }
      const int before = lua_gettop(L);
      const bool is_whole = push_counted(L, cursor, kind, number, depth);
      if (lua_gettop(L) == before) lua_pushnil(L);
      return is_whole;
    }
    default:
      break;
  }
  lua_pushnil(L);
  return false;
}

// ---- Lua -> RESP --------------------------------------------------------------------------------

// As Redis does on the machines that it runs on; C++ leaves it open.
int64_t truncated(double number) {
  constexpr double kBound = 9223372036854775808.0;  // 2^63
  if (!(number >= -kBound && number < kBound)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(number);
}

std::string_view text_at(lua_State* L, int index) {
  size_t size = 0;
  const char* const bytes = lua_tolstring(L, index, &size);
  return {bytes, size};
}

// What says that a table is no array.
enum Field { kErr, kOk, kDouble, kMap, kSet, kBigNumber, kVerbatim, kString, kFormat, kFields };
constexpr const char* kFieldNames[kFields] = {
    "err", "ok", "double", "map", "set", "big_number", "verbatim_string", "string", "format"};

class Writer {
 public:
  Writer(lua_State* state, Reply& reply, Dialect script_dialect, size_t most_bytes)
      : L(state), reply_(reply), script_dialect_(script_dialect), most_bytes_(most_bytes) {}

  // The value on top; it stays there.
  Written write_outermost() {
    const int value = lua_gettop(L);
    if (lua_checkstack(L, kFields + 1) == 0) return Written::too_deep;
    if (lua_type(L, value) == LUA_TTABLE) {
      // Once for all tables: making a string of a name costs more than looking it up.
      first_name_ = value + 1;
      for (const char* name : kFieldNames) lua_pushstring(L, name);
      lua_pushvalue(L, value);
    }
    const bool is_whole = write();
    lua_settop(L, value);
    if (is_whole) return Written::whole;
    return is_too_deep_ ? Written::too_deep : Written::too_large;
  }

 private:
  // The value on top; it stays there.
  bool write() {
    if (++steps_ % kStepsPerPass == 0) pass_steps(L);
    if (reply_.buffer().size() + tables_ * kTableBytes > most_bytes_) return false;
    is_too_deep_ = lua_checkstack(L, 6) == 0;
    if (is_too_deep_) return false;
    switch (lua_type(L, -1)) {
      case LUA_TSTRING: {
        const std::string_view text = text_at(L, -1);
        if (text.size() > most_bytes_) return false;
        reply_.bulk(text);
        return true;
      }
      case LUA_TNUMBER:
        reply_.integer(truncated(lua_tonumber(L, -1)));
        return true;
      case LUA_TBOOLEAN:
        write_boolean(lua_toboolean(L, -1) != 0);
        return true;
      case LUA_TTABLE:
        return write_table();
      default:
        reply_.null();
        return true;
    }
  }

  void write_boolean(bool value) {
    if (script_dialect_ == Dialect::resp3) return reply_.boolean(value);
    value ? reply_.integer(1) : reply_.null();
  }

  // Pushes the field of the table on top; true if it is of the type, else it is popped again.
  bool push_field(Field field, int type) {
    lua_pushvalue(L, first_name_ + field);
    lua_rawget(L, -2);
    if (lua_type(L, -1) == type) return true;
    lua_pop(L, 1);
    return false;
  }

  bool write_table() {
    ++tables_;
    if (push_field(kErr, LUA_TSTRING)) {
      reply_.error(text_at(L, -1));
    } else if (push_field(kOk, LUA_TSTRING)) {
      reply_.simple(text_at(L, -1));
    } else if (push_field(kDouble, LUA_TNUMBER)) {
      reply_.real(lua_tonumber(L, -1));
    } else if (push_field(kMap, LUA_TTABLE)) {
      const bool is_whole = write_keyed(/*is_map=*/true);
      lua_pop(L, 1);
      return is_whole;
    } else if (push_field(kSet, LUA_TTABLE)) {
      const bool is_whole = write_keyed(/*is_map=*/false);
      lua_pop(L, 1);
      return is_whole;
    } else if (push_field(kBigNumber, LUA_TSTRING)) {
      reply_.big_number(text_at(L, -1));
    } else if (push_field(kVerbatim, LUA_TTABLE)) {
      if (!write_verbatim()) {
        lua_pop(L, 1);
        return write_array();
      }
    } else {
      return write_array();
    }
    lua_pop(L, 1);
    return true;
  }

  bool write_verbatim() {
    if (!push_field(kString, LUA_TSTRING)) return false;
    lua_pushvalue(L, -2);
    if (!push_field(kFormat, LUA_TSTRING)) {
      lua_pop(L, 2);
      return false;
    }
    // Three letters, whatever the script says.
    char format[3] = {' ', ' ', ' '};
    const std::string_view said = text_at(L, -1).substr(0, sizeof format);
    for (size_t i = 0; i < said.size(); ++i) format[i] = said[i];
    reply_.verbatim({format, sizeof format}, text_at(L, -3));
    lua_pop(L, 3);
    return true;
  }

  bool write_keyed(bool is_map) {
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) ++count;
    is_map ? reply_.map(count) : reply_.set(count);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
      lua_pushvalue(L, -2);
      bool is_whole = write();
      lua_pop(L, 1);
      if (is_map && is_whole) is_whole = write();
      if (is_whole) continue;
      lua_pop(L, 2);
      return false;
    }
    return true;
  }

  bool write_array() {
    int count = 0;
    for (;; ++count) {
      lua_rawgeti(L, -1, count + 1);
      const bool is_end = lua_isnil(L, -1);
      lua_pop(L, 1);
      if (is_end) break;
    }
    reply_.array(static_cast<size_t>(count));
    for (int i = 1; i <= count; ++i) {
      lua_rawgeti(L, -1, i);
      const bool is_whole = write();
      lua_pop(L, 1);
      if (!is_whole) return false;
    }
    return true;
  }

  lua_State* L;
  Reply& reply_;
  Dialect script_dialect_;
  size_t most_bytes_;
  int first_name_ = 0;  // where kFieldNames begin on the stack
  unsigned steps_ = 0;
  // A table that is named in many others takes time, not memory; so it counts against the limit.
  static constexpr size_t kTableBytes = 32;
  size_t tables_ = 0;
  bool is_too_deep_ = false;
};

}  // namespace

void push_reply(lua_State* L, std::string_view bytes) {
  Cursor cursor{bytes.data(), bytes.data() + bytes.size()};
  push_value(L, cursor, 0);
}

Written write_value(lua_State* L, Reply& reply, Dialect script_dialect, size_t most_bytes) {
  return Writer(L, reply, script_dialect, most_bytes).write_outermost();
}

}  // namespace larder::server
