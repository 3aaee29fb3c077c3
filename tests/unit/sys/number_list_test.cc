#include "runtime/sys/number_list.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::sys;

TEST_CASE("lists of processors are parsed, bounded and sorted (D13)") {
  CHECK(parse_number_list("").empty());
  CHECK(parse_number_list("0-2,7") == std::vector<int>{0, 1, 2, 7});
  CHECK(parse_number_list("3,1,1") == std::vector<int>{1, 3});
  for (const char* text : {"a", "1-", "-1", "2-1", "0-4294967295", "99999", "0,,1", "1 "})
    CHECK_THROWS_AS(parse_number_list(text), Error);
}

TEST_CASE("a list is a mask of as many words as it needs") {
  CHECK(number_mask({}) == std::vector<unsigned long>{0});
  CHECK(number_mask({0, 2}) == std::vector<unsigned long>{5});
  CHECK(number_mask({1, 64}) == std::vector<unsigned long>{2, 1});
}
