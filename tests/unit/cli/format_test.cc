#include "cli/format.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using ctr::cli::Heading;
using ctr::cli::Json;
using ctr::cli::ListFormat;

namespace {

constexpr Heading headings[] = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}, {"State", "STATE"}};
constexpr const char* default_table = "{{.ID}}\t{{.Names}}";

std::string print(const char* format) {
  const std::vector<Json> rows = {
      {{"ID", "1"}, {"Names", "web"}, {"State", "running"}, {"Label", {{"app.tier", "x"}}}},
      {{"ID", "2"}, {"Names", "nostalgic"}, {"State", "exited"}, {"Label", Json::object()}}};
  return ListFormat(format, default_table).print(headings, rows);
}

}  // namespace

TEST_CASE("a list is a table by default") {
  const char* table = "CONTAINER ID   NAMES\n1              web\n2              nostalgic\n";
  CHECK(print("") == table);
  CHECK(print("table") == table);
  CHECK(print("table {{.ID}}\\t{{.Names}}") == table);
}

TEST_CASE("a template without table has no head and no alignment") {
  CHECK(print("{{.ID}}\\t{{.Names}}") == "1\tweb\n2\tnostalgic\n");
  CHECK(print("json") ==
        "{\"ID\":\"1\",\"Names\":\"web\",\"State\":\"running\"}\n"
        "{\"ID\":\"2\",\"Names\":\"nostalgic\",\"State\":\"exited\"}\n");
}

TEST_CASE("a table's head ignores what shapes the cells") {
  CHECK(print("table {{upper .Names}}\t{{truncate .State 3}}\t{{.Label \"app.tier\"}}") ==
        "NAMES       STATE     tier\nWEB         run       x\nNOSTALGIC   exi       \n");
}

TEST_CASE("a format says which fields it needs") {
  CHECK(ListFormat("{{.State}}", default_table).uses("State"));
  CHECK_FALSE(ListFormat("", default_table).uses("State"));
  CHECK(ListFormat("json", default_table).uses("State"));
  CHECK_FALSE(ListFormat("json", default_table).names("State"));
}
