// Lua's patterns. Lua 5.1's own recurse as deep as a pattern is long, and some patterns take years
// that nothing can interrupt; these refuse to recurse further than kMostDepth and count their
// steps.
#include <array>
#include <cctype>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "server/scripting/libraries.h"
#include "server/scripting/sandbox.h"

namespace larder::server {
namespace {

constexpr int kMostDepth = 200;
constexpr ptrdiff_t kUnfinished = -1;
constexpr ptrdiff_t kPosition = -2;

unsigned char byte_of(char c) {
  return static_cast<unsigned char>(c);
}

// One search; the texts belong to strings on the Lua stack. Errors are Lua's: nothing in here needs
// to be destroyed.
class Matcher {
 public:
  Matcher(lua_State* state, std::string_view text, std::string_view pattern)
      : L(state),
        begin_(text.data()),
        end_(text.data() + text.size()),
        pattern_end_(pattern.data() + pattern.size()) {}

  // The end of a match that begins at `at`, or null.
  const char* match_at(const char* at, const char* pattern) {
    level_ = 0;
    return match(at, pattern);
  }

  // Pushes capture `index`; the whole match [at, end) for the first of none.
  void push_capture(size_t index, const char* at, const char* end) {
    if (index >= level_) {
      if (index != 0) luaL_error(L, "invalid capture index");
      lua_pushlstring(L, at, static_cast<size_t>(end - at));
      return;
    }
    const Capture& capture = captures_[index];
    if (capture.size == kUnfinished) luaL_error(L, "unfinished capture");
    if (capture.size == kPosition) {
      lua_pushinteger(L, capture.begin - begin_ + 1);
    } else {
      lua_pushlstring(L, capture.begin, static_cast<size_t>(capture.size));
    }
  }
  // All of them; the whole match if there are none and `at` says where it begins.
  int push_captures(const char* at, const char* end) {
    const size_t count = level_ == 0 && at != nullptr ? 1 : level_;
    luaL_checkstack(L, static_cast<int>(count), "too many captures");
    for (size_t i = 0; i < count; ++i) push_capture(i, at, end);
    return static_cast<int>(count);
  }

 private:
  struct Capture {
    const char* begin;
    ptrdiff_t size;
  };

  void step(size_t count = 1) {
    steps_ += count;
    if (steps_ < kStepsPerPass) return;
    steps_ = 0;
    pass_steps(L);
  }

  const char* match(const char* s, const char* p) {
    if (++depth_ > kMostDepth) luaL_error(L, "pattern too complex");
    const char* const result = match_items(s, p);
    --depth_;
    return result;
  }

  const char* match_items(const char* s, const char* p) {
    for (;;) {
      step();
      if (p == pattern_end_) return s;
      switch (*p) {
        case '(':
          if (p + 1 != pattern_end_ && p[1] == ')') return start_capture(s, p + 2, kPosition);
          return start_capture(s, p + 1, kUnfinished);
        case ')':
          return end_capture(s, p + 1);
        case '$':
          if (p + 1 == pattern_end_) return s == end_ ? s : nullptr;
          break;
        case '%':
          if (p + 1 == pattern_end_) break;
          if (p[1] == 'b') {
            s = match_balance(s, p + 2);
            if (s == nullptr) return nullptr;
            p += 4;
            continue;
          }
          if (p[1] == 'f') {
            p += 2;
            if (p == pattern_end_ || *p != '[') {
              luaL_error(L, "missing '[' after '%%f' in pattern");
            }
            const char* const set_end = class_end(p);
            step(cost(p, set_end));
            const unsigned char before = s == begin_ ? 0 : byte_of(s[-1]);
            const unsigned char after = s == end_ ? 0 : byte_of(*s);
            if (in_set(before, p, set_end - 1) || !in_set(after, p, set_end - 1)) return nullptr;
            p = set_end;
            continue;
          }
          if (std::isdigit(byte_of(p[1])) != 0) {
            s = match_again(s, p[1]);
            if (s == nullptr) return nullptr;
            p += 2;
            continue;
          }
          break;
        default:
          break;
      }
      const char* const item_end = class_end(p);
      step(cost(p, item_end));
      const char repeat = item_end == pattern_end_ ? '\0' : *item_end;
      const bool fits = s != end_ && fits_one(byte_of(*s), p, item_end);
      switch (repeat) {
        case '?':
          if (fits) {
            const char* const result = match(s + 1, item_end + 1);
            if (result != nullptr) return result;
          }
          p = item_end + 1;
          continue;
        case '*':
          return match_most(s, p, item_end);
        case '+':
          return fits ? match_most(s + 1, p, item_end) : nullptr;
        case '-':
          return match_least(s, p, item_end);
        default:
          if (!fits) return nullptr;
          ++s;
          p = item_end;
      }
    }
  }

