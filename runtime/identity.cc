#include "runtime/identity.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/accounts.h"
#include "runtime/environment.h"
#include "runtime/namespaces.h"
#include "runtime/security/capabilities.h"
#include "runtime/user_namespace.h"

namespace ctr::runtime {

namespace {

// setuid(2) would say "invalid argument".
void expect_mapped(const InitContext& context) {
  const ContainerSpec& spec = context.spec;
  if (!has_namespace(spec, NamespaceKind::user) || spec.uid_mappings.empty() || spec.gid_mappings.empty()) return;
  (void)host_id(spec.uid_mappings, context.uid);
  (void)host_id(spec.gid_mappings, context.gid);
  for (gid_t group : context.groups) (void)host_id(spec.gid_mappings, group);
}

}  // namespace

void find_identity(InitContext& context) {
  Identity identity = look_up_identity(context.root.get(), context.process.user);
  context.uid = identity.uid;
  context.gid = identity.gid;
  context.groups = std::move(identity.groups);
  expect_mapped(context);
  context.environment = complete_environment(context.process, identity.home);
}

namespace {

// user_namespaces(7): where a user without privileges made the namespace, nobody in it may change his groups.
void take_groups(const InitContext& context) {
  if (::setgroups(context.groups.size(), context.groups.data()) == 0) return;
  const bool only_primary = std::all_of(context.groups.begin(), context.groups.end(),
                                        [&](gid_t group) { return group == context.gid; });
  if (errno == EPERM && only_primary && has_namespace(context.spec, NamespaceKind::user)) return;
  sys::throw_errno(errno, "setgroups", {});
}

}  // namespace

void take_identity(InitContext& context) {
  ::umask(context.process.user.umask.value_or(0022));
  const std::optional<Capabilities>& capabilities = context.process.capabilities;
  if (capabilities) limit_bounding_set(capabilities->bounding);
  keep_capabilities(true);
  take_groups(context);
  sys::check(::setresgid(context.gid, context.gid, context.gid), "setgid", long{context.gid});
  sys::check(::setresuid(context.uid, context.uid, context.uid), "setuid", long{context.uid});
  keep_capabilities(false);
  if (capabilities) set_capabilities(*capabilities);
}

}  // namespace ctr::runtime
