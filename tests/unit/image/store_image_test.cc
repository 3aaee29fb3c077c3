#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>

#include "image/content_store.h"
#include "image/image_store.h"
#include "image/snapshotter.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::image;

namespace {

struct Host {
  std::string path = "/tmp/ctr-test-" + sys::random_hex(6);
  Database database{(sys::make_directories(path, 0700), path + "/ctr.db")};
  ContentStore content{path + "/blobs"};
  LayerStore layers{path + "/layers"};
  ImageStore images{database, content, layers};
  ~Host() { sys::remove_tree(path); }

  // A tar of nothing, made distinct by what follows its end.
  Digest layer(const std::string& mark) {
    std::string tar(1024, '\0');
    tar += mark;
    Digest digest = Sha256::of(tar);
    auto unpacker = layers.unpack(digest);
    unpacker->write(tar);
    CHECK(unpacker->commit().diff_id == digest);
    return digest;
  }

  NewImage image(const std::string& author, std::vector<Digest> diff_ids) {
    NewImage made;
    std::string list;
    for (const Digest& id : diff_ids) list += (list.empty() ? "\"" : ",\"") + id.text() + "\"";
    made.config_json =
        R"({"architecture":"amd64","os":"linux","author":")" + author +
        R"(","created":"2024-01-02T03:04:05Z","config":{},"rootfs":{"type":"layers",)" +
        R"("diff_ids":[)" + list + "]}}";
    made.diff_ids = std::move(diff_ids);
    made.manifest = content.put("manifest of " + author);
    made.blobs = {made.manifest, content.put(made.config_json)};
    return made;
  }
};

}  // namespace

TEST_CASE("an image is found by every form of its names") {
  Host host;
  Digest layer = host.layer("1");
  NewImage made = host.image("a", {layer});
  made.repo_digest = "alpine@" + made.manifest.text();
  Image image = host.images.put(made, "alpine:3.20");
  CHECK(image.tags == std::vector<std::string>{"alpine:3.20"});
  CHECK(image.repo_digests.size() == 1);
  CHECK(image.architecture == "amd64");
  CHECK(image.created == 1704164645LL * 1'000'000'000);
  for (const std::string& name :
       {std::string("alpine:3.20"), std::string("docker.io/library/alpine:3.20"),
        "alpine@" + made.manifest.text(), "alpine:other@" + made.manifest.text(), image.id.text(),
        image.id.hex(), image.id.hex().substr(0, 12), "sha256:" + image.id.hex().substr(0, 7)}) {
    CAPTURE(name);
    REQUIRE(host.images.find(name).has_value());
    CHECK(host.images.find(name)->id == image.id);
  }
  CHECK_FALSE(host.images.find("alpine").has_value());
  CHECK_THROWS_WITH(host.images.get("alpine"), "No such image: alpine:latest");
  CHECK_THROWS_WITH(host.images.get("localhost:5000/x"), "No such image: localhost:5000/x:latest");
  CHECK_THROWS_AS(host.images.find("owner/UPPER"), sys::Error);
}

TEST_CASE("a prefix of several IDs is refused, and a name wins over a prefix") {
  Host host;
  std::vector<Image> all;
  for (int i = 0; i < 17; ++i)  // two of them begin with the same digit
    all.push_back(host.images.put(host.image("author " + std::to_string(i), {}), ""));
  int ambiguous = 0;
  for (char digit : std::string("0123456789abcdef")) {
    try {
      host.images.find(std::string(1, digit));
    } catch (const sys::Error& error) {
      CHECK(error.kind() == sys::ErrorKind::invalid_argument);
      ++ambiguous;
    }
  }
  CHECK(ambiguous > 0);
  const std::string prefix = all[0].id.hex().substr(0, 8);
  host.images.tag(all[1].id.text(), prefix);
  CHECK(host.images.find(prefix)->id == all[1].id);
}

TEST_CASE("a tag moves, and the image that loses it stays") {
  Host host;
  Image one = host.images.put(host.image("one", {}), "x:latest");
  Image two = host.images.put(host.image("two", {}), "x:latest");
  CHECK(host.images.find("x")->id == two.id);
  CHECK(host.images.find(one.id.text())->tags.empty());
  CHECK(host.images.tag("x", "localhost:5000/y") == "localhost:5000/y:latest");
  CHECK(host.images.find("x")->tags ==
        std::vector<std::string>{"localhost:5000/y:latest", "x:latest"});
  CHECK(host.images.list().size() == 2);
  CHECK_THROWS_WITH(host.images.tag("nothing", "y"), "No such image: nothing:latest");
}

TEST_CASE("an image with a missing layer is not recorded") {
  Host host;
  NewImage made = host.image("a", {Sha256::of("never unpacked")});
  CHECK_THROWS_AS(host.images.put(made, "x:latest"), sys::Error);
  CHECK(host.images.list().empty());
  CHECK_FALSE(host.images.find("x").has_value());
}

TEST_CASE("removal tells what went, and the collection takes what nobody needs") {
  Host host;
  Digest shared = host.layer("shared");
  Digest own = host.layer("own");
  host.images.put(host.image("stays", {shared}), "stays:latest");
  Image gone = host.images.put(host.image("goes", {shared, own}), "goes:latest");
  std::vector<ImageRemoval> lines = host.images.remove("goes", false, {});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].untagged == "goes:latest");
  CHECK(lines[1].deleted == gone.id.text());
  CHECK(lines[2].deleted == Sha256::of(shared.text() + " " + own.text()).text());
  CHECK_THROWS_WITH(host.images.remove("goes", false, {}), "No such image: goes:latest");

  ImageUsers users;
  users.layers_in_use = [&] { return std::vector<Digest>{own}; };
  CHECK(host.images.collect_garbage(users).layers.empty());
  {
    Lease lease = host.images.open_lease();
    lease.keep(own);
    CHECK(host.images.collect_garbage({}).layers.empty());
  }
  CollectedGarbage garbage = host.images.collect_garbage({});
  CHECK(garbage.layers == std::vector<Digest>{own});
  CHECK_FALSE(host.layers.find(own).has_value());
  CHECK(host.layers.find(shared).has_value());
  CHECK(host.images.collect_garbage({}).blobs.empty());
}