  // Behind the class that begins at p.
  const char* class_end(const char* p) {
    const char c = *p++;
    if (c == '%') {
      if (p == pattern_end_) luaL_error(L, "malformed pattern (ends with '%%')");
      return p + 1;
    }
    if (c != '[') return p;
    if (p != pattern_end_ && *p == '^') ++p;
    do {  // a ']' at the very beginning is one of the set
      if (p == pattern_end_) luaL_error(L, "malformed pattern (missing ']')");
      if (*p++ == '%' && p != pattern_end_) ++p;
    } while (p == pattern_end_ || *p != ']');
    return p + 1;
  }

  static bool fits_class(unsigned char c, char name) {
    bool result = false;
    switch (std::tolower(byte_of(name))) {
      case 'a': result = std::isalpha(c) != 0; break;
      case 'c': result = std::iscntrl(c) != 0; break;
      case 'd': result = std::isdigit(c) != 0; break;
      case 'l': result = std::islower(c) != 0; break;
      case 'p': result = std::ispunct(c) != 0; break;
      case 's': result = std::isspace(c) != 0; break;
      case 'u': result = std::isupper(c) != 0; break;
      case 'w': result = std::isalnum(c) != 0; break;
      case 'x': result = std::isxdigit(c) != 0; break;
      case 'z': result = c == 0; break;
      default: return byte_of(name) == c;
    }
    return std::isupper(byte_of(name)) != 0 ? !result : result;
  }

  // p is at '[', last at the ']' that ends the set.
  static bool in_set(unsigned char c, const char* p, const char* last) {
    bool result = true;
    if (p[1] == '^') {
      result = false;
      ++p;
    }
    while (++p < last) {
      if (*p == '%') {
        if (fits_class(c, *++p)) return result;
      } else if (p + 2 < last && p[1] == '-') {
        if (byte_of(p[0]) <= c && c <= byte_of(p[2])) return result;
        p += 2;
      } else if (byte_of(*p) == c) {
        return result;
      }
    }
    return !result;
  }

  // What looking at the item takes, beyond one step: a set may be long.
  static size_t cost(const char* p, const char* item_end) {
    return static_cast<size_t>(item_end - p) / 16;
  }
  static bool fits_one(unsigned char c, const char* p, const char* item_end) {
    switch (*p) {
      case '.': return true;
      case '%': return fits_class(c, p[1]);
      case '[': return in_set(c, p, item_end - 1);
      default: return byte_of(*p) == c;
    }
  }

  const char* match_most(const char* s, const char* p, const char* item_end) {
    ptrdiff_t count = 0;
    while (s + count != end_ && fits_one(byte_of(s[count]), p, item_end)) {
      step(1 + cost(p, item_end));
      ++count;
    }
    for (; count >= 0; --count) {
      const char* const result = match(s + count, item_end + 1);
      if (result != nullptr) return result;
    }
    return nullptr;
  }

  const char* match_least(const char* s, const char* p, const char* item_end) {
    for (;; ++s) {
      const char* const result = match(s, item_end + 1);
      if (result != nullptr) return result;
      if (s == end_ || !fits_one(byte_of(*s), p, item_end)) return nullptr;
      step(1 + cost(p, item_end));
    }
  }

  const char* match_balance(const char* s, const char* p) {
    if (pattern_end_ - p < 2) luaL_error(L, "unbalanced pattern");
    if (s == end_ || *s != p[0]) return nullptr;
    size_t open = 1;
    while (++s < end_) {
      step();
      if (*s == p[1]) {
        if (--open == 0) return s + 1;
      } else if (*s == p[0]) {
        ++open;
      }
    }
    return nullptr;
  }

