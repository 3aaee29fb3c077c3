#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "runtime/mount_plan.h"
#include "runtime/oci/config.h"
#include "runtime/oci/exec_process.h"
#include "runtime/oci/features.h"
#include "runtime/oci/spec_template.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/spec_json.h"

using namespace ctr::runtime;
using namespace ctr::runtime::oci;

namespace {

ContainerSpec good() {
  ContainerSpec spec = parse_spec(spec_template());
  return spec;
}

std::string refusal_of(const std::function<void(ContainerSpec&)>& change) {
  ContainerSpec spec = good();
  change(spec);
  try {
    check_config(spec);
  } catch (const ctr::sys::Error& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the config that spec writes is accepted") {
  CHECK_NOTHROW(check_config(good()));
  CHECK_NOTHROW(check_config(parse_spec(rootless_spec_template(1000, 1000))));
}

TEST_CASE("versions 1.0 to 1.3 are accepted, with whatever follows") {
  for (const char* version : {"1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.0", "1.3-rc1"})
    CHECK(refusal_of([&](ContainerSpec& spec) { spec.oci_version = version; }).empty());
  for (const char* version : {"", "0.9.0", "1", "1.4.0", "2.0.0", "1.10.0", "x"})
    CHECK(has(refusal_of([&](ContainerSpec& spec) { spec.oci_version = version; }), "ociVersion"));
}

TEST_CASE("what would reach the host is refused") {
  auto without = [](ContainerSpec& spec, NamespaceKind kind) {
    std::erase_if(spec.namespaces, [&](const Namespace& space) { return space.kind == kind; });
  };
  CHECK(has(refusal_of([&](ContainerSpec& s) { without(s, NamespaceKind::mount); }),
            "mount namespace of its own"));
  CHECK(has(refusal_of([&](ContainerSpec& s) { without(s, NamespaceKind::uts); }),
            "hostname without a private UTS namespace"));
  CHECK(has(refusal_of([&](ContainerSpec& s) {
              without(s, NamespaceKind::network);
              s.sysctl["net.ipv4.ip_forward"] = "1";
            }),
            "not in a separate kernel namespace"));
  for (const char* name : {"kernel.core_pattern", "vm.swappiness", "net.x/../../kernel.core_pattern",
                           "kernel/core_pattern", "net..x"})
    CHECK_FALSE(refusal_of([&](ContainerSpec& s) { s.sysctl[name] = "1"; }).empty());
  CHECK(refusal_of([](ContainerSpec& s) { s.sysctl["net/ipv4/conf/eth0.100/x"] = "1"; }).empty());
  CHECK(has(refusal_of([](ContainerSpec& s) { s.cgroup_path = "/a/../../b"; }), "cgroupsPath"));
}

TEST_CASE("a refusal names the field") {
  using Change = std::function<void(ContainerSpec&)>;
  const std::vector<std::pair<const char*, Change>> cases = {
      {"process.args", [](ContainerSpec& s) { s.process.args.clear(); }},
      {"process.args", [](ContainerSpec& s) { s.process.args = {""}; }},
      {"process.cwd", [](ContainerSpec& s) { s.process.cwd = "tmp"; }},
      {"process.rlimits", [](ContainerSpec& s) { s.process.rlimits[0].name = "RLIMIT_NO"; }},
      {"process.rlimits", [](ContainerSpec& s) { s.process.rlimits[0].soft = 4096; }},
      {"process.rlimits",
       [](ContainerSpec& s) { s.process.rlimits.push_back(s.process.rlimits[0]); }},
      {"process.oomScoreAdj", [](ContainerSpec& s) { s.process.oom_score_adj = 1001; }},
      {"root.path", [](ContainerSpec& s) { s.root.path.clear(); }},
      {"linux.namespaces", [](ContainerSpec& s) { s.namespaces.push_back(s.namespaces[0]); }},
      {"linux.namespaces", [](ContainerSpec& s) { s.namespaces[0].path = "ns/pid"; }},
      {"linux.uidMappings", [](ContainerSpec& s) { s.uid_mappings.push_back({0, 1, 1}); }},
      {"linux.uidMappings",
       [](ContainerSpec& s) { s.namespaces.push_back({.kind = NamespaceKind::user, .path = ""}); }},
      {"linux.uidMappings: mappings 0 and 1 overlap",
       [](ContainerSpec& s) {
         s.namespaces.push_back({.kind = NamespaceKind::user, .path = ""});
         s.uid_mappings = {{0, 100000, 1000}, {500, 300000, 1000}};
       }},
      {"linux.gidMappings: nothing is mapped to 0",
       [](ContainerSpec& s) {
         s.namespaces.push_back({.kind = NamespaceKind::user, .path = ""});
         s.uid_mappings = {{0, 100000, 1000}};
         s.gid_mappings = {{1, 100000, 1000}};
       }},
      {"mounts[0].uidMappings: uidMappings and gidMappings belong together",
       [](ContainerSpec& s) { s.mounts[0].uid_mappings.push_back({0, 1, 1}); }},
      {"hooks.poststop[0].path", [](ContainerSpec& s) { s.hooks.poststop.push_back({.path = "true"}); }},
      {"hooks.prestart[0].timeout",
       [](ContainerSpec& s) {
         s.hooks.prestart.push_back({.path = "/bin/true", .timeout_seconds = 0});
       }},
      {"hostname", [](ContainerSpec& s) { s.hostname = std::string(65, 'x'); }},
      {"mounts[0].destination", [](ContainerSpec& s) { s.mounts[0].destination.clear(); }},
      {"mounts[0].type", [](ContainerSpec& s) { s.mounts[0].type.clear(); }},
      {"mounts[0].source",
       [](ContainerSpec& s) { s.mounts[0] = {.destination = "/x", .type = "bind"}; }},
      {"linux.devices[0].path", [](ContainerSpec& s) { s.devices.push_back({.path = "null"}); }},
      {"linux.devices[0].type",
       [](ContainerSpec& s) { s.devices.push_back({.path = "/dev/x", .type = 'z'}); }},
      {"linux.devices[0]", [](ContainerSpec& s) { s.devices.push_back({.path = "/dev/x", .major = -1}); }},
      {"linux.maskedPaths", [](ContainerSpec& s) { s.masked_paths = {"proc"}; }},
      {"linux.readonlyPaths", [](ContainerSpec& s) { s.readonly_paths = {""}; }},
  };
  for (const auto& [field, change] : cases) {
    CAPTURE(field);
    CHECK(has(refusal_of(change), field));
  }
}

TEST_CASE("a bundle's paths become absolute, and every container has the standard devices") {
  ContainerSpec spec = good();
  spec.mounts.push_back({.destination = "data", .type = "none", .source = "files", .options = {"rbind"}});
  spec.devices = {{.path = "/dev/null", .major = 1, .minor = 3, .mode = 0600}};
  complete_config(spec, "/bundle");
  CHECK(spec.root.path == "/bundle/rootfs");
  CHECK(spec.mounts.back().destination == "/data");
  CHECK(spec.mounts.back().source == "/bundle/files");
  CHECK(spec.mounts.back().type == "bind");
  CHECK(plan_cgroup_path("", "c1") == "/c1");
  CHECK(plan_cgroup_path("a/b", "c1") == "/a/b");
  CHECK(plan_cgroup_path("/a", "c1") == "/a");
  CHECK(spec.devices.size() == 6);
  CHECK(spec.devices[0].mode == 0600);
  CHECK_FALSE(spec.resources.devices.front().allow);
  CHECK(std::count_if(spec.resources.devices.begin(), spec.resources.devices.end(),
                      [](const DeviceRule& rule) { return rule.allow && rule.major == 1; }) == 5);
}

TEST_CASE("capabilities that are not given are none, and ambient ones need to be inheritable") {
  Process process;
  complete_process(process);
  CHECK(process.capabilities->bounding == 0);
  process.capabilities = Capabilities{.permitted = 0b111, .inheritable = 0b101, .ambient = 0b110};
  complete_process(process);
  CHECK(process.capabilities->ambient == 0b100);
}

TEST_CASE("an exec takes the container's process, and on top of it what is asked for") {
  Process container = good().process;
  ExecOptions options;
  options.user = "5:6";
  options.additional_gids = {"7"};
  options.env = {"A=b"};
  options.capabilities = {"CAP_CHOWN"};
  Process process = plan_exec(container, options, std::nullopt, {"ls"});
  CHECK(process.user.uid == 5);
  CHECK(process.user.gid == 6);
  CHECK(process.user.additional_gids == std::vector<gid_t>{7});
  CHECK(process.env.back() == "A=b");
  CHECK(process.capabilities->effective == (container.capabilities->effective | 1));
  CHECK(process.capabilities->inheritable == 0);
  CHECK_FALSE(process.terminal);
  for (const char* user : {"root", "5:", "-1", "4294967295", "5:6:7"}) {
    options.user = user;
    CHECK_THROWS_WITH(plan_exec(container, options, std::nullopt, {"ls"}), doctest::Contains("--user"));
  }
}

TEST_CASE("a process from a file inherits what it does not say") {
  Process container = good().process;
  container.oom_score_adj = 17;
  Process process = plan_exec(container, {}, R"({"args":["id"],"cwd":"/"})", {});
  CHECK(process.capabilities->bounding == container.capabilities->bounding);
  CHECK(process.rlimits.size() == 1);
  CHECK(process.oom_score_adj == 17);
  CHECK(process.env.empty());
  CHECK_THROWS_WITH(plan_exec(container, {}, "{}", {}), doctest::Contains("process.args"));
  CHECK_THROWS_WITH(plan_exec(container, {}, "[", {}), doctest::Contains("not valid JSON"));
}

TEST_CASE("features name only what the runtime understands") {
  for (const std::string& option : known_mount_options()) {
    MountPlan plan = plan_mount({.destination = "/x", .type = "tmpfs", .source = "x", .options = {option}});
    const bool is_known = plan.filesystem_options.empty() || option == "sync" || option == "dirsync" ||
                          option == "lazytime" || option == "mand";
    CAPTURE(option);
    CHECK(is_known);
  }
  for (const std::string& action : known_seccomp_actions()) {
    SeccompProfile profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    profile.architectures = {"SCMP_ARCH_X86_64"};
    profile.rules.push_back({{"mount"}, action, std::nullopt, {}});
    CHECK_NOTHROW(compile_profile(profile));
  }
  for (const std::string& name : known_seccomp_operators()) {
    SeccompProfile profile;
    profile.rules.push_back({{"personality"}, "SCMP_ACT_ALLOW", std::nullopt, {{0, 1, 1, name}}});
    CHECK_NOTHROW(compile_profile(profile));
  }
  for (const std::string& flag : known_seccomp_flags()) {
    SeccompProfile profile;
    profile.flags = {flag};
    CHECK_NOTHROW(compile_profile(profile));
  }
}
