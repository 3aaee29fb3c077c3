#include "cli/completion.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "cli/manual.h"

using namespace ctr::cli;

namespace {

bool offers(const Completion& completion, const std::string& word) {
  return std::find(completion.words.begin(), completion.words.end(), word) !=
         completion.words.end();
}

}  // namespace

TEST_CASE("commands and groups are completed, hidden commands are not") {
  CHECK(complete({"ins"}).words == std::vector<std::string>{"inspect"});
  CHECK(offers(complete({"cont"}), "container"));
  CHECK(offers(complete({"container", "l"}), "ls"));
  CHECK_FALSE(offers(complete({"l"}), "ls"));
  CHECK(complete({"__"}).words.empty());
  CHECK(complete({"generate"}).words.empty());
  CHECK(complete({}).words.empty());
}

TEST_CASE("global options are stepped over, with their values") {
  CHECK(complete({"-H", "unix:///x", "ins"}).words == std::vector<std::string>{"inspect"});
  CHECK(offers(complete({"--h"}), "--host"));
  CHECK(complete({"-H"}).words == std::vector<std::string>{"-H"});
  CHECK(complete({"-H", ""}).words.empty());
}

TEST_CASE("a command's own options are completed, but not their values") {
  CHECK(complete({"ps", "--no-t"}).words == std::vector<std::string>{"--no-trunc"});
  CHECK(offers(complete({"images", "--"}), "--digests"));
  Completion value = complete({"ps", "--format", ""});
  CHECK(value.words.empty());
  CHECK(value.objects == ObjectNames::none);
}

TEST_CASE("operands are what the command says they are") {
  struct Row {
    std::vector<std::string> words;
    ObjectNames expected;
  };
  const Row rows[] = {{{"logs", ""}, ObjectNames::containers},
                      {{"logs", "-n", "5", ""}, ObjectNames::containers},
                      {{"logs", "--tail=5", ""}, ObjectNames::containers},
                      {{"logs", "web", ""}, ObjectNames::none},
                      {{"stop", ""}, ObjectNames::running_containers},
                      {{"stop", "a", ""}, ObjectNames::running_containers},
                      {{"top", ""}, ObjectNames::running_containers},
                      {{"top", "web", ""}, ObjectNames::none},
                      {{"rmi", "a", "b"}, ObjectNames::images},
                      {{"tag", "a", ""}, ObjectNames::images},
                      {{"run", "--rm", ""}, ObjectNames::images},
                      {{"run", "-e", "A=1", "alp"}, ObjectNames::images},
                      {{"run", "alpine", ""}, ObjectNames::none},
                      {{"inspect", ""}, ObjectNames::containers_and_images},
                      {{"image", "inspect", ""}, ObjectNames::images},
                      {{"ps", ""}, ObjectNames::none},
                      {{"frobnicate", ""}, ObjectNames::none}};
  for (const Row& row : rows) {
    CAPTURE(row.words[0]);
    CHECK(complete(row.words).objects == row.expected);
  }
}

TEST_CASE("roff's own signs are escaped") {
  CHECK(escape_roff("a … b") == "a \\[u2026] b");
  CHECK(escape_roff(".a\n'b -c\\d") == "\\&.a\n\\&'b \\-c\\ed");
}

TEST_CASE("every listed command has a page with its options") {
  for (const CommandRow& row : command_table()) {
    std::string page = command_manual(row);
    CAPTURE(manual_name(row));
    CHECK(page.find(".SH NAME\n") != std::string::npos);
    CHECK(page.find(".SH SYNOPSIS\n") != std::string::npos);
  }
  CHECK(root_manual().find("ctr\\-container\\-ls") != std::string::npos);
  CHECK(root_manual().find("__complete") == std::string::npos);
}
