// GEOADD GEOPOS GEODIST GEOHASH GEOSEARCH GEOSEARCHSTORE GEORADIUS GEORADIUSBYMEMBER and what only
// reads of them: sorted sets whose scores are places (geo_cells.h).
#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "server/commands/families.h"
#include "server/commands/geo_cells.h"
#include "server/commands/sorted_sets.h"
#include "server/text/ascii.h"
#include "server/text/quoting.h"

namespace larder::server {
namespace {

using geo::Position;
using protocol::Arguments;
using protocol::Reply;
using storage::Entry;
using text::equals_ignoring_case;

// ---- reading ------------------------------------------------------------------------------------

std::optional<double> read_unit_m(std::string_view word, Reply& reply) {
  if (equals_ignoring_case(word, "m")) return 1;
  if (equals_ignoring_case(word, "km")) return 1000;
  if (equals_ignoring_case(word, "ft")) return 0.3048;
  if (equals_ignoring_case(word, "mi")) return 1609.34;
  reply.error("ERR unsupported unit provided. please use M, KM, FT, MI");
  return std::nullopt;
}

std::optional<Position> read_position(std::string_view longitude, std::string_view latitude,
                                      Reply& reply) {
  const std::optional<double> east = read_score(longitude, reply);
  if (!east) return std::nullopt;
  const std::optional<double> north = read_score(latitude, reply);
  if (!north) return std::nullopt;
  const Position place{*east, *north};
  if (geo::is_on_grid(place)) return place;
  char numbers[2 * std::numeric_limits<double>::max_exponent10 + 32];
  std::snprintf(numbers, sizeof numbers, "%f,%f", *east, *north);
  reply.error("ERR invalid longitude,latitude pair " + std::string(numbers));
  return std::nullopt;
}

std::optional<Position> position_of_member(const SortedSet& set, std::string_view member) {
  const SortedSet::Place place = set.find(member);
  return place ? std::optional(geo::position_of(place.score())) : std::nullopt;
}

// ---- answering ----------------------------------------------------------------------------------

void reply_coordinate(double degrees, Reply& reply) {
  char digits[protocol::kMaxLongDoubleChars];
  const char* const end = protocol::write_long_double(degrees, digits);
  reply.real_text({digits, static_cast<size_t>(end - digits)});
}

void reply_position(const Position& place, Reply& reply) {
  reply.array(2);
  reply_coordinate(place.longitude, reply);
  reply_coordinate(place.latitude, reply);
}

void reply_distance(double distance, Reply& reply) {
  char digits[std::numeric_limits<double>::max_exponent10 + 32];
  const int size = std::snprintf(digits, sizeof digits, "%.4f", distance);
  reply.bulk({digits, static_cast<size_t>(size)});
}

// ---- GEOADD, GEOPOS, GEOHASH, GEODIST -----------------------------------------------------------

void geoadd(KeyContext& context, Arguments arguments, Reply& reply) {
  AddOptions options;
  size_t at = 2;
  for (; at < arguments.size(); ++at) {
    if (equals_ignoring_case(arguments[at], "nx")) {
      options.only_new = true;
    } else if (equals_ignoring_case(arguments[at], "xx")) {
      options.only_known = true;
    } else if (equals_ignoring_case(arguments[at], "ch")) {
      options.counts_changes = true;
    } else {
      break;
    }
  }
  const Arguments words = arguments.subspan(at);
  if (words.size() % 3 != 0 || words.empty() || (options.only_new && options.only_known)) {
    return reply.error(kSyntaxError);
  }
  std::vector<ScoredMember> members;
  members.reserve(words.size() / 3);
  for (size_t i = 0; i < words.size(); i += 3) {
    const std::optional<Position> place = read_position(words[i], words[i + 1], reply);
    if (!place) return;
    members.push_back({geo::score_of(*place), words[i + 2]});
  }
  add_members(context, options, members, reply);
}

// Answers for each member by `answer(position)`, or by `absent()`.
template <typename Answer, typename Absent>
void for_each_member(KeyContext& context, Arguments members, Reply& reply, Answer answer,
                     Absent absent) {
  const Entry entry = context.look_up(context.key());
  if (!is_sorted_set_or_absent(entry, reply)) return;
  reply.array(members.size());
  for (const std::string_view member : members) {
    std::optional<Position> place;
    if (entry) place = position_of_member(sorted_set_of(entry), member);
    place ? answer(*place) : absent();
  }
}

void geopos(KeyContext& context, Arguments arguments, Reply& reply) {
  for_each_member(
      context, arguments.subspan(2), reply,
      [&reply](const Position& place) { reply_position(place, reply); },
      [&reply] { reply.null_array(); });
}

void geohash(KeyContext& context, Arguments arguments, Reply& reply) {
  for_each_member(
      context, arguments.subspan(2), reply,
      [&reply](const Position& place) {
        const std::array<char, 11> text = geo::standard_text(place);
        reply.bulk({text.data(), text.size()});
      },
      [&reply] { reply.null(); });
}

void geodist(KeyContext& context, Arguments arguments, Reply& reply) {
  std::optional<double> unit_m = 1;
  if (arguments.size() > 5) return reply.error(kSyntaxError);
  if (arguments.size() == 5) unit_m = read_unit_m(arguments[4], reply);
  if (!unit_m) return;
  const Entry entry = context.look_up(context.key());
  if (!entry) return reply.null();
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const std::optional<Position> one = position_of_member(sorted_set_of(entry), arguments[2]);
  const std::optional<Position> other = position_of_member(sorted_set_of(entry), arguments[3]);
  if (!one || !other) return reply.null();
  reply_distance(geo::distance_m(*one, *other) / *unit_m, reply);
}

// ---- searching ----------------------------------------------------------------------------------

// A command's way of saying what to search.
enum class Form : uint8_t { by_words, by_position, by_member };

struct Search {
  Form form = Form::by_words;
  bool is_stored = false;     // GEOSEARCHSTORE, or STORE or STOREDIST was said
  bool may_be_stored = true;  // as these say

