#include <doctest/doctest.h>
#include <linux/mount.h>

#include "runtime/environment.h"
#include "runtime/accounts.h"
#include "runtime/mount_plan.h"
#include "runtime/spec_json.h"
#include "runtime/sys/error.h"

using namespace ctr::runtime;

namespace {

Mount mount_with(std::vector<std::string> options, std::string type = "tmpfs") {
  Mount mount;
  mount.destination = "/x";
  mount.type = std::move(type);
  mount.options = std::move(options);
  return mount;
}

Identity identity_of(const std::string& text, std::vector<std::string> extra = {}) {
  User user;
  user.docker_user = text;
  user.docker_groups = std::move(extra);
  return plan_identity(user,
                       parse_passwd("root:x:0:0:root:/root:/bin/sh\n"
                                    "web:x:33:44::/srv:/bin/sh\n"
                                    "1000:x:0:0::/:/bin/sh\nbroken line\n"),
                       parse_group("root:x:0:\nweb:x:44:\nlogs:x:50:web,other\nempty:x:51:\n"));
}

}  // namespace

TEST_CASE("the words of mount(8) become the kernel's flags") {
  MountPlan plan = plan_mount(mount_with({"nosuid", "ro", "size=64m", "mode=1777"}));
  CHECK(plan.attributes_set == (MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY));
  CHECK(plan.filesystem_options ==
        std::vector<std::pair<std::string, std::string>>{{"size", "64m"}, {"mode", "1777"}});
  CHECK(plan_mount(mount_with({"ro", "rw"})).attributes_set == 0);
  CHECK(plan_mount(mount_with({"rw", "ro"})).attributes_set == MOUNT_ATTR_RDONLY);
  CHECK(plan_mount(mount_with({"rro"})).recursive_set == MOUNT_ATTR_RDONLY);
  MountPlan bind = plan_mount(mount_with({"rbind", "rslave"}, "bind"));
  CHECK(bind.bind);
  CHECK(bind.recursive_bind);
  CHECK(bind.recursive_propagation);
  CHECK(bind.propagation == (1u << 19));
}

TEST_CASE("R19: options of a file system are refused on a bind") {
  CHECK_THROWS_AS(plan_mount(mount_with({"rbind", "size=1m"}, "bind")), ctr::sys::Error);
  CHECK_THROWS_AS(plan_mount(mount_with({"bind", "context=x"}, "bind")), ctr::sys::Error);
}

TEST_CASE("a user is a name, a number, or either with a group") {
  CHECK(identity_of("").uid == 0);
  CHECK(identity_of("").home == "/root");
  CHECK(identity_of("web").uid == 33);
  CHECK(identity_of("web").gid == 44);
  CHECK(identity_of("web").home == "/srv");
  CHECK(identity_of("web").groups == std::vector<gid_t>{44, 50});
  CHECK(identity_of("33").groups == std::vector<gid_t>{44, 50});
  CHECK(identity_of("web:empty").groups == std::vector<gid_t>{51});
  CHECK(identity_of("4711").uid == 4711);
  CHECK(identity_of("4711").gid == 0);
  CHECK(identity_of("4711:12").gid == 12);
  CHECK(identity_of(":50").gid == 50);
  CHECK(identity_of("1000").uid == 1000);  // U01: also where somebody is called so
  CHECK(identity_of("web", {"logs", "99"}).groups == std::vector<gid_t>{44, 50, 99});
}

TEST_CASE("U02, U04, U05: what cannot be a user is refused, and never becomes root by overflow") {
  for (const char* text : {"4294967296", "2147483648", "-1", "0x0", "1e3", " 0", "nobody-here", "1:2:3",
                           "web:nogroup", "99999999999999999999"})
    CHECK_THROWS_AS(identity_of(text), ctr::sys::Error);
}

TEST_CASE("U08: entries of the environment without a name are dropped, the last of two counts") {
  Process process;
  process.env = {"A=1", "FOO", "=x", "A=2", "P*", "", "B="};
  CHECK(complete_environment(process, "/root") == std::vector<std::string>{"A=2", "B=", "HOME=/root"});
  process.env = {"HOME=/srv"};
  CHECK(complete_environment(process, "/root") == std::vector<std::string>{"HOME=/srv"});
}

TEST_CASE("a specification survives its JSON") {
  ContainerSpec spec;
  spec.process.args = {"sh", "-c", "true"};
  spec.process.capabilities = Capabilities{.bounding = 0xa80425fb, .effective = 1, .permitted = 1};
  spec.process.rlimits.push_back({"RLIMIT_NOFILE", 1, UINT64_MAX, false});
  spec.process.user.docker_user = "web";
  spec.root.overlay = Overlay{{"/a", "/b"}, "/u", "/w"};
  spec.namespaces = {{NamespaceKind::network, "/proc/1/ns/net"}, {NamespaceKind::pid, ""}};
  spec.mounts.push_back(mount_with({"ro"}));
  spec.resources.pids_limit = 5;
  spec.resources.memory.swap = -1;
  spec.sysctl["net.x"] = "1";
  spec.interfaces.emplace_back().address = "10.0.0.2/24";
  ContainerSpec again = parse_spec(to_json(spec));
  CHECK(again.process.args == spec.process.args);
  CHECK(again.process.capabilities->bounding == 0xa80425fb);
  CHECK(again.process.rlimits[0].hard == UINT64_MAX);
  CHECK(again.process.user.docker_user == "web");
  CHECK(again.root.overlay->lower == spec.root.overlay->lower);
  CHECK(again.namespaces[0].path == "/proc/1/ns/net");
  CHECK(again.resources.pids_limit == 5);
  CHECK(again.resources.memory.swap == -1);
  CHECK(again.interfaces[0].address == "10.0.0.2/24");
  CHECK(to_json(again) == to_json(spec));
}

TEST_CASE("an error in config.json names the field") {
  auto message = [](const char* text) -> std::string {
    try {
      parse_spec(text);
    } catch (const ctr::sys::Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message("{\"process\":{\"user\":{\"uid\":-1}}}").find("config.json.process.user.uid") == 0);
  CHECK(message("{\"mounts\":[{\"options\":\"ro\"}]}").find("config.json.mounts[0].options") == 0);
  CHECK(message("[]") == "config.json: expected an object");
  CHECK(message("{") == "config.json: not valid JSON");
}