  const char* match_again(const char* s, char digit) {
    const auto index = static_cast<size_t>(digit - '1');
    if (digit < '1' || index >= level_ || captures_[index].size == kUnfinished) {
      luaL_error(L, "invalid capture index");
    }
    // As in Lua: a position capture is never found again.
    const ptrdiff_t size = captures_[index].size;
    if (size < 0 || end_ - s < size) return nullptr;
    const auto bytes = static_cast<size_t>(size);
    step(bytes / 16);
    if (bytes != 0 && std::memcmp(captures_[index].begin, s, bytes) != 0) return nullptr;
    return s + size;
  }

  const char* start_capture(const char* s, const char* p, ptrdiff_t what) {
    if (level_ >= LUA_MAXCAPTURES) luaL_error(L, "too many captures");
    captures_[level_] = {s, what};
    ++level_;
    const char* const result = match(s, p);
    if (result == nullptr) --level_;
    return result;
  }

  const char* end_capture(const char* s, const char* p) {
    size_t index = level_;
    do {
      if (index == 0) luaL_error(L, "invalid pattern capture");
      --index;
    } while (captures_[index].size != kUnfinished);
    captures_[index].size = s - captures_[index].begin;
    const char* const result = match(s, p);
    if (result == nullptr) captures_[index].size = kUnfinished;
    return result;
  }

  lua_State* L;
  const char* begin_;
  const char* end_;
  const char* pattern_end_;
  size_t level_ = 0;
  int depth_ = 0;
  size_t steps_ = 0;
  std::array<Capture, LUA_MAXCAPTURES> captures_;
};

std::string_view check_text(lua_State* L, int index) {
  size_t size = 0;
  const char* const bytes = luaL_checklstring(L, index, &size);
  return {bytes, size};
}

// A pattern ends at a NUL, as in Lua 5.1.
std::string_view check_pattern(lua_State* L, int index) {
  const std::string_view text = check_text(L, index);
  return text.substr(0, text.find('\0'));
}

// Where a search begins, from its third argument.
size_t beginning(lua_State* L, int index, size_t size) {
  lua_Integer said = luaL_optinteger(L, index, 1);
  if (said < 0) said += static_cast<lua_Integer>(size) + 1;
  if (said < 1) return 0;
  return static_cast<size_t>(said) - 1 > size ? size : static_cast<size_t>(said) - 1;
}

int find_or_match(lua_State* L, bool find) {
  const std::string_view text = check_text(L, 1);
  const std::string_view whole = check_text(L, 2);
  std::string_view pattern = check_pattern(L, 2);
  const size_t begin = beginning(L, 3, text.size());
  if (find && (lua_toboolean(L, 4) != 0 ||
               pattern.find_first_of("^$*+?.([%-") == std::string_view::npos)) {
    // In linear time, whatever the texts are.
    const void* const place =
        memmem(text.data() + begin, text.size() - begin, whole.data(), whole.size());
    if (place == nullptr) {
      lua_pushnil(L);
      return 1;
    }
    const auto at = static_cast<const char*>(place) - text.data();
    lua_pushinteger(L, at + 1);
    lua_pushinteger(L, at + static_cast<ptrdiff_t>(whole.size()));
    return 2;
  }
  const bool anchored = pattern.starts_with('^');
  if (anchored) pattern.remove_prefix(1);
  Matcher matcher(L, text, pattern);
  const char* const text_end = text.data() + text.size();
  for (const char* at = text.data() + begin; at <= text_end; ++at) {
    const char* const end = matcher.match_at(at, pattern.data());
    if (end != nullptr) {
      if (!find) return matcher.push_captures(at, end);
      lua_pushinteger(L, at - text.data() + 1);
      lua_pushinteger(L, end - text.data());
      return matcher.push_captures(nullptr, nullptr) + 2;
    }
    if (anchored) break;
  }
  lua_pushnil(L);
  return 1;
}

int string_find(lua_State* L) {
  return find_or_match(L, /*find=*/true);
}

int string_match(lua_State* L) {
  return find_or_match(L, /*find=*/false);
}

// Upvalues: text, pattern, where to go on.
int next_match(lua_State* L) {
  const std::string_view text = check_text(L, lua_upvalueindex(1));
  const std::string_view pattern = check_pattern(L, lua_upvalueindex(2));
  Matcher matcher(L, text, pattern);
  const char* const text_end = text.data() + text.size();
  const char* at = text.data() + lua_tointeger(L, lua_upvalueindex(3));
  for (; at <= text_end; ++at) {
    const char* const end = matcher.match_at(at, pattern.data());
    if (end == nullptr) continue;
    lua_pushinteger(L, end - text.data() + (end == at ? 1 : 0));
    lua_replace(L, lua_upvalueindex(3));
    return matcher.push_captures(at, end);
  }
  return 0;
}

int string_gmatch(lua_State* L) {
  check_text(L, 1);
  check_text(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

void add_replacement_text(lua_State* L, Matcher& matcher, luaL_Buffer* out, const char* at,
                          const char* end) {
  const std::string_view text = check_text(L, 3);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || ++i == text.size()) {
      if (i < text.size()) luaL_addchar(out, text[i]);
    } else if (std::isdigit(byte_of(text[i])) == 0) {
      luaL_addchar(out, text[i]);
    } else if (text[i] == '0') {
      luaL_addlstring(out, at, static_cast<size_t>(end - at));
    } else {
      matcher.push_capture(static_cast<size_t>(text[i] - '1'), at, end);
      luaL_addvalue(out);
    }
  }
}

void add_replacement(lua_State* L, Matcher& matcher, luaL_Buffer* out, const char* at,
                     const char* end) {
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      const int count = matcher.push_captures(at, end);
      lua_call(L, count, 1);
      break;
    }
    case LUA_TTABLE:
      matcher.push_capture(0, at, end);
      lua_gettable(L, 3);
      break;
    default:
      return add_replacement_text(L, matcher, out, at, end);
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    lua_pushlstring(L, at, static_cast<size_t>(end - at));
  } else if (lua_isstring(L, -1) == 0) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  luaL_addvalue(out);
}