  geo::Area area;
  bool has_center = false;
  bool has_center_position = false;  // FROMLONLAT rather than FROMMEMBER
  bool has_shape = false;
  bool stores_distances = false;
  bool has_distances = false;
  bool has_scores = false;
  bool has_positions = false;
  bool is_any = false;
  bool is_ascending = false;
  bool is_descending = false;
  uint64_t count = 0;  // 0: all

  size_t options() const {
    return size_t{has_distances} + size_t{has_scores} + size_t{has_positions};
  }
};

// Reads the words of a search. Answers the first error that it comes to and is false then.
class SearchReader {
 public:
  // `set` is null if the key is absent.
  SearchReader(Search& search, const SortedSet* set, Reply& reply)
      : search_(search), set_(set), reply_(reply) {}

  bool read_position(std::string_view longitude, std::string_view latitude) {
    const std::optional<Position> place = server::read_position(longitude, latitude, reply_);
    if (!place) return false;
    search_.area.center = *place;
    return true;
  }
  // Of an absent key, too: it answers only when all words are right.
  bool read_member(std::string_view member) {
    if (set_ == nullptr) return true;
    const std::optional<Position> place = position_of_member(*set_, member);
    if (!place) return fail("ERR could not decode requested zset member");
    search_.area.center = *place;
    return true;
  }
  bool read_radius(std::string_view radius, std::string_view unit) {
    const std::optional<double> units = read_score(radius, reply_, "ERR need numeric radius");
    if (!units) return false;
    if (*units < 0) return fail("ERR radius cannot be negative");
    search_.area.radius = *units;
    return read_unit(unit);
  }
  bool read_box(std::string_view width, std::string_view height, std::string_view unit) {
    const std::optional<double> wide = read_score(width, reply_, "ERR need numeric width");
    if (!wide) return false;
    const std::optional<double> high = read_score(height, reply_, "ERR need numeric height");
    if (!high) return false;
    if (*high < 0 || *wide < 0) return fail("ERR height or width cannot be negative");
    search_.area.is_box = true;
    search_.area.width = *wide;
    search_.area.height = *high;
    return read_unit(unit);
  }

  bool read_options(Arguments words) {
    for (size_t i = 0; i < words.size();) {
      const Arguments values = words.subspan(i + 1);
      const std::optional<size_t> used = read_option(words[i], values);
      if (!used) return false;
      i += 1 + *used;
    }
    return true;
  }

  bool fail(std::string_view error) {
    reply_.error(error);
    return false;
  }

