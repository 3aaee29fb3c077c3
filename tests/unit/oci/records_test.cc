#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "runtime/oci/container_record.h"
#include "runtime/oci/log.h"
#include "runtime/oci/stats_json.h"
#include "runtime/oci/table.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using namespace ctr::runtime::oci;

TEST_CASE("a record survives being written and read") {
  ContainerRecord record;
  record.id = "c1";
  record.pid = 42;
  record.start_time = 12345678901;
  record.bundle = "/b";
  record.own_pid_namespace = false;
  record.annotations["a"] = "b";
  ContainerRecord again = parse_record(to_json(record));
  CHECK(again.id == "c1");
  CHECK(again.pid == 42);
  CHECK(again.start_time == 12345678901);
  CHECK_FALSE(again.own_pid_namespace);
  CHECK(again.annotations == record.annotations);
  CHECK_THROWS_WITH(parse_record("nonsense"), doctest::Contains("state.json"));
}

TEST_CASE("the state of a stopped container has no process") {
  ContainerRecord record;
  record.id = "c1";
  record.pid = 42;
  auto running = nlohmann::json::parse(state_to_json(record, Status::running, Layout::line, "root"));
  CHECK(running["pid"] == 42);
  CHECK(running["status"] == "running");
  CHECK(running["owner"] == "root");
  CHECK_FALSE(running.contains("annotations"));
  auto stopped = nlohmann::json::parse(state_to_json(record, Status::stopped, Layout::indented, "root"));
  CHECK(stopped["pid"] == 0);
}

TEST_CASE("R22: ids are names and no paths") {
  for (const char* id : {"a", "A-b_c+d.e", "0123", "-x"}) CHECK_NOTHROW(check_container_id(id));
  for (const std::string& id : {std::string(""), std::string("."), std::string(".."), std::string("a/b"),
                                std::string("a b"), std::string("a\0b", 3), std::string(1025, 'x')})
    CHECK_THROWS_AS(check_container_id(id), ctr::sys::Error);
}

TEST_CASE("log lines have the form that engines read back") {
  const ctr::sys::Timestamp time = 1'767'323'045'678'000'000;
  CHECK(format_log_line(LogFormat::json, "error", "a \"b\"\nc", time) ==
        "{\"level\":\"error\",\"msg\":\"a \\\"b\\\"\\nc\",\"time\":\"2026-01-02T03:04:05Z\"}\n");
  CHECK(format_log_line(LogFormat::text, "error", "a b", time) ==
        "time=\"2026-01-02T03:04:05Z\" level=error msg=\"a b\"\n");
}

TEST_CASE("columns are as wide as what stands in them") {
  CHECK(format_table({{"ID", "PID"}, {"0123456789", "1"}}) == "ID           PID\n0123456789   1\n");
}

TEST_CASE("statistics are one line of JSON in runc's form") {
  CgroupStats stats;
  stats.cpu.usage_ns = 7;
  stats.pids.current = 2;
  stats.io_service_bytes.push_back({8, 0, "Read", 4096});
  const std::string line = stats_event("c1", stats);
  CHECK(line.back() == '\n');
  auto event = nlohmann::json::parse(line);
  CHECK(event["type"] == "stats");
  CHECK(event["data"]["cpu"]["usage"]["total"] == 7);
  CHECK(event["data"]["pids"]["current"] == 2);
  CHECK(event["data"]["pids"]["limit"] == 0);
  CHECK(event["data"]["blkio"]["ioServiceBytesRecursive"][0]["value"] == 4096);
}
