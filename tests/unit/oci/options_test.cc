#include <doctest/doctest.h>

#include <signal.h>

#include "runtime/oci/options.h"
#include "runtime/oci/resource_options.h"
#include "runtime/oci/signal_name.h"

using namespace ctr::runtime::oci;

namespace {

struct Values {
  std::string bundle;
  bool detach = false;
  std::vector<std::string> env;
  std::optional<int64_t> count;
  Options options;

  Values() {
    options.text("-b,--bundle", bundle, "DIRECTORY", "where");
    options.flag("-d,--detach", detach, "go");
    options.list("-e,--env", env, "NAME=VALUE", "set");
    options.number("--count", count, "N", "how many");
  }
};

}  // namespace

TEST_CASE("options are understood in each form that callers of runc write") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--bundle", "/b", "-d", "id"}, {"--bundle=/b", "--detach", "id"},
        {"-b", "/b", "--detach=true", "id"}, {"-bundle", "/b", "-detach", "id"},
        {"id", "-b", "/b", "-d"}}) {
    Values values;
    CHECK(values.options.parse(words).operands == std::vector<std::string>{"id"});
    CHECK(values.bundle == "/b");
    CHECK(values.detach);
  }
}

TEST_CASE("of an option that stands twice the last counts, and lists collect") {
  Values values;
  values.options.parse({"-b", "1", "-b", "2", "-e", "A=1", "--env", "B=2", "--count", "-1"});
  CHECK(values.bundle == "2");
  CHECK(values.env == std::vector<std::string>{"A=1", "B=2"});
  CHECK(values.count == -1);
}

TEST_CASE("what stands behind the first operand belongs to the container") {
  Values values;
  values.options.end_at_operand();
  auto parsed = values.options.parse({"-d", "id", "ls", "-b", "--help"});
  CHECK(parsed.operands == std::vector<std::string>{"id", "ls", "-b", "--help"});
  CHECK_FALSE(parsed.help);
  CHECK(values.bundle.empty());
}

TEST_CASE("two dashes end the options") {
  Values values;
  CHECK(values.options.parse({"--", "-d"}).operands == std::vector<std::string>{"-d"});
  CHECK_FALSE(values.detach);
}

TEST_CASE("a command line that cannot be meant is refused by name") {
  for (const auto& [words, message] :
       {std::pair<std::vector<std::string>, const char*>{{"--other"}, "not defined: --other"},
        {{"-b"}, "needs an argument: -b"},
        {{"--count", "many"}, "--count takes a number, not 'many'"},
        {{"--count", "9999999999999999999"}, "--count takes a number"},
        {{"--detach=maybe"}, "--detach takes true or false, not 'maybe'"}}) {
    Values values;
    CHECK_THROWS_WITH_AS(values.options.parse(words), doctest::Contains(message), UsageError);
  }
}

TEST_CASE("the help is asked for with either word, and lists every option") {
  Values values;
  CHECK(values.options.parse({"--help"}).help);
  CHECK(values.options.parse({"-h", "--other"}).help);
  CHECK(values.options.help().find("-b, --bundle DIRECTORY   where\n") != std::string::npos);
}

TEST_CASE("signals have names and numbers") {
  for (const char* name : {"KILL", "SIGKILL", "sigkill", "9"}) CHECK(parse_signal_name(name) == SIGKILL);
  CHECK(parse_signal_name("0") == 0);
  CHECK(parse_signal_name("IOT") == SIGABRT);
  CHECK(parse_signal_name("RTMIN") == SIGRTMIN);
  CHECK(parse_signal_name("SIGRTMIN+3") == SIGRTMIN + 3);
  CHECK(parse_signal_name("RTMAX-1") == SIGRTMAX - 1);
  for (const char* name : {"", "FOO", "-1", "65", "9x", "SIG", "RTMIN+99", "RTMAX+1", "RTMIN-1"})
    CHECK_THROWS_WITH(parse_signal_name(name), doctest::Contains("unknown signal"));
}

TEST_CASE("sizes have units and a bound") {
  CHECK(parse_size("1048576", "--memory") == 1 << 20);
  CHECK(parse_size("1024k", "--memory") == 1 << 20);
  CHECK(parse_size("1M", "--memory") == 1 << 20);
  CHECK(parse_size("1MiB", "--memory") == 1 << 20);
  CHECK(parse_size("-1", "--memory") == -1);
  for (const char* text : {"", "m", "1x", "-2", "1.5g", "9223372036854775807k"})
    CHECK_THROWS_AS(parse_size(text, "--memory"), UsageError);
}

TEST_CASE("update's options fill the resources, and only what was given") {
  ResourceOptions chosen;
  Options options;
  chosen.declare(options);
  options.parse({"--memory", "64m", "--memory-swap", "-1", "--cpu-share", "512", "--pids-limit", "9"});
  ctr::runtime::Resources resources = plan_resources(chosen);
  CHECK(resources.memory.limit == 64 << 20);
  CHECK(resources.memory.swap == -1);
  CHECK(resources.cpu.shares == 512);
  CHECK(resources.pids_limit == 9);
  CHECK_FALSE(resources.cpu.quota.has_value());
  chosen.block_io_weight = 70000;
  CHECK_THROWS_WITH(plan_resources(chosen), doctest::Contains("--blkio-weight"));
  chosen.block_io_weight = -1;
  CHECK_THROWS_WITH(plan_resources(chosen), doctest::Contains("--blkio-weight"));
}
