#include <doctest/doctest.h>

#include "runtime/monitor/detach_keys.h"
#include "runtime/monitor/log_writer.h"
#include "runtime/monitor_protocol.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;
using namespace std::string_literals;

namespace {

std::string line(std::string_view text) {
  return format_log_line(text, Stream::standard_output, 0, "");
}

}  // namespace

TEST_CASE("a log line is what docker's json-file driver writes") {
  CHECK(format_log_line("hello\n", Stream::standard_error, 1'500'000'000, "") ==
        "{\"log\":\"hello\\n\",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:01.5Z\"}\n");
  CHECK(format_log_line("x", Stream::standard_output, 0, "{\"a\":\"b\"}") ==
        "{\"log\":\"x\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"},\"time\":\"1970-01-01T00:00:00Z\"}\n");
}

TEST_CASE("what JSON cannot hold is escaped, as Go does") {
  CHECK(line("a\"b\\c\t<&>\x01\r").find("a\\\"b\\\\c\\t\\u003c\\u0026\\u003e\\u0001\\r") !=
        std::string::npos);
  CHECK(line("\0"s).find("\\u0000") != std::string::npos);
}

TEST_CASE("bytes that are not UTF-8 become U+FFFD, characters that are stay") {
  CHECK(line("gr\xc3\xbc\xc3\x9f").find("gr\xc3\xbc\xc3\x9f") != std::string::npos);
  CHECK(line("\xff!").find("\\ufffd!") != std::string::npos);
  CHECK(line("\xc0\x80").find("\\ufffd\\ufffd") != std::string::npos);      // overlong
  CHECK(line("\xed\xa0\x80").find("\\ufffd\\ufffd\\ufffd") != std::string::npos);  // surrogate
  CHECK(line("\xc3").find("\\ufffd\"") != std::string::npos);               // cut off
}

TEST_CASE("detach keys are read as docker writes them") {
  CHECK(parse_detach_keys("ctrl-p,ctrl-q") == "\x10\x11");
  CHECK(parse_detach_keys("a,ctrl-@,ctrl-[") == "a\0\x1b"s);
  CHECK_THROWS_AS(parse_detach_keys("ctrl-!"), ctr::sys::Error);
}

TEST_CASE("the detach sequence is found across reads, and its beginning alone is passed on") {
  DetachScanner scanner("\x10\x11");
  std::string output;
  CHECK_FALSE(scanner.scan("ab\x10", output));
  CHECK(output == "ab");
  CHECK_FALSE(scanner.scan("c", output));
  CHECK(output == "ab\x10" "c");
  CHECK_FALSE(scanner.scan("\x10", output));
  CHECK(scanner.scan("\x11 never", output));
  CHECK(output == "ab\x10" "c");
}

TEST_CASE("what the client sent early survives the message to the monitor") {
  AttachOptions options;
  options.stdin_stream = true;
  options.preread = "bytes\0\xff\x10"s;
  AttachOptions again = parse_attach_options(to_json(options));
  CHECK(again.preread == options.preread);
  CHECK(again.stdin_stream);
  CHECK_FALSE(again.stdout_stream);
}

TEST_CASE("records survive their files") {
  ExitRecord record{.exit_code = 137, .oom_killed = true, .finished_at = 42, .error = "gr\xc3\xbc\xc3\x9f"};
  ExitRecord again = parse_exit_record(to_json(record));
  CHECK(again.exit_code == 137);
  CHECK(again.oom_killed);
  CHECK(again.finished_at == 42);
  CHECK(again.error == record.error);
  CHECK_THROWS_AS(parse_exit_record("{\"exit_code\":\"x\"}"), ctr::sys::Error);
  CHECK_THROWS_AS(parse_exit_record("torn"), ctr::sys::Error);
}
