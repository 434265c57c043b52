// Places on the earth as cells of a grid, in the scores that Redis gives members of GEOADD.
//
//   cell   2^step columns from -180 to 180 degrees, 2^step rows from -85.05112878 to 85.05112878;
//          its bits: those of the row and the column, alternating, the row's last
//   score  the bits of a cell of 26 steps: 52 bits, which a double holds exactly
//
// Cells of a coarser grid are ranges of scores, so what is near a place is found in nine of them.
// Each calculation is done as Redis does it, step by step: results agree to the last digit.
//
// Pure; any thread. O(1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace larder::server::geo {

inline constexpr double kMostLongitude = 180;
inline constexpr double kMostLatitude = 85.05112878;

struct Position {
  double longitude = 0;
  double latitude = 0;
};

inline bool is_on_grid(const Position& place) {
  return place.longitude >= -kMostLongitude && place.longitude <= kMostLongitude &&
         place.latitude >= -kMostLatitude && place.latitude <= kMostLatitude;
}

// REQUIRES: is_on_grid().
double score_of(const Position& place);
// The middle of the score's cell; of any number that is no such score some place on the grid.
Position position_of(double score);

// Metres between two places on a sphere.
double distance_m(const Position& a, const Position& b);

// The geohash by which the rest of the world knows the place: 11 characters.
std::array<char, 11> standard_text(const Position& place);

// What is searched: a circle, or a rectangle whose sides run north and east.
struct Area {
  Position center;
  bool is_box = false;
  double radius = 0;  // of a circle, in units
  double width = 0;   // of a box, in units
  double height = 0;
  double unit_m = 1;

  // Metres from the centre, if the place is inside.
  std::optional<double> distance_to(const Position& place) const;
};

// Scores from the first up to the second, which is not included.
struct ScoreSpan {
  double from = 0;
  double to = 0;
};

// Cells that together cover an area, in the order in which they are searched. At most nine.
struct Cover {
  std::array<ScoreSpan, 9> spans;
  size_t count = 0;
};
Cover cover_of(const Area& area);

}  // namespace larder::server::geo
