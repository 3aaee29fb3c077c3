#include <doctest/doctest.h>

#include <fstream>

#include "image/archive.h"
#include "image/manifest.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::image;

namespace {

const std::string empty_tar(1024, '\0');

struct Host {
  std::string path = "/tmp/ctr-test-" + sys::random_hex(6);
  Database database{(sys::make_directories(path + "/in", 0700), path + "/ctr.db")};
  ContentStore content{path + "/blobs"};
  LayerStore layers{path + "/layers"};
  ImageStore images{database, content, layers};
  ~Host() { sys::remove_tree(path); }

  void file(const std::string& name, const std::string& text) {
    std::string full = path + "/in/" + name;
    sys::make_directories(full.substr(0, full.rfind('/')), 0700);
    std::ofstream(full, std::ios::binary) << text;
  }
  std::vector<ArchivedImage> load() {
    return load_archive(*open_archive_directory(path + "/in"), content, layers, {});
  }
  // An OCI layout with one image of one empty layer; returns the manifest's digest.
  Digest layout(const std::string& name) {
    std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers",)"
                         R"("diff_ids":[")" +
                         Sha256::of(empty_tar).text() + "\"]}}";
    Manifest manifest;
    manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
    manifest.config = descriptor("application/vnd.oci.image.config.v1+json", blob(config), config);
    manifest.layers = {
        descriptor("application/vnd.oci.image.layer.v1.tar", blob(empty_tar), empty_tar)};
    const std::string text = manifest_text(manifest);
    Index index;
    index.media_type = "application/vnd.oci.image.index.v1+json";
    index.manifests = {descriptor(manifest.media_type, blob(text), text)};
    index.manifests[0].annotations["org.opencontainers.image.ref.name"] = name;
    file("index.json", index_text(index));
    return Sha256::of(text);
  }

 private:
  Digest blob(const std::string& text) {
    Digest digest = Sha256::of(text);
    file("blobs/sha256/" + digest.hex(), text);
    return digest;
  }
  static Descriptor descriptor(std::string type, Digest digest, const std::string& text) {
    Descriptor made;
    made.media_type = std::move(type);
    made.digest = std::move(digest);
    made.size = text.size();
    return made;
  }
};

}  // namespace

TEST_CASE("an OCI layout is loaded, verified and can be recorded") {
  Host host;
  Digest manifest = host.layout("docker.io/library/thing:1");
  std::vector<ArchivedImage> loaded = host.load();
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].tags == std::vector<std::string>{"thing:1"});
  CHECK(loaded[0].image.manifest == manifest);
  Image image = host.images.put(loaded[0].image, loaded[0].tags[0]);
  CHECK(host.images.find("thing:1")->id == image.id);
  CHECK(host.images.collect_garbage({}).blobs.empty());
  CHECK(host.load().size() == 1);  // and again
}

TEST_CASE("a damaged layer of a layout is refused and leaves no layer (G01)") {
  Host host;
  host.layout("thing:1");
  host.file("blobs/sha256/" + Sha256::of(empty_tar).hex(), std::string(1023, '\0') + "x");
  CHECK_THROWS_AS(host.load(), sys::Error);
  CHECK(host.layers.list().empty());
  CHECK_FALSE(host.content.has(Sha256::of(empty_tar)));
}

TEST_CASE("what docker save writes is loaded, with a manifest made for it") {
  Host host;
  const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers",)"
                             R"("diff_ids":[")" +
                             Sha256::of(empty_tar).text() + "\"]}}";
  host.file(
      "manifest.json",
      R"([{"Config":"c.json","RepoTags":["a:1","localhost:5000/b:2"],"Layers":["l/layer.tar"]}])");
  host.file("c.json", config);
  host.file("l/layer.tar", empty_tar);
  std::vector<ArchivedImage> loaded = host.load();
  REQUIRE(loaded.size() == 1);
  CHECK(loaded[0].tags == std::vector<std::string>{"a:1", "localhost:5000/b:2"});
  CHECK(host.images.put(loaded[0].image, "a:1").id == Sha256::of(config));
  Manifest made = parse_manifest(host.content.read(loaded[0].image.manifest, 1 << 20));
  CHECK(made.layers.size() == 1);
}

TEST_CASE("names that lead out of the archive's directory find nothing") {
  Host host;
  sys::write_atomically(host.path + "/secret", "{}", 0600, sys::Durability::until_reboot);
  host.file("manifest.json", R"([{"Config":"../secret","RepoTags":null,"Layers":[]}])");
  CHECK_THROWS_WITH_AS(host.load(), "invalid archive: '../secret' is missing", sys::Error);
}

TEST_CASE("documents that are too large, missing or malformed are clear errors (D03, D06)") {
  Host host;
  CHECK_THROWS_AS(host.load(), sys::Error);
  for (const char* text : {"", "{}", "null", "[{}]", "[1]", R"([{"Config":1}])", "[]]", "[[[["}) {
    CAPTURE(text);
    host.file("manifest.json", text);
    CHECK_THROWS_AS(host.load(), sys::Error);
  }
  host.file("manifest.json", "[" + std::string(5 << 20, ' ') + "]");
  CHECK_THROWS_AS(host.load(), sys::Error);
}

TEST_CASE("a bare tag names nothing") {
  CHECK_FALSE(find_archived_name({{"org.opencontainers.image.ref.name", "latest"}}).has_value());
  CHECK(find_archived_name({{"org.opencontainers.image.ref.name", "a/b:1"}}) == "a/b:1");
  CHECK(find_archived_name({{"org.opencontainers.image.ref.name", "1"},
                            {"io.containerd.image.name", "docker.io/library/x:1"}}) == "x:1");
}
