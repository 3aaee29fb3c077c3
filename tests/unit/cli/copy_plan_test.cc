#include "cli/copy_plan.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::cli;

TEST_CASE("a container's path is told from one here") {
  CHECK(parse_copy_place("web:/etc/hosts").container == "web");
  CHECK(parse_copy_place("web:etc").path == "/etc");
  for (const char* here : {"/a:b", "./a:b", "file", "-", "../x:y"}) {
    CHECK(parse_copy_place(here).container.empty());
    CHECK(parse_copy_place(here).path == here);
  }
  CHECK_THROWS_AS(parse_copy_place("web:"), ctr::sys::Error);
  CHECK_THROWS_AS(parse_copy_place(":/x"), ctr::sys::Error);
}

TEST_CASE("what goes where follows Docker's rules") {
  struct Row {
    const char* source;
    PathKind kind;
    const char* destination;
    std::optional<PathKind> there;
    const char* directory;
    const char* from;
    const char* to;
  };
  constexpr auto file = PathKind::file;
  constexpr auto directory = PathKind::directory;
  for (const Row& row : {Row{"/a/f", file, "/d", directory, "/d", "f", "f"},
                         Row{"/a/f", file, "/d/new", std::nullopt, "/d", "f", "new"},
                         Row{"/a/f", file, "/d/old", file, "/d", "f", "old"},
                         Row{"/a/t", directory, "/d", directory, "/d", "t", "t"},
                         Row{"/a/t/", directory, "/d", directory, "/d", "t", "t"},
                         Row{"/a/t/.", directory, "/d", directory, "/d", ".", "."},
                         Row{"/a/t", directory, "/d/new", std::nullopt, "/d", "t", "new"},
                         Row{"/a/t/.", directory, "new", std::nullopt, ".", ".", "new"},
                         Row{"/", directory, "/d", directory, "/d", ".", "."}}) {
    CAPTURE(row.source);
    CAPTURE(row.destination);
    CopyPlan plan = plan_copy({row.source, row.kind}, row.destination, row.there);
    CHECK(plan.directory == row.directory);
    CHECK(plan.archived_as == row.from);
    CHECK(plan.renamed_to == row.to);
  }
  CHECK_THROWS_AS(plan_copy({"/t", directory}, "/f", file), ctr::sys::Error);
  CHECK_THROWS_AS(plan_copy({"/f", file}, "/none/", std::nullopt), ctr::sys::Error);
}