 private:
  bool read_unit(std::string_view word) {
    const std::optional<double> unit_m = read_unit_m(word, reply_);
    if (unit_m) search_.area.unit_m = *unit_m;
    return unit_m.has_value();
  }
  bool read_flag(std::string_view word) {
    const auto is = [word](std::string_view name) { return equals_ignoring_case(word, name); };
    if (is("withdist")) {
      search_.has_distances = true;
    } else if (is("withhash")) {
      search_.has_scores = true;
    } else if (is("withcoord")) {
      search_.has_positions = true;
    } else if (is("any")) {
      search_.is_any = true;
    } else if (is("asc")) {
      search_.is_ascending = true;
      search_.is_descending = false;
    } else if (is("desc")) {
      search_.is_descending = true;
      search_.is_ascending = false;
    } else {
      return false;
    }
    return true;
  }
  bool read_count(std::string_view word) {
    const std::optional<int64_t> count = read_integer(word, reply_);
    if (!count) return false;
    if (*count <= 0) return fail("ERR COUNT must be > 0");
    search_.count = static_cast<uint64_t>(*count);
    return true;
  }
  // How many of the values belong to the word; nothing after an error.
  std::optional<size_t> read_option(std::string_view word, Arguments values) {
    const auto is = [word](std::string_view name) { return equals_ignoring_case(word, name); };
    const auto used = [](size_t count, bool is_right) {
      return is_right ? std::optional(count) : std::nullopt;
    };
    if (read_flag(word)) return 0;
    if (is("count") && !values.empty()) return used(1, read_count(values[0]));
    if (search_.form != Form::by_words) {
      const bool is_distance = is("storedist");
      if (search_.may_be_stored && (is("store") || is_distance) && !values.empty()) {
        search_.is_stored = true;
        search_.stores_distances = is_distance;
        return 1;
      }
      return used(0, fail(kSyntaxError));
    }
    if (is("frommember") && !values.empty() && !search_.has_center_position) {
      search_.has_center = true;
      return used(1, read_member(values[0]));
    }
    const bool has_member = search_.has_center && !search_.has_center_position;
    if (is("fromlonlat") && values.size() >= 2 && !has_member) {
      search_.has_center = search_.has_center_position = true;
      return used(2, read_position(values[0], values[1]));
    }
    const bool has_circle = search_.has_shape && !search_.area.is_box;
    if (is("byradius") && values.size() >= 2 && !(search_.has_shape && search_.area.is_box)) {
      search_.has_shape = true;
      return used(2, read_radius(values[0], values[1]));
    }
    if (is("bybox") && values.size() >= 3 && !has_circle) {
      search_.has_shape = true;
      return used(3, read_box(values[0], values[1], values[2]));
    }
    if (is("storedist") && search_.is_stored) {
      search_.stores_distances = true;
      return 0;
    }
    return used(0, fail(kSyntaxError));
  }

  Search& search_;
  const SortedSet* set_;
  Reply& reply_;
};

// What the words together may not say. Answers the error and returns false if they do.
bool is_consistent(const Search& search, std::string_view command, SearchReader& reader) {
  const bool is_by_words = search.form == Form::by_words;
  if (search.is_stored && search.options() > 0) {
    return reader.fail(
        is_by_words
            ? "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            : "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and "
              "WITHCOORD options");
  }
  if (is_by_words && !search.has_center) {
    return reader.fail("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " +
                       text::echo(command));
  }
  if (is_by_words && !search.has_shape) {
    return reader.fail("ERR exactly one of BYRADIUS and BYBOX can be specified for " +
                       text::echo(command));
  }
  if (search.is_any && search.count == 0) {
    return reader.fail("ERR the ANY argument requires COUNT argument");
  }
  return true;
}

bool read_search(Arguments arguments, Search& search, const SortedSet* set, Reply& reply) {
  SearchReader reader(search, set, reply);
  size_t words_at = 2;
  switch (search.form) {
    case Form::by_position:
      if (!reader.read_position(arguments[2], arguments[3]) ||
          !reader.read_radius(arguments[4], arguments[5])) {
        return false;
      }
      words_at = 6;
      break;
    case Form::by_member:
      // As in Redis, of an absent key these are not looked at.
      if (set != nullptr &&
          (!reader.read_member(arguments[2]) || !reader.read_radius(arguments[3], arguments[4]))) {
        return false;
      }
      words_at = 5;
      break;
    case Form::by_words:
      words_at = search.is_stored ? 3 : 2;
      break;
  }
  return reader.read_options(arguments.subspan(words_at)) &&
         is_consistent(search, arguments[0], reader);
}

struct Found {
  SortedSet::Member member;
  Position place;
  double distance_m = 0;
};

std::vector<Found> found_in(const SortedSet& set, const Search& search) {
  const geo::Cover cover = geo::cover_of(search.area);
  const uint64_t most = search.is_any ? search.count : std::numeric_limits<uint64_t>::max();
  std::vector<Found> found;
  for (size_t i = 0; i < cover.count; ++i) {
    const geo::ScoreSpan& span = cover.spans[i];
    const size_t first = set.count_before(
        [&span](const SortedSet::Member& member) { return member.score < span.from; });
    for (SortedSet::Cursor at = set.at(first); at && found.size() < most; at.next()) {
      const SortedSet::Member member = at.member();
      if (member.score >= span.to) break;
      const Position place = geo::position_of(member.score);
      const std::optional<double> distance_m = search.area.distance_to(place);
      if (distance_m) found.push_back({member, place, *distance_m});
    }
  }
  // The closest ones, if not all are wanted.
  if (search.is_descending) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.distance_m > b.distance_m; });
  } else if (search.is_ascending || (search.count != 0 && !search.is_any)) {
    std::stable_sort(found.begin(), found.end(),
                     [](const Found& a, const Found& b) { return a.distance_m < b.distance_m; });
  }
  if (search.count != 0 && found.size() > search.count) found.resize(search.count);
  return found;
}

