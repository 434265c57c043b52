#include "server/commands/geo_cells.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace larder::server::geo {
namespace {

constexpr double kEarthRadiusM = 6372797.560856;
constexpr double kHalfOfEarthM = 20037726.37;  // on Mercator's map
constexpr unsigned kSteps = 26;
constexpr double kRadians = std::numbers::pi / 180;

double radians(double degrees) {
  return degrees * kRadians;
}
double degrees(double radians) {
  return radians / kRadians;
}

struct Interval {
  double min;
  double max;

  double width() const { return max - min; }
};
constexpr Interval kLongitudes{-kMostLongitude, kMostLongitude};
constexpr Interval kLatitudes{-kMostLatitude, kMostLatitude};

struct Cell {
  uint32_t row;     // from the south
  uint32_t column;  // from the west
  unsigned step;

  bool operator==(const Cell&) const = default;
};

// Every other bit of a word, from the lowest on.
constexpr uint64_t spread(uint32_t bits) {
  uint64_t word = bits;
  word = (word | word << 16) & 0x0000ffff0000ffff;
  word = (word | word << 8) & 0x00ff00ff00ff00ff;
  word = (word | word << 4) & 0x0f0f0f0f0f0f0f0f;
  word = (word | word << 2) & 0x3333333333333333;
  return (word | word << 1) & 0x5555555555555555;
}
constexpr uint32_t gathered(uint64_t word) {
  word &= 0x5555555555555555;
  word = (word | word >> 1) & 0x3333333333333333;
  word = (word | word >> 2) & 0x0f0f0f0f0f0f0f0f;
  word = (word | word >> 4) & 0x00ff00ff00ff00ff;
  word = (word | word >> 8) & 0x0000ffff0000ffff;
  return static_cast<uint32_t>(word | word >> 16);
}

constexpr uint64_t bits_of(const Cell& cell) {
  return spread(cell.row) | spread(cell.column) << 1;
}

uint32_t line_of(double value, const Interval& range, unsigned step) {
  const double offset = (value - range.min) / (range.max - range.min);
  return static_cast<uint32_t>(offset * static_cast<double>(uint64_t{1} << step));
}

Cell cell_of(const Position& place, const Interval& latitudes, const Interval& longitudes,
             unsigned step) {
  return {line_of(place.latitude, latitudes, step), line_of(place.longitude, longitudes, step),
          step};
}

Interval interval_of(uint32_t line, const Interval& range, unsigned step) {
  const auto lines = static_cast<double>(uint64_t{1} << step);
  return {range.min + (line * 1.0 / lines) * range.width(),
          range.min + ((line + 1.0) * 1.0 / lines) * range.width()};
}
Interval latitudes_of(const Cell& cell) {
  return interval_of(cell.row, kLatitudes, cell.step);
}
Interval longitudes_of(const Cell& cell) {
  return interval_of(cell.column, kLongitudes, cell.step);
}

// So many rows and columns further, around the grid.
Cell neighbour(const Cell& cell, int rows, int columns) {
  const uint32_t mask = static_cast<uint32_t>((uint64_t{1} << cell.step) - 1);
  Cell other = cell;
  if (rows != 0) other.row = (cell.row + static_cast<uint32_t>(rows)) & mask;
  if (columns != 0) other.column = (cell.column + static_cast<uint32_t>(columns)) & mask;
  return other;
}

ScoreSpan span_of(const Cell& cell) {
  const unsigned shift = 2 * (kSteps - cell.step);
  const uint64_t bits = bits_of(cell);
  return {static_cast<double>(bits << shift), static_cast<double>((bits + 1) << shift)};
}

// The double as a number of 64 bits, as x86-64 converts it for Redis.
uint64_t bits_from(double score) {
  if (score >= 0x1p64) return 0;
  if (score >= 0) return static_cast<uint64_t>(score);
  if (score >= -0x1p63) return static_cast<uint64_t>(static_cast<int64_t>(score));
  return uint64_t{1} << 63;
}

double meridian_distance_m(double latitude, double other) {
  return kEarthRadiusM * std::fabs(radians(other) - radians(latitude));
}

// How fine the cells may be so that nine of them cover what is that far from the middle one.
unsigned steps_for(double radius_m, double latitude) {
  if (radius_m == 0) return kSteps;
  int steps = 1;
  for (; radius_m < kHalfOfEarthM; radius_m *= 2) ++steps;
  steps -= 2;
  // Towards the poles cells become narrow.
  if (latitude > 66 || latitude < -66) --steps;
  if (latitude > 80 || latitude < -80) --steps;
  return static_cast<unsigned>(std::clamp(steps, 1, static_cast<int>(kSteps)));
}

struct Box {
  Interval longitudes;
  Interval latitudes;
};

Box box_around(const Area& area) {
  const double height = area.unit_m * (area.is_box ? area.height / 2 : area.radius);
  const double width = area.unit_m * (area.is_box ? area.width / 2 : area.radius);
  const Position& center = area.center;
  const double rows = degrees(height / kEarthRadiusM);
  // The side nearer to the pole spans more degrees.
  const double side = center.latitude < 0 ? center.latitude - rows : center.latitude + rows;
  const double columns = degrees(width / kEarthRadiusM / std::cos(radians(side)));
  return {{center.longitude - columns, center.longitude + columns},
          {center.latitude - rows, center.latitude + rows}};
}

// Do the neighbours of a cell reach as far as the box?
bool reach(const Cell& cell, const Box& box) {
  return latitudes_of(neighbour(cell, 1, 0)).max >= box.latitudes.max &&
         latitudes_of(neighbour(cell, -1, 0)).min <= box.latitudes.min &&
         longitudes_of(neighbour(cell, 0, 1)).max >= box.longitudes.max &&
         longitudes_of(neighbour(cell, 0, -1)).min <= box.longitudes.min;
}

}  // namespace

