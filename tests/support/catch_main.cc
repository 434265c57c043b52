// main() for every Catch2 program; compiled once, because it takes longer than most tests.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
