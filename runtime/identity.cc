#include "runtime/identity.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/accounts.h"
#include "runtime/environment.h"
#include "runtime/security/capabilities.h"

namespace ctr::runtime {

void find_identity(InitContext& context) {
  Identity identity = look_up_identity(context.root.get(), context.process.user);
  context.uid = identity.uid;
  context.gid = identity.gid;
  context.groups = std::move(identity.groups);
  context.environment = complete_environment(context.process, identity.home);
}

void take_identity(InitContext& context) {
  ::umask(context.process.user.umask.value_or(0022));
  const std::optional<Capabilities>& capabilities = context.process.capabilities;
  if (capabilities) limit_bounding_set(capabilities->bounding);
  keep_capabilities(true);
  sys::check(::setgroups(context.groups.size(), context.groups.data()), "setgroups");
  sys::check(::setresgid(context.gid, context.gid, context.gid), "setgid", long{context.gid});
  sys::check(::setresuid(context.uid, context.uid, context.uid), "setuid", long{context.uid});
  keep_capabilities(false);
  if (capabilities) set_capabilities(*capabilities);
}

}  // namespace ctr::runtime