void answer_found(const std::vector<Found>& found, const Search& search, Reply& reply) {
  reply.array(found.size());
  for (const Found& each : found) {
    if (search.options() > 0) reply.array(1 + search.options());
    reply_member(reply, each.member);
    if (search.has_distances) reply_distance(each.distance_m / search.area.unit_m, reply);
    if (search.has_scores) reply.integer(static_cast<int64_t>(each.member.score));
    if (search.has_positions) reply_position(each.place, reply);
  }
}

void store_found(KeyContext& context, const Key& key, const std::vector<Found>& found,
                 const Search& search, Reply& reply) {
  OwnedSortedSet made(SortedSet::create());
  storage::NumberText scratch;
  for (const Found& each : found) {
    const double score =
        search.stores_distances ? each.distance_m / search.area.unit_m : each.member.score;
    made->add(each.member.bytes(scratch), score, context.hasher());
  }
  store_sorted_set(context, key, std::move(made),
                   search.form == Form::by_words ? "geosearchstore" : "georadiusstore", reply);
}

// `source` and `destination` say which of the command's keys these are; there is the second only if
// the search is stored.
void search_key(KeyContext& context, Arguments arguments, Search search, size_t source,
                size_t destination, Reply& reply) {
  // A second look may remove what is past its deadline, after which the first would not hold.
  for (const Key& key : context.keys()) context.find(key);
  const Entry entry = context.look_up(context.keys()[source]);
  if (!is_sorted_set_or_absent(entry, reply)) return;
  const SortedSet* set = entry ? &sorted_set_of(entry) : nullptr;
  if (!read_search(arguments, search, set, reply)) return;
  std::vector<Found> found;
  if (set != nullptr) found = found_in(*set, search);
  if (search.is_stored) {
    return store_found(context, context.keys()[destination], found, search, reply);
  }
  answer_found(found, search, reply);
}

