#include "runtime/oci/features.h"

#include <nlohmann/json.hpp>

#include "runtime/oci/container_record.h"
#include "runtime/security/capabilities.h"

namespace ctr::runtime::oci {

namespace {

using Json = nlohmann::ordered_json;
using Names = std::vector<std::string>;

Json linux_features() {
  const Json namespaces = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
  return {{"namespaces", namespaces},
          {"capabilities", capability_names(all_capabilities)},
          {"cgroup",
           {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", false}, {"rdma", true}}},
          {"seccomp",
           {{"enabled", true},
            {"actions", known_seccomp_actions()},
            {"operators", known_seccomp_operators()},
            {"archs", known_seccomp_architectures()},
            {"knownFlags", known_seccomp_flags()},
            {"supportedFlags", known_seccomp_flags()}}},
          {"apparmor", {{"enabled", true}}},
          {"selinux", {{"enabled", false}}},
          {"intelRdt", {{"enabled", false}}},
          {"netDevices", {{"enabled", true}}},
          {"mountExtensions", {{"idmap", {{"enabled", true}}}}}};
}

}  // namespace

const Names& known_mount_options() {
  static const Names names = {
      "async",       "atime",        "bind",        "defaults",    "dev",           "diratime",
      "dirsync",     "exec",         "lazytime",    "loud",        "mand",          "noatime",
      "nodev",       "nodiratime",   "noexec",      "nolazytime",  "nomand",        "norelatime",
      "nostrictatime", "nosuid",     "nosymfollow", "private",     "ratime",        "rbind",
      "rdev",        "rdiratime",    "relatime",    "remount",     "rexec",         "rnoatime",
      "rnodev",      "rnodiratime",  "rnoexec",     "rnorelatime", "rnostrictatime", "rnosuid",
      "rnosymfollow", "ro",          "rprivate",    "rrelatime",   "rro",           "rrw",
      "rshared",     "rslave",       "rstrictatime", "rsuid",      "rsymfollow",    "runbindable",
      "rw",          "shared",       "silent",      "slave",       "strictatime",   "suid",
      "symfollow",   "sync",         "tmpcopyup",   "unbindable"};
  return names;
}

const Names& known_seccomp_actions() {
  static const Names names = {"SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO", "SCMP_ACT_KILL",
                              "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
                              "SCMP_ACT_TRACE",       "SCMP_ACT_TRAP"};
  return names;
}

const Names& known_seccomp_operators() {
  static const Names names = {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",       "SCMP_CMP_LE",
                              "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"};
  return names;
}

const Names& known_seccomp_architectures() {
  static const Names names = {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32",
                              "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"};
  return names;
}

const Names& known_seccomp_flags() {
  static const Names names = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
                              "SECCOMP_FILTER_FLAG_TSYNC"};
  return names;
}

std::string features_json() {
  const Json hooks = {"prestart",       "createRuntime", "createContainer",
                      "startContainer", "poststart",     "poststop"};
  return Json({{"ociVersionMin", "1.0.0"},
               {"ociVersionMax", specification_version},
               {"hooks", hooks},
               {"mountOptions", known_mount_options()},
               {"linux", linux_features()},
               {"annotations", {{"io.ctr.runtime.version", CTR_VERSION}}},
               {"potentiallyUnsafeConfigAnnotations", Json::array()}})
             .dump(2) +
         "\n";
}

}  // namespace ctr::runtime::oci
