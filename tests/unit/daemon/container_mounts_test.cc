#include "daemon/container_mounts.h"

#include <doctest/doctest.h>

#include "runtime/sys/error.h"

using namespace ctr::daemon;

namespace {

struct Request {
  ContainerConfig config;
  HostConfig host;
  std::vector<MountPoint> others;

  std::vector<MountPoint> plan() const {
    return plan_mount_points(
        {.config = config, .host = host, .mounts_of = [this](const auto&) { return others; }});
  }
};

}  // namespace

TEST_CASE("-v with a path is a bind whose source may be made") {
  MountPoint mount = parse_bind("/host/./a:/in/side/:ro");
  CHECK(mount.type == "bind");
  CHECK(mount.source == "/host/a");
  CHECK(mount.destination == "/in/side");
  CHECK_FALSE(mount.writable);
  CHECK(mount.create_source);
  CHECK(mount.propagation == "rprivate");
  CHECK(mount.recursive_read_only);
}

TEST_CASE("-v with a name is a volume") {
  MountPoint mount = parse_bind("data:/var/lib/x");
  CHECK(mount.type == "volume");
  CHECK(mount.name == "data");
  CHECK(mount.writable);
  CHECK_FALSE(mount.anonymous);
}

TEST_CASE("-v's modes are Docker's") {
  CHECK(parse_bind("/a:/b:rslave,ro").propagation == "rslave");
  CHECK(parse_bind("/a:/b:z").writable);
  CHECK(parse_bind("data:/b:nocopy").writable);
  for (const char* text : {"/a:/b:rx", "/a:/b:ro,", "data:/b:rslave", "/a:/b:nocopy"})
    CHECK_THROWS_AS(parse_bind(text), ctr::sys::Error);
}

TEST_CASE("what cannot be a bind is refused") {
  for (const char* text : {"", ":", "a:", ":/b", "/a:/b:ro:x", "/a:b", "/a:/", "/a:/x/..",
                           "../x:/b", "a/b:/c", "-x:/b"})
    CHECK_THROWS_AS(parse_bind(text), ctr::sys::Error);
  CHECK_THROWS_WITH(parse_bind("/a:/b:/c:/d"), "invalid volume specification: '/a:/b:/c:/d'");
}

TEST_CASE("mount points come parents first") {
  Request request;
  request.host.binds = {"/x:/a/b/c", "/y:/a", "/z:/a/b"};
  std::vector<MountPoint> mounts = request.plan();
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].destination == "/a");
  CHECK(mounts[2].destination == "/a/b/c");
}

TEST_CASE("one place is mounted once") {
  Request request;
  request.host.binds = {"/x:/a", "/y:/a/"};
  CHECK_THROWS_WITH(request.plan(), "Duplicate mount point: /a");
}

TEST_CASE("a bind or a tmpfs takes the place of an image's volume") {
  Request request;
  request.config.volumes = {"/data", "/cache", "/keep"};
  request.host.binds = {"/x:/data"};
  request.host.tmpfs = {{"/cache", ""}};
  std::vector<MountPoint> mounts = request.plan();
  REQUIRE(mounts.size() == 2);
  CHECK(mounts[0].type == "bind");
  CHECK(mounts[1].destination == "/keep");
  CHECK(mounts[1].anonymous);
}

TEST_CASE("--volumes-from takes what another has, which stays its owner") {
  Request request;
  request.others = {{.type = "volume",
                     .name = "v",
                     .source = "/s",
                     .destination = "/v",
                     .mode = "",
                     .propagation = "",
                     .writable = true,
                     .anonymous = true}};
  request.host.volumes_from = {"other:ro"};
  std::vector<MountPoint> mounts = request.plan();
  REQUIRE(mounts.size() == 1);
  CHECK_FALSE(mounts[0].writable);
  CHECK_FALSE(mounts[0].anonymous);
}

TEST_CASE("--mount is strict") {
  auto plan = [](const char* type, const char* source, const char* target) {
    MountRequest mount;
    mount.type = type;
    mount.source = source;
    mount.target = target;
    Request request;
    request.host.mounts = {mount};
    return request.plan();
  };
  CHECK_FALSE(plan("bind", "/a", "/b")[0].create_source);
  CHECK(plan("volume", "", "/b")[0].anonymous);
  CHECK_THROWS_WITH(plan("bind", "", "/b"),
                    "invalid mount config for type \"bind\": field Source must not be empty");
  CHECK_THROWS_WITH(plan("bind", "/a", ""),
                    "invalid mount config for type \"bind\": field Target must not be empty");
  CHECK_THROWS_WITH(plan("nfs", "/a", "/b"), "mount type unknown: \"nfs\"");
  CHECK_THROWS_AS(plan("tmpfs", "/a", "/b"), ctr::sys::Error);
}

TEST_CASE("volume names are safe as directory names (M06)") {
  for (const char* name : {"ab", "a.b", "A-1_x"}) CHECK(is_valid_volume_name(name));
  for (const char* name : {"", "a", "..", ".a", "a/b", "../x", "-a", "a b"})
    CHECK_FALSE(is_valid_volume_name(name));
}

TEST_CASE("only a tmpfs's own options are let through") {
  check_tmpfs_options("size=64m,mode=1777,noexec,uid=1000");
  for (const char* text : {"size", "size=", "context=x", "loop", "remount,", ","})
    CHECK_THROWS_AS(check_tmpfs_options(text), ctr::sys::Error);
}