int string_gsub(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  std::string_view pattern = check_pattern(L, 2);
  const int type = lua_type(L, 3);
  luaL_argcheck(L,
                type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                    type == LUA_TTABLE,
                3, "string/function/table expected");
  const lua_Integer most = luaL_optinteger(L, 4, static_cast<lua_Integer>(text.size()) + 1);
  const bool anchored = pattern.starts_with('^');
  if (anchored) pattern.remove_prefix(1);
  Matcher matcher(L, text, pattern);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  const char* at = text.data();
  const char* const text_end = at + text.size();
  lua_Integer count = 0;
  while (count < most) {
    const char* const end = matcher.match_at(at, pattern.data());
    if (end != nullptr) {
      ++count;
      add_replacement(L, matcher, &out, at, end);
    }
    if (end != nullptr && end > at) {
      at = end;
    } else if (at < text_end) {
      luaL_addchar(&out, *at);
      ++at;
    } else {
      break;
    }
    if (anchored) break;
  }
  luaL_addlstring(&out, at, static_cast<size_t>(text_end - at));
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

int string_rep(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  const lua_Integer said = luaL_checkinteger(L, 2);
  if (said <= 0 || text.empty()) {
    lua_pushliteral(L, "");
    return 1;
  }
  const auto count = static_cast<size_t>(said);
  constexpr size_t kMost = size_t{1} << 40;  // beyond any limit on memory
  if (count > kMost / text.size()) return luaL_error(L, "resulting string too large");
  // The Lua state's account refuses what is too much.
  auto* const bytes = static_cast<char*>(lua_newuserdata(L, count * text.size()));
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(bytes + i * text.size(), text.data(), text.size());
  }
  lua_pushlstring(L, bytes, count * text.size());
  return 1;
}

}  // namespace

void add_pattern_functions(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"find", string_find},     {"match", string_match},
                                     {"gmatch", string_gmatch}, {"gfind", string_gmatch},
                                     {"gsub", string_gsub},     {"rep", string_rep}};
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
}

}  // namespace larder::server