void geosearch(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {}, 0, 0, reply);
}
void geosearchstore(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {.is_stored = true, .area = {}}, 1, 0, reply);
}
void georadius(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {.form = Form::by_position, .area = {}}, 0, 1, reply);
}
void georadius_ro(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {.form = Form::by_position, .may_be_stored = false, .area = {}}, 0,
             0, reply);
}
void georadiusbymember(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {.form = Form::by_member, .area = {}}, 0, 1, reply);
}
void georadiusbymember_ro(KeyContext& context, Arguments arguments, Reply& reply) {
  search_key(context, arguments, {.form = Form::by_member, .may_be_stored = false, .area = {}}, 0,
             0, reply);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr uint32_t kRead = kKeyReadOnly | kKeyAccess;
constexpr uint32_t kStore = kKeyOverwrite | kKeyUpdate;
constexpr KeyPositions kReadKey{1, 1, 1, kRead};
constexpr std::string_view kSearchCost =
    "O(N+log(M)) where N is the number of members in the cells around the area and M of all";

constexpr auto kRows = checked({
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .categories = kGeoCategory,
     .keys = {1, 1, 1, kKeyReadWrite | kKeyUpdate},
     .locks = LockPlan::keys,
     .handler = geoadd,
     .docs = {.summary = "Adds members with their places, or moves them.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = "O(log(N)) for each member added, where N is the number of members",
              .syntax = "key [NX | XX] [CH] longitude latitude member "
                        "[longitude latitude member ...]",
              .history = "6.2.0: Added `CH`, `NX` and `XX`."}},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = geopos,
     .docs = {.summary = "Answers the places of members.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = "O(N) where N is the number of members asked for",
              .syntax = "key [member [member ...]]"}},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = geohash,
     .docs = {.summary = "Answers the places of members as geohashes.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = "O(N) where N is the number of members asked for",
              .syntax = "key [member [member ...]]"}},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = geodist,
     .docs = {.summary = "Answers how far two members are apart.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = "O(1)",
              .syntax = "key member1 member2 [M | KM | FT | MI]"}},
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = geosearch,
     .docs = {.summary = "Answers the members inside a circle or a box.",
              .since = "6.2.0",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "key <FROMMEMBER member | FROMLONLAT longitude latitude> "
                        "<BYRADIUS radius <M | KM | FT | MI> | "
                        "BYBOX width height <M | KM | FT | MI>> [ASC | DESC] "
                        "[COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
              .history = "7.0.0: Units in capital letters are known, too."}},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .categories = kGeoCategory,
     .keys = {1, 2, 1, kStore, kRead},
     .locks = LockPlan::keys,
     .handler = geosearchstore,
     .docs = {.summary = "Makes a sorted set of the members inside a circle or a box.",
              .since = "6.2.0",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> "
                        "<BYRADIUS radius <M | KM | FT | MI> | "
                        "BYBOX width height <M | KM | FT | MI>> [ASC | DESC] "
                        "[COUNT count [ANY]] [STOREDIST]",
              .history = "7.0.0: Units in capital letters are known, too."}},
    {.name = "georadius",
     .arity = -6,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kGeoCategory,
     .keys = {.first = 1,
              .last = -1,
              .step = 1,
              .flags = kRead,
              .further_flags = kStore,
              .stored_from = 6},
     .locks = LockPlan::keys,
     .handler = georadius,
     .docs = {.summary = "Answers or stores the members around a place.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
                        "[WITHHASH] [COUNT count [ANY]] [ASC | DESC] "
                        "[STORE key | STOREDIST key]",
              .history =
                  "6.2.0: Added `ANY` to `COUNT`.|7.0.0: Units in capital letters are known, "
                  "too.",
              .deprecated_since = "6.2.0",
              .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`"}},
    {.name = "georadius_ro",
     .arity = -6,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = georadius_ro,
     .docs = {.summary = "Answers the members around a place.",
              .since = "3.2.10",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
                        "[WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
              .history = "6.2.0: Added `ANY` to `COUNT`.",
              .deprecated_since = "6.2.0",
              .replaced_by = "`GEOSEARCH` with `BYRADIUS`"}},
    {.name = "georadiusbymember",
     .arity = -5,
     .flags = kWrite | kDenyOom | kMovableKeys,
     .categories = kGeoCategory,
     .keys = {.first = 1,
              .last = -1,
              .step = 1,
              .flags = kRead,
              .further_flags = kStore,
              .stored_from = 5},
     .locks = LockPlan::keys,
     .handler = georadiusbymember,
     .docs = {.summary = "Answers or stores the members around one of them.",
              .since = "3.2.0",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
                        "[COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
              .history =
                  "6.2.0: Added `ANY` to `COUNT`.|7.0.0: Units in capital letters are known, "
                  "too.",
              .deprecated_since = "6.2.0",
              .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`"}},
    {.name = "georadiusbymember_ro",
     .arity = -5,
     .flags = kReadonly,
     .categories = kGeoCategory,
     .keys = kReadKey,
     .locks = LockPlan::keys,
     .handler = georadiusbymember_ro,
     .docs = {.summary = "Answers the members around one of them.",
              .since = "3.2.10",
              .group = "geo",
              .complexity = kSearchCost,
              .syntax = "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
                        "[COUNT count [ANY]] [ASC | DESC]",
              .deprecated_since = "6.2.0",
              .replaced_by = "`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`"}},
});

}  // namespace

CommandFamily geo_commands() {
  return kRows;
}

}  // namespace larder::server
