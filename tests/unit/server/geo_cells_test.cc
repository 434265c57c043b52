#include "server/commands/geo_cells.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>

namespace larder::server::geo {
namespace {

// What redis-server 7.0 says of these.
constexpr Position kPalermo{13.361389, 38.115556};
constexpr Position kCatania{15.087269, 37.502669};

bool is_covered(const Cover& cover, double score) {
  for (size_t i = 0; i < cover.count; ++i) {
    if (score >= cover.spans[i].from && score < cover.spans[i].to) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a place's score leads back to its cell, of less than a metre") {
  CHECK(score_of(kPalermo) == 3479099956230698);
  CHECK(score_of(kCatania) == 3479447370796909);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> longitude(-180, 180);
  std::uniform_real_distribution<double> latitude(-85, 85);
  for (int i = 0; i < 10'000; ++i) {
    const Position place{longitude(random), latitude(random)};
    const Position middle = position_of(score_of(place));
    REQUIRE(distance_m(place, middle) < 0.5);
    REQUIRE(score_of(middle) == score_of(place));
  }
}

TEST_CASE("scores that are no places are taken for some on the grid") {
  for (const double score : {-1.0, -1e300, 1e300, 0x1p63, 0x1p64, HUGE_VAL, -HUGE_VAL}) {
    INFO(score);
    CHECK(is_on_grid(position_of(score)));
  }
}

TEST_CASE("standard geohashes begin as those of everybody else") {
  const auto text = standard_text(position_of(score_of(kPalermo)));
  CHECK(std::string(text.data(), text.size()) == "sqc8b49rny0");
}

TEST_CASE("nine cells cover an area, wherever it is") {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> longitude(-175, 175);
  std::uniform_real_distribution<double> latitude(-75, 75);
  std::uniform_real_distribution<double> part(0, 1);
  size_t inside = 0;
  for (int i = 0; i < 3'000; ++i) {
    Area area;
    area.center = {longitude(random), latitude(random)};
    const double reach_m = std::pow(10, 1 + 4.5 * part(random));
    area.is_box = i % 2 == 0;
    area.radius = area.width = area.height = reach_m;
    const Cover cover = cover_of(area);
    REQUIRE(cover.count >= 1);
    const double degrees = reach_m / 100'000;
    for (int j = 0; j < 20; ++j) {
      const Position place{area.center.longitude + degrees * (2 * part(random) - 1),
                           area.center.latitude + degrees * (2 * part(random) - 1)};
      if (!is_on_grid(place) || !area.distance_to(place)) continue;
      ++inside;
      INFO(area.center.longitude << " " << area.center.latitude << " " << reach_m);
      REQUIRE(is_covered(cover, score_of(place)));
    }
  }
  CHECK(inside > 10'000);
}

}  // namespace larder::server::geo
