#include "cli/suggest.h"

#include <doctest/doctest.h>

using namespace ctr::cli;

TEST_CASE("the edit distance counts a swap once") {
  CHECK(edit_distance("run", "run") == 0);
  CHECK(edit_distance("rnu", "run") == 1);
  CHECK(edit_distance("ru", "run") == 1);
  CHECK(edit_distance("", "run") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("a typo finds the command that was meant") {
  const std::vector<std::string> known = {"attach",  "container", "exec",    "images",
                                          "inspect", "logs",      "network", "ps",
                                          "pull",    "rm",        "rmi",     "run"};
  struct Row {
    const char* word;
    const char* expected;
  };
  const Row rows[] = {{"rnu", "run"},         {"runn", "run"},           {"imgaes", "images"},
                      {"insepct", "inspect"}, {"contaner", "container"}, {"cont", "container"},
                      {"exce", "exec"},       {"log", "logs"},           {"image", "images"},
                      {"pss", "ps"}};
  for (const Row& row : rows) CHECK(find_suggestion(row.word, known) == std::string(row.expected));
  for (const char* word : {"frobnicate", "x", "", "zz"}) CHECK_FALSE(find_suggestion(word, known));
  CHECK_FALSE(find_suggestion(std::string(100000, 'a'), known));
  CHECK(did_you_mean("rnu", known) == " Did you mean 'run'?");
  CHECK(did_you_mean("frobnicate", known) == "");
}
