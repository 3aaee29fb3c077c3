#include <doctest/doctest.h>
#include <CLI/CLI.hpp>

#include "cli/command_line.h"

using namespace ctr::cli;
using Words = std::vector<std::string>;

namespace {

ArrangedArguments arrange(const Words& words, bool stop) {
  static bool all = false;
  static bool quiet = false;
  static std::string name;
  static Words filters;
  CLI::App app;
  app.set_help_flag("--help");
  app.add_flag("-a,--all", all);
  app.add_flag("-q,--quiet", quiet);
  app.add_option("-n,--name", name);
  app.add_option("-f,--filter", filters);
  return arrange_arguments(app, words, stop);
}

}  // namespace

TEST_CASE("arguments: options may stand behind operands, unless the command stops there") {
  CHECK(arrange({"x", "-a", "y"}, false).operands == Words{"x", "y"});
  CHECK(arrange({"x", "-a", "y"}, false).options == Words{"-a"});
  CHECK(arrange({"x", "-a", "y"}, true).operands == Words{"x", "-a", "y"});
}

TEST_CASE("arguments: values stand behind a space, an equals sign or the letter itself") {
  CHECK(arrange({"-n", "v"}, false).options == Words{"-n", "v"});
  CHECK(arrange({"-nv"}, false).options == Words{"-n", "v"});
  CHECK(arrange({"-n=v"}, false).options == Words{"-n", "v"});
  CHECK(arrange({"--name=v"}, false).options == Words{"--name", "v"});
  CHECK(arrange({"--name", "-v"}, false).options == Words{"--name", "-v"});
  CHECK(arrange({"--name="}, false).options == Words{"--name", ""});
}

TEST_CASE("arguments: letters may be put together, the last with its value") {
  CHECK(arrange({"-aqn", "v"}, false).options == Words{"-a", "-q", "-n", "v"});
  CHECK(arrange({"-aqnv"}, false).options == Words{"-a", "-q", "-n", "v"});
  CHECK(arrange({"-a=false"}, false).options == Words{"--all=false"});
}

TEST_CASE("arguments: -- and - ") {
  CHECK(arrange({"-a", "--", "-q", "--"}, false).operands == Words{"-q", "--"});
  CHECK(arrange({"-"}, false).operands == Words{"-"});
}

TEST_CASE("arguments: unknown options are named, with what was likely meant") {
  CHECK_THROWS_WITH(arrange({"--nmae"}, false), "unknown flag: --nmae; did you mean --name?");
  CHECK_THROWS_WITH(arrange({"-ax"}, false), "unknown shorthand flag: 'x' in -ax");
  CHECK_THROWS_WITH(arrange({"--name"}, false), "flag needs an argument: --name");
  CHECK_THROWS_WITH(arrange({"-n"}, false), "flag needs an argument: 'n' in -n");
}

TEST_CASE("arguments: --help and -h ask for help, as long as -h is nothing else") {
  CHECK(arrange({"--help"}, false).help);
  CHECK(arrange({"-h"}, false).help);
  CHECK_FALSE(arrange({"x", "-h"}, true).help);
}
