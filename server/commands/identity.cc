// ROLE and LOLWUT: what this server says it is.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/parts.h"
#include "server/commands/values.h"
#include "server/contexts.h"
#include "server/text/ascii.h"
#include "server/version.h"

namespace larder::server {
namespace {

using protocol::Arguments;
using protocol::Reply;
using text::equals_ignoring_case;

// ---- ROLE ---------------------------------------------------------------------------------------

class RoleTask final : public NodeTask {
 public:
  bool gathers() const override { return false; }
  void finish(FinishContext& context, Reply& reply) override {
    reply.array(3);
    reply.bulk("master");
    reply.integer(static_cast<int64_t>(context.effect_offset));
    reply.array(0);  // nobody follows it yet
  }
};

std::shared_ptr<NodeTask> role(NodeContext&, Arguments, Reply&) {
  return std::make_shared<RoleTask>();
}

// ---- LOLWUT: shelves of a larder ----------------------------------------------------------------

constexpr int64_t kLeastWidth = 12;
constexpr int64_t kMostWidth = 200;
constexpr int64_t kMostShelves = 20;

// A line of numbers from a seed (splitmix64): the same drawing for the same moment.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}

  size_t below(size_t count) {
    uint64_t mixed = state_ += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return static_cast<size_t>((mixed ^ mixed >> 31) % count);
  }

 private:
  uint64_t state_;
};

class Shelf {
 public:
  explicit Shelf(size_t width) : lines_(kHeight, std::string(width, ' ')) {
    lines_.back().assign(width, '=');
  }

  void fill(Chance& chance) {
    size_t column = 1 + chance.below(3);
    while (true) {
      const size_t width = 4 + chance.below(5);
      if (column + width + 1 > lines_.back().size()) return;
      if (chance.below(6) != 0) put_jar(column, width, chance);
      column += width + 1 + chance.below(2);
    }
  }

  void append_to(std::string& drawing) const {
    for (const std::string& line : lines_) {
      drawing += line.substr(0, line.find_last_not_of(' ') + 1);
      drawing += '\n';
    }
  }

 private:
  static constexpr size_t kHeight = 6;  // with the board

  // A lid, glass, and something in it up to some height.
  void put_jar(size_t column, size_t width, Chance& chance) {
    constexpr std::string_view kContents = "oO%@*#:~&.";
    const char content = kContents[chance.below(kContents.size())];
    const size_t height = 3 + chance.below(kHeight - 3);
    const size_t filled = 1 + chance.below(height - 1);
    const size_t top = kHeight - 1 - height;
    lines_[top].replace(column + 1, width - 2, width - 2, '_');
    for (size_t row = 1; row < height; ++row) {
      const bool is_full = height - row <= filled;
      std::string& line = lines_[top + row];
      line[column] = line[column + width - 1] = '|';
      line.replace(column + 1, width - 2, width - 2, is_full ? content : ' ');
    }
  }

  std::vector<std::string> lines_;
};

// LOLWUT [VERSION version] [width [shelves]]: every version is the same drawing.
void lolwut(SessionContext& context, Arguments arguments, Reply& reply) {
  Arguments numbers = arguments.subspan(1);
  if (numbers.size() >= 2 && equals_ignoring_case(numbers[0], "version")) {
    if (!read_integer(numbers[1], reply)) return;
    numbers = numbers.subspan(2);
  }
  int64_t width = 66;
  int64_t shelves = 3;
  for (int64_t* number : {&width, &shelves}) {
    if (numbers.empty()) break;
    const std::optional<int64_t> given = read_integer(numbers[0], reply);
    if (!given) return;
    *number = *given;
    numbers = numbers.subspan(1);
  }
  Chance chance(static_cast<uint64_t>(context.now_us()));
  std::string drawing;
  for (int64_t left = std::clamp<int64_t>(shelves, 1, kMostShelves); left > 0; --left) {
    Shelf shelf(static_cast<size_t>(std::clamp(width, kLeastWidth, kMostWidth)));
    shelf.fill(chance);
    shelf.append_to(drawing);
  }
  drawing += "\nA well-stocked larder. Larder ver. ";
  drawing += kLarderVersion;
  drawing += '\n';
  reply.verbatim("txt", drawing);
}

// ---- rows ---------------------------------------------------------------------------------------

constexpr auto kRows = checked({
    {.name = "role",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .categories = kAdminCategory | kDangerousCategory,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = role,
     .docs = {.summary = "Answers whether this is a primary, how far its changes go, and who "
                         "follows it.",
              .since = "2.8.12",
              .group = "server",
              .complexity = "O(1)",
              .syntax = ""}},
    {.name = "lolwut",
     .arity = -1,
     .flags = kReadonly | kFast,
     .categories = 0,
     .keys = {},
     .locks = LockPlan::nothing,
     .handler = lolwut,
     .docs = {.summary = "Draws a larder, and names the version.",
              .since = "5.0.0",
              .group = "server",
              .complexity = "O(1)",
              .syntax = "[VERSION version]"}},
});

}  // namespace

CommandFamily identity_commands() {
  return kRows;
}

}  // namespace larder::server
