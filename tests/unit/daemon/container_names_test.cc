#include "daemon/container_names.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

TEST_CASE("names are what Docker allows (R22)") {
  for (const char* name : {"ab", "/web", "a_b", "a.b-c", "0x", "Web1"})
    CHECK(is_valid_container_name(name));
  for (const char* name :
       {"", "/", "a", "/a", "-ab", ".ab", "_ab", "a b", "a/b", "..", "a\nb", "ä1", "//ab"})
    CHECK_FALSE(is_valid_container_name(name));
  CHECK_FALSE(is_valid_container_name(std::string(256, 'a')));
  CHECK_FALSE(is_valid_container_name(std::string_view("a\0b", 3)));
}

TEST_CASE("one leading slash is dropped") {
  CHECK(parse_container_name("/web") == "web");
  CHECK_THROWS_WITH_AS(parse_container_name("a b"),
                       "Invalid container name (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       ctr::sys::Error);
}

TEST_CASE("random names are two words, with a number once they are short") {
  for (uint64_t random : {uint64_t{0}, uint64_t{12345678901}, UINT64_MAX}) {
    std::string name = two_word_name(random, 0);
    CHECK(name.find('_') != std::string::npos);
    CHECK(is_valid_container_name(name));
    CHECK(two_word_name(random, 1).starts_with(name));
    CHECK(two_word_name(random, 9).size() > name.size());
  }
}
