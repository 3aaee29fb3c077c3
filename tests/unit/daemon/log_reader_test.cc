#include "daemon/log_reader.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr::daemon;
using ctr::sys::Error;

namespace {

class TemporaryLog {
 public:
  TemporaryLog() { ctr::sys::make_directories(directory_, 0700); }
  ~TemporaryLog() { ctr::sys::remove_tree(directory_); }
  std::string path(int number = 0) const {
    return directory_ + "/json.log" + (number == 0 ? "" : "." + std::to_string(number));
  }
  void append(const std::string& text, int number = 0) const {
    std::ofstream(path(number), std::ios::app) << text;
  }
  void rotate(int files) const {
    for (int i = files - 1; i > 0; --i) ::rename(path(i - 1).c_str(), path(i).c_str());
  }

 private:
  std::string directory_ = "/tmp/ctr-log-test-" + ctr::sys::random_hex(4);
};

std::string line(int number, const char* stream = "stdout") {
  return fmt::format(
      R"({{"log":"{}\n","stream":"{}","time":"2024-01-01T00:00:{:02}.5Z","attrs":{{"a":"b c"}}}})"
      "\n",
      number, stream, number % 60);
}

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += line(i);
  return text;
}

std::string read(const TemporaryLog& log, const LogSelection& selection = {}) {
  std::string text;
  read_log(log.path(), selection, [&](const LogRecord& record) {
    text += record.text.substr(0, record.text.size() - 1) + " ";
    return true;
  });
  return text;
}

}  // namespace

TEST_CASE("a record is read with all its escapes") {
  auto record = parse_log_record(
      R"({"log":"a\"b\\c\u00e9\ud83d\ude00\u0001\n","stream":"stderr","time":"2024-01-01T00:00:00.000000001Z","attrs":{"x":"1","y":"2 &"}})");
  REQUIRE(record);
  CHECK(record->text == "a\"b\\c\xc3\xa9\xf0\x9f\x98\x80\x01\n");
  CHECK(record->is_stderr);
  CHECK(record->attributes.size() == 2);
  CHECK(log_record_prefix(*record, true, true) == "2024-01-01T00:00:00.000000001Z x=1,y=2+%26 ");
  CHECK(log_record_prefix(*record, false, false).empty());
  CHECK(
      parse_log_record("{\"log\":\"\xff\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}")
          ->text == "\xff");
}

TEST_CASE("torn and foreign lines are no records; one behind a torn one is found") {
  for (const char* text : {"", "x", "{", "{}x", R"({"log":"a)", R"({"log":"a","time":"now"})",
                           R"({"log":"\u12"})", R"({"log":1})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_log_record(text));
  }
  auto record = parse_log_record("{\"log\":\"torn" + line(7).substr(0, line(7).size() - 1));
  REQUIRE(record);
  CHECK(record->text == "7\n");
}

TEST_CASE("a log is read across its rotated files, the oldest first") {
  TemporaryLog log;
  CHECK(read(log).empty());
  log.append(lines(1, 2), 2);
  log.append(lines(3, 4), 1);
  log.append(lines(5, 6) + "{\"log\":\"torn");
  CHECK(read(log) == "1 2 3 4 5 6 ");
}

TEST_CASE("tail counts records from the end, across files") {
  TemporaryLog log;
  log.append(lines(1, 3), 2);
  log.append(lines(4, 6), 1);
  log.append(lines(7, 9));
  CHECK(read(log, {.tail = 0}).empty());
  CHECK(read(log, {.tail = 1}) == "9 ");
  CHECK(read(log, {.tail = 3}) == "7 8 9 ");
  CHECK(read(log, {.tail = 4}) == "6 7 8 9 ");
  CHECK(read(log, {.tail = 9}) == "1 2 3 4 5 6 7 8 9 ");
  CHECK(read(log, {.tail = 100}) == "1 2 3 4 5 6 7 8 9 ");
  log.append("{\"log\":\"torn");
  CHECK(read(log, {.tail = 2}) == "8 9 ");
}

TEST_CASE("streams and times are selected") {
  TemporaryLog log;
  log.append(line(1) + line(2, "stderr") + line(3) + line(4, "stderr"));
  auto at = [](const char* text) { return ctr::sys::parse_timestamp(text); };
  CHECK(read(log, {.stderr_stream = false}) == "1 3 ");
  CHECK(read(log, {.stdout_stream = false}) == "2 4 ");
  CHECK(read(log, {.since = at("2024-01-01T00:00:02.5Z")}) == "2 3 4 ");
  CHECK(read(log, {.until = at("2024-01-01T00:00:02.5Z")}) == "1 2 ");
}

TEST_CASE("a line without end does not fill the memory") {
  TemporaryLog log;
  log.append(line(1) + std::string(3 << 20, 'x') + "\n" + line(2));
  CHECK(read(log) == "1 2 ");
}

TEST_CASE("links, FIFOs and directories in the log's place are refused (X07)") {
  TemporaryLog log;
  REQUIRE(::symlink("/etc/passwd", log.path().c_str()) == 0);
  CHECK_THROWS_AS(read(log), Error);
  ::unlink(log.path().c_str());
  REQUIRE(::mkfifo(log.path().c_str(), 0600) == 0);
  CHECK_THROWS_AS(read(log), Error);
}

TEST_CASE("following loses nothing and doubles nothing while the log rotates") {
  TemporaryLog log;
  constexpr int last = 4000;
  std::atomic<bool> ended = false;
  log.append(lines(1, 10));
  std::thread writer([&] {
    for (int i = 11; i <= last; ++i) {
      log.append(line(i));
      // Not so often that a file is deleted before it was read.
      if (i % 500 == 0) log.rotate(20);
    }
    ended = true;
  });
  int expected = 1;
  bool in_order = true;
  follow_log(
      log.path(), {}, {.writer_ended = [&] { return ended.load(); }},
      [&](const LogRecord& record) {
        in_order = in_order && record.text == std::to_string(expected) + "\n";
        ++expected;
        return true;
      },
      [] { return true; });
  writer.join();
  CHECK(in_order);
  CHECK(expected == last + 1);
}

TEST_CASE("a follower ends when its sink or its client had enough") {
  TemporaryLog log;
  log.append(lines(1, 10));
  int count = 0;
  follow_log(
      log.path(), {.tail = 5}, {}, [&](const LogRecord&) { return ++count < 3; },
      [] { return true; });
  CHECK(count == 3);
  follow_log(
      log.path(), {.tail = 0}, {}, [&](const LogRecord&) { return ++count < 3; },
      [] { return false; });
  CHECK(count == 3);
}
