#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/sys/error.h"
#include "runtime/sys/file.h"
#include "runtime/sys/path.h"
#include "runtime/sys/process.h"
#include "runtime/sys/socket.h"
#include "runtime/sys/timestamp.h"

using namespace ctr::sys;

namespace {

// A directory that goes with the test.
class Scratch {
 public:
  Scratch() : path_("/tmp/ctr-unit-" + random_hex(8)) { make_directories(path_, 0700); }
  ~Scratch() { remove_tree(path_); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void write_text(const std::string& path, const std::string& text) {
  write_atomically(path, text, 0644, Durability::until_reboot);
}

}  // namespace

TEST_CASE("a failed call says what it was about") {
  try {
    check(::open("/nonexistent", O_RDONLY), "open", "/nonexistent");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(std::string(error.what()) == "open '/nonexistent': no such file or directory");
    CHECK(error.error_number() == ENOENT);
  }
}

TEST_CASE("files are replaced in one step and read within a limit") {
  Scratch scratch;
  write_text(scratch / "a", "one");
  write_atomically(scratch / "a", "two", 0600, Durability::across_power_cut);
  CHECK(read_file(scratch / "a") == "two");
  CHECK(list_directory(scratch.path()).size() == 1);
  CHECK_THROWS_AS(read_file(scratch / "a", 2), Error);
  CHECK_FALSE(find_file(scratch / "b"));
}

TEST_CASE("links are followed inside the root and never out of it") {
  Scratch scratch;
  make_directories(scratch / "root/etc", 0755);
  write_text(scratch / "root/etc/passwd", "inside");
  write_text(scratch / "secret", "outside");
  REQUIRE(::symlink("/etc", (scratch / "root/abs").c_str()) == 0);
  REQUIRE(::symlink("../../../..", (scratch / "root/up").c_str()) == 0);
  REQUIRE(::symlink("../secret", (scratch / "root/out").c_str()) == 0);
  REQUIRE(::symlink("/new/dir", (scratch / "root/dangling").c_str()) == 0);
  UniqueFd root = open_at(AT_FDCWD, scratch / "root", O_PATH | O_DIRECTORY);
  CHECK(read_all(open_in_root(root.get(), "/abs/passwd", O_RDONLY).get(), 100, "x") == "inside");
  CHECK(read_all(open_in_root(root.get(), "up/etc/passwd", O_RDONLY).get(), 100, "x") == "inside");
  CHECK_FALSE(find_in_root(root.get(), "out", O_RDONLY));
  CHECK_FALSE(find_in_root(root.get(), "../secret", O_RDONLY));
  make_directories_in_root(root.get(), "/dangling/sub", 0755);
  CHECK(exists(scratch / "root/new/dir/sub"));
  CHECK_FALSE(exists(scratch / "new"));
  auto [parent, name] = open_parent_in_root(root.get(), "up/var/x", 0755);
  CHECK(name == "x");
  CHECK(exists(scratch / "root/var"));
  CHECK_THROWS_AS(open_parent_in_root(root.get(), "/..", 0755), Error);
}

TEST_CASE("paths are cleaned as text, never above the root") {
  CHECK(clean_path("/a/./b//../c/") == "/a/c");
  CHECK(clean_path("../../x") == "/x");
  CHECK(clean_path("") == "/");
  CHECK(split_path("a//b/./../c") == std::vector<std::string>{"a", "b", "..", "c"});
}

TEST_CASE("times are written and read as Go does") {
  CHECK(format_timestamp(zero_time) == "0001-01-01T00:00:00Z");
  CHECK(format_timestamp(1'500'000'000) == "1970-01-01T00:00:01.5Z");
  CHECK(format_timestamp(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(format_timestamp_fixed(1'000'000'000) == "1970-01-01T00:00:01.000000000Z");
  CHECK(parse_timestamp("2006-01-02T15:04:05.25+01:30") == parse_timestamp("2006-01-02T13:34:05.25Z"));
  CHECK(parse_timestamp("0001-01-01T00:00:00Z") == zero_time);
  CHECK_FALSE(parse_timestamp("2006-01-02"));
  CHECK_FALSE(parse_timestamp("2006-13-02T00:00:00Z"));
  Timestamp now_value = now();
  CHECK(parse_timestamp(format_timestamp(now_value)) == now_value);
}

TEST_CASE("messages carry texts and descriptors, in any pieces") {
  auto [left, right] = socket_pair(SOCK_STREAM);
  UniqueFd null = open_at(AT_FDCWD, "/dev/null", O_RDWR);
  send_message(left.get(), "first", {null.get()});
  send_message(left.get(), std::string(50'000, 'x'));
  send_message(left.get(), "third", {null.get(), null.get()});
  left.reset();
  MessageReader reader;
  auto first = reader.receive(right.get());
  REQUIRE(first);
  CHECK(first->text == "first");
  CHECK(first->descriptors.size() == 1);
  auto second = reader.receive(right.get());
  REQUIRE(second);
  CHECK(second->text.size() == 50'000);
  CHECK(second->descriptors.empty());
  auto third = reader.receive(right.get());
  REQUIRE(third);
  CHECK(third->descriptors.size() == 2);
  CHECK_FALSE(reader.receive(right.get()));
}

TEST_CASE("a second listener on a socket is refused, a stale socket is replaced") {
  Scratch scratch;
  std::string long_directory = scratch / std::string(120, 'd');
  make_directories(long_directory, 0700);
  std::string path = long_directory + "/socket";
  { UniqueFd listener = listen_unix(path, 0600); }
  UniqueFd listener = listen_unix(path, 0660);
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0660);
  CHECK_THROWS_AS(listen_unix(path, 0600), Error);
  UniqueFd client = connect_unix(path);
  CHECK(peer_of(client.get()).uid == ::geteuid());
}

TEST_CASE("programs are run with their input, and their end is told") {
  CommandResult result = run_command("/bin/sh", {"-c", "cat; echo err >&2; exit 3"}, "in");
  CHECK(result.status.exit_code() == 3);
  CHECK(result.output == "inerr\n");
  Process child = spawn({.program = "/bin/sleep", .name = "", .arguments = {"100"}, .environment = {},
                         .descriptors = {}});
  auto start_time = find_start_time(child.pid());
  REQUIRE(start_time);
  CHECK(Process::find(child.pid(), *start_time));
  CHECK_FALSE(Process::find(child.pid(), *start_time + 1));
  CHECK_FALSE(child.try_wait());
  CHECK(child.signal(SIGKILL));
  CHECK(child.wait().exit_code() == 137);
  CHECK_FALSE(Process::find(child.pid(), *start_time));
}
