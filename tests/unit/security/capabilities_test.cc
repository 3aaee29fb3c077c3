#include "runtime/security/capabilities.h"

#include <doctest/doctest.h>
#include <linux/capability.h>

#include "runtime/sys/error.h"

using namespace ctr::runtime;
using ctr::sys::Error;

namespace {
using Names = std::vector<std::string>;

std::string refusal(const Names& add, const Names& drop) {
  try {
    plan_capabilities(default_capabilities, add, drop);
  } catch (const Error& error) {
    CHECK(error.kind() == ctr::sys::ErrorKind::invalid_argument);
    return error.what();
  }
  return "accepted";
}
constexpr uint64_t bit(unsigned number) {
  return uint64_t{1} << number;
}
}  // namespace

TEST_CASE("capabilities have the kernel's numbers") {
  CHECK(find_capability("CAP_CHOWN") == CAP_CHOWN);
  CHECK(find_capability("net_admin") == CAP_NET_ADMIN);
  CHECK(find_capability("Cap_Sys_Admin") == CAP_SYS_ADMIN);
  CHECK(find_capability("SYSLOG") == CAP_SYSLOG);
  CHECK(find_capability("CAP_CHECKPOINT_RESTORE") == 40);
  CHECK(capability_name(CAP_SYS_TIME) == "CAP_SYS_TIME");
  CHECK(!find_capability("CAP_CAP_CHOWN"));
  CHECK(!find_capability(""));
  for (unsigned number = 0; number < capability_count; ++number)
    CHECK(find_capability(capability_name(number)) == number);
}

TEST_CASE("the default is exactly Docker's fourteen (I01)") {
  CHECK(parse_capabilities({"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW",
                            "SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
                            "SYS_CHROOT", "KILL", "AUDIT_WRITE"}) == default_capabilities);
  CHECK(capability_names(default_capabilities).size() == 14);
}

TEST_CASE("adding and dropping follow Docker's rules (I03)") {
  const uint64_t base = default_capabilities;
  CHECK(plan_capabilities(base, {}, {}) == base);
  CHECK(plan_capabilities(base, {"NET_ADMIN"}, {}) == (base | bit(CAP_NET_ADMIN)));
  CHECK(plan_capabilities(base, {}, {"CHOWN"}) == (base & ~bit(CAP_CHOWN)));
  CHECK(plan_capabilities(base, {"CHOWN"}, {"CHOWN"}) == base);
  CHECK(plan_capabilities(base, {}, {"ALL"}) == 0);
  CHECK(plan_capabilities(base, {"chown"}, {"all"}) == bit(CAP_CHOWN));
  CHECK(plan_capabilities(base, {"ALL"}, {}) == all_capabilities);
  CHECK(plan_capabilities(base, {"ALL"}, {"SYS_ADMIN"}) ==
        (all_capabilities & ~bit(CAP_SYS_ADMIN)));
  CHECK(plan_capabilities(base, {"ALL"}, {"ALL"}) == all_capabilities);
}

TEST_CASE("unknown names are refused in Docker's words") {
  CHECK(refusal({"FOO"}, {}) == "invalid CapAdd: unknown capability: \"CAP_FOO\"");
  CHECK(refusal({}, {"cap_foo"}) == "invalid CapDrop: unknown capability: \"CAP_FOO\"");
  CHECK(refusal({""}, {}) == "invalid CapAdd: unknown capability: \"CAP_\"");
}

TEST_CASE("nobody's inheritable set has anything, and only root's effective set (I02)") {
  const Capabilities root = process_capabilities(default_capabilities, 0);
  CHECK(root.effective == default_capabilities);
  CHECK(root.permitted == default_capabilities);
  CHECK(root.inheritable == 0);
  CHECK(root.ambient == 0);
  const Capabilities user = process_capabilities(default_capabilities, 1000);
  CHECK(user.bounding == default_capabilities);
  CHECK(user.effective == 0);
  CHECK(user.permitted == 0);
}
