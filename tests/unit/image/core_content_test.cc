#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "image/content_store.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::image;

namespace {

struct TemporaryDirectory {
  std::string path = "/tmp/ctr-content-test-XXXXXX";
  TemporaryDirectory() { sys::check(::mkdtemp(path.data()) ? 0 : -1, "mkdtemp"); }
  ~TemporaryDirectory() { sys::remove_tree(path); }
};

struct Store {
  TemporaryDirectory directory;
  ContentStore content{directory.path + "/blobs"};
  std::string ingests() const { return directory.path + "/blobs/ingest"; }
};

}  // namespace

TEST_CASE("SHA-256 is the standard's") {
  CHECK(Sha256::of("abc").hex() ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256::of("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("a blob is visible when it is whole, and only then") {
  Store store;
  const Digest digest = Sha256::of("hello world");
  ContentWriter writer = store.content.ingest(digest);
  writer.write("hello ");
  CHECK_FALSE(store.content.has(digest));
  writer.write("world");
  writer.commit(11);
  CHECK(store.content.find_size(digest) == 11);
  CHECK(store.content.read(digest, 100) == "hello world");
  CHECK(store.content.list() == std::vector<Digest>{digest});
  CHECK(sys::list_directory(store.ingests()).empty());
}

TEST_CASE("wrong bytes are never visible and nothing of them stays (G01)") {
  Store store;
  const Digest digest = Sha256::of("right");
  {
    ContentWriter writer = store.content.ingest(digest);
    writer.write("wrong");
    CHECK_THROWS_AS(writer.commit(5), sys::Error);
  }
  {
    ContentWriter writer = store.content.ingest(digest);
    writer.write("right");
    CHECK_THROWS_AS(writer.commit(6), sys::Error);
  }
  CHECK_FALSE(store.content.has(digest));
  CHECK(sys::list_directory(store.ingests()).empty());
}

TEST_CASE("what a writer left is where the next one goes on (L36)") {
  Store store;
  const Digest digest = Sha256::of("hello world");
  { store.content.ingest(digest).write("hello "); }
  ContentStore reopened(store.directory.path + "/blobs");
  std::string resumed;
  ContentWriter writer = reopened.ingest(digest, [&](std::string_view piece) { resumed += piece; });
  CHECK(resumed == "hello ");
  CHECK(writer.size() == 6);
  writer.write("world");
  writer.commit(11);
  CHECK(reopened.has(digest));
}

TEST_CASE("a writer can begin again") {
  Store store;
  const Digest digest = Sha256::of("right");
  ContentWriter writer = store.content.ingest(digest);
  writer.write("wrong and long");
  CHECK_FALSE(writer.is_intact(5));
  writer.restart();
  writer.write("right");
  CHECK(writer.is_intact(5));
  writer.commit(5);
  CHECK(store.content.read(digest, 5) == "right");
}

TEST_CASE("a blob has one writer at a time") {
  Store store;
  const Digest digest = Sha256::of("x");
  ContentWriter writer = store.content.ingest(digest);
  CHECK_THROWS_AS(store.content.ingest(digest), sys::Error);
  writer.discard();
  CHECK_NOTHROW(store.content.ingest(digest));
}

TEST_CASE("a flipped bit on disk is an error, not a document (G08)") {
  Store store;
  const Digest digest = store.content.put("document");
  std::ofstream(store.content.path(digest)) << "documenu";
  CHECK_THROWS_AS(store.content.read(digest, 100), sys::Error);
}

TEST_CASE("what is not there, or too large, is an error; removing it is none") {
  Store store;
  const Digest digest = Sha256::of("nothing");
  CHECK_THROWS_AS(store.content.open(digest), sys::Error);
  CHECK_NOTHROW(store.content.remove(digest));
  CHECK_THROWS_AS(store.content.read(store.content.put("12345"), 4), sys::Error);
}

TEST_CASE("old ingests expire, used and young ones do not") {
  Store store;
  const Digest used = Sha256::of("used");
  ContentWriter writer = store.content.ingest(used);
  { store.content.ingest(Sha256::of("left")).write("l"); }
  store.content.expire_ingests(std::chrono::hours(1));
  CHECK(sys::list_directory(store.ingests()).size() == 2);
  store.content.expire_ingests(std::chrono::seconds(-10));
  CHECK(sys::list_directory(store.ingests()) == std::vector<std::string>{used.hex()});
}