double score_of(const Position& place) {
  return static_cast<double>(bits_of(cell_of(place, kLatitudes, kLongitudes, kSteps)));
}

Position position_of(double score) {
  const uint64_t bits = bits_from(score);
  const Cell cell{gathered(bits), gathered(bits >> 1), kSteps};
  const Interval longitudes = longitudes_of(cell);
  const Interval latitudes = latitudes_of(cell);
  return {std::clamp((longitudes.min + longitudes.max) / 2, -kMostLongitude, kMostLongitude),
          std::clamp((latitudes.min + latitudes.max) / 2, -kMostLatitude, kMostLatitude)};
}

double distance_m(const Position& a, const Position& b) {
  const double v = std::sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v == 0) return meridian_distance_m(a.latitude, b.latitude);
  const double first = radians(a.latitude);
  const double second = radians(b.latitude);
  const double u = std::sin((second - first) / 2);
  return 2.0 * kEarthRadiusM *
         std::asin(std::sqrt(u * u + std::cos(first) * std::cos(second) * v * v));
}

std::array<char, 11> standard_text(const Position& place) {
  constexpr char kAlphabet[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  const uint64_t bits = bits_of(cell_of(place, {-90, 90}, kLongitudes, kSteps));
  std::array<char, 11> text;
  for (unsigned i = 0; i < 10; ++i) text[i] = kAlphabet[bits >> (52 - (i + 1) * 5) & 0x1f];
  text[10] = '0';  // 52 bits end within it; Redis says 0
  return text;
}

std::optional<double> Area::distance_to(const Position& place) const {
  if (is_box) {
    if (meridian_distance_m(place.latitude, center.latitude) > height * unit_m / 2) {
      return std::nullopt;
    }
    if (distance_m(place, {center.longitude, place.latitude}) > width * unit_m / 2) {
      return std::nullopt;
    }
    return distance_m(center, place);
  }
  const double distance = distance_m(center, place);
  return distance > radius * unit_m ? std::nullopt : std::optional(distance);
}

Cover cover_of(const Area& area) {
  const Box box = box_around(area);
  const double reach_units =
      area.is_box
          ? std::sqrt((area.width / 2) * (area.width / 2) + (area.height / 2) * (area.height / 2))
          : area.radius;
  unsigned steps = steps_for(reach_units * area.unit_m, area.center.latitude);
  Cell middle = cell_of(area.center, kLatitudes, kLongitudes, steps);
  if (steps > 1 && !reach(middle, box)) {
    middle = cell_of(area.center, kLatitudes, kLongitudes, --steps);
  }
  // What the middle cell reaches beyond by itself needs no neighbour there.
  const Interval latitudes = latitudes_of(middle);
  const Interval longitudes = longitudes_of(middle);
  const bool is_fine = steps >= 2;
  const bool no_south = is_fine && latitudes.min < box.latitudes.min;
  const bool no_north = is_fine && latitudes.max > box.latitudes.max;
  const bool no_west = is_fine && longitudes.min < box.longitudes.min;
  const bool no_east = is_fine && longitudes.max > box.longitudes.max;

  constexpr struct {
    int rows;
    int columns;
  } kOrder[] = {{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
  Cover cover;
  std::optional<Cell> last;  // but the first: with huge cells neighbours may be the same
  for (const auto& way : kOrder) {
    if ((way.rows > 0 && no_north) || (way.rows < 0 && no_south) || (way.columns > 0 && no_east) ||
        (way.columns < 0 && no_west)) {
      continue;
    }
    const Cell cell = neighbour(middle, way.rows, way.columns);
    if (last && cell == *last) continue;
    cover.spans[cover.count++] = span_of(cell);
    if (way.rows != 0 || way.columns != 0) last = cell;
  }
  return cover;
}

}  // namespace larder::server::geo