TEST_CASE("what a lease hands over to a record while a collection looks is spared (L29)") {
  Host host;
  Digest layer = host.layer("x");
  std::optional<Lease> lease = host.images.open_lease();
  ImageUsers users;
  users.layers_in_use = [&] {
    // A container is created and recorded just after we have listed the containers.
    lease->keep(layer);
    lease.reset();
    return std::vector<Digest>{};
  };
  CHECK(host.images.collect_garbage(users).layers.empty());
  CHECK(host.layers.find(layer).has_value());
}

TEST_CASE("a layer that is no archive, or another one, is never visible (G04)") {
  Host host;
  Digest expected = Sha256::of("something else");
  {
    auto unpacker = host.layers.unpack(expected);
    unpacker->write(std::string(1024, '\0'));
    CHECK_THROWS_AS(unpacker->commit(), sys::Error);
  }
  { auto abandoned = host.layers.unpack(expected); }
  CHECK_FALSE(host.layers.find(expected).has_value());
  for (const std::string& name : sys::list_directory(host.path + "/layers")) CHECK(name == "trash");
}

TEST_CASE("what a crash left of a layer is removed at the next start") {
  std::string path = "/tmp/ctr-test-" + sys::random_hex(6);
  sys::make_directories(path + "/tmp-0123/diff/x", 0700);
  { LayerStore store(path); }
  CHECK_FALSE(sys::exists(path + "/tmp-0123"));
  sys::remove_tree(path);
}

TEST_CASE("a snapshot lists its layers from the top, and stands on something without any") {
  Host host;
  Digest one = host.layer("1");
  Digest two = host.layer("2");
  Snapshotter snapshotter(host.layers, host.path + "/trash");
  const std::string home = host.path + "/c";
  sys::make_directories(home, 0700);
  Snapshot snapshot = snapshotter.prepare({one, two}, home);
  CHECK(snapshot.lower == std::vector<std::string>{host.layers.path(two), host.layers.path(one)});
  CHECK(sys::exists(snapshot.upper));
  CHECK(sys::exists(snapshot.work));
  snapshot = snapshotter.prepare({}, home);
  REQUIRE(snapshot.lower.size() == 1);
  CHECK(sys::exists(snapshot.lower[0]));
  CHECK_THROWS_AS(snapshotter.prepare({Sha256::of("missing")}, home), sys::Error);
  snapshotter.remove(home);
  CHECK_FALSE(sys::exists(home));
  snapshotter.remove(home);
}
