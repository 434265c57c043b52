#include "server/scripting/sha1.h"

#include <catch2/catch.hpp>
#include <string>

namespace larder::server {
namespace {

std::string sha1(std::string_view bytes) {
  const Sha1Text text = sha1_text(bytes);
  return {text.data(), text.size()};
}

TEST_CASE("SHA-1 of the examples of FIPS 180 and RFC 3174") {
  CHECK(sha1("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(sha1(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("SHA-1 around the ends of blocks") {
  // Of so many times "a"; the padding takes a block of its own from 56 bytes on.
  CHECK(sha1(std::string(55, 'a')) == "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  CHECK(sha1(std::string(56, 'a')) == "c2db330f6083854c99d4b5bfb6e8f29f201be699");
  CHECK(sha1(std::string(63, 'a')) == "03f09f5b158a7a8cdad920bddc29b81c18a551f5");
  CHECK(sha1(std::string(64, 'a')) == "0098ba824b5c16427bd7a1122a5a442a25ec644d");
  CHECK(sha1(std::string(65, 'a')) == "11655326c708d70319be2610e8a57d9a5b959d3b");
}

}  // namespace
}  // namespace larder::server
