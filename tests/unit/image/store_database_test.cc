#include <doctest/doctest.h>
#include <sys/stat.h>

#include <thread>

#include "image/database.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::image;

namespace {

struct TemporaryDirectory {
  std::string path = "/tmp/ctr-test-" + sys::random_hex(6);
  TemporaryDirectory() { sys::make_directories(path, 0700); }
  ~TemporaryDirectory() { sys::remove_tree(path); }
};

int64_t count(Database& database) {
  Statement query(database, "SELECT count(*) FROM t");
  query.step();
  return query.integer(0);
}

}  // namespace

TEST_CASE("values come back as they were bound") {
  TemporaryDirectory directory;
  Database database(directory.path + "/ctr.db");
  database.execute("CREATE TABLE t (a, b, c, d)");
  const std::string bytes("a\0b'\"", 5);
  Statement(database, "INSERT INTO t VALUES (?, ?, ?, ?)")
      .bind(bytes, int64_t{-7}, std::nullopt, true)
      .run();
  Statement query(database, "SELECT a, b, c, d FROM t");
  REQUIRE(query.step());
  CHECK(query.text(0) == bytes);
  CHECK(query.integer(1) == -7);
  CHECK(query.is_null(2));
  CHECK(query.integer(3) == 1);
  CHECK_FALSE(query.step());
  struct stat status {};
  REQUIRE(::stat((directory.path + "/ctr.db").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("a transaction without commit leaves nothing") {
  TemporaryDirectory directory;
  Database database(directory.path + "/ctr.db");
  database.execute("CREATE TABLE t (a)");
  {
    Transaction transaction(database);
    database.execute("INSERT INTO t VALUES (1)");
    CHECK_THROWS_AS(Transaction{database}, sys::Error);
  }
  CHECK(count(database) == 0);
  {
    Transaction transaction(database, Commit::durable);
    database.execute("INSERT INTO t VALUES (1)");
    transaction.commit();
  }
  CHECK(count(database) == 1);
}

TEST_CASE("what is committed is there after opening again") {
  TemporaryDirectory directory;
  const std::string path = directory.path + "/ctr.db";
  {
    Database database(path);
    database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  }
  Database database(path);
  CHECK(count(database) == 1);
}

TEST_CASE("several threads may use one database") {
  TemporaryDirectory directory;
  Database database(directory.path + "/ctr.db");
  database.execute("CREATE TABLE t (a)");
  auto work = [&] {
    for (int i = 0; i < 50; ++i) {
      Transaction transaction(database);
      Statement(database, "INSERT INTO t VALUES (?)").bind(i).run();
      transaction.commit();
    }
  };
  std::thread one(work);
  std::thread two(work);
  one.join();
  two.join();
  CHECK(count(database) == 100);
}

TEST_CASE("each migration runs once, and a newer file is refused") {
  TemporaryDirectory directory;
  Database database(directory.path + "/ctr.db");
  database.migrate("things", {"CREATE TABLE t (a)"});
  database.migrate("things", {"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"});
  database.migrate("things", {"CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"});
  CHECK(count(database) == 1);
  CHECK_THROWS_AS(database.migrate("things", {"CREATE TABLE t (a)"}), sys::Error);
}

TEST_CASE("a damaged file is told clearly (L25)") {
  TemporaryDirectory directory;
  const std::string path = directory.path + "/ctr.db";
  SUBCASE("garbage") {
    sys::write_atomically(path, std::string(8192, 'x'), 0600, sys::Durability::until_reboot);
  }
  SUBCASE("torn") {
    {
      Database database(path);
      database.execute("CREATE TABLE t (a); CREATE TABLE u (b)");
      for (int i = 0; i < 200; ++i)
        Statement(database, "INSERT INTO t VALUES (?)").bind(std::string(500, 'y')).run();
    }
    std::string content = sys::read_file(path);
    REQUIRE(content.size() > 20'000);
    content.resize(content.size() / 2 / 4096 * 4096);
    sys::write_atomically(path, content, 0600, sys::Durability::until_reboot);
  }
  try {
    Database database(path);
    FAIL("opened");
  } catch (const sys::Error& error) {
    CHECK(std::string(error.what()).find("is damaged") != std::string::npos);
  }
}

TEST_CASE("a broken rule of the tables is a conflict") {
  TemporaryDirectory directory;
  Database database(directory.path + "/ctr.db");
  database.execute("CREATE TABLE t (a PRIMARY KEY); INSERT INTO t VALUES (1)");
  try {
    database.execute("INSERT INTO t VALUES (1)");
    FAIL("inserted twice");
  } catch (const sys::Error& error) {
    CHECK(error.kind() == sys::ErrorKind::conflict);
  }
}
