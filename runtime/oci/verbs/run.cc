#include "runtime/oci/container.h"
#include "runtime/oci/creation.h"
#include "runtime/oci/foreground.h"
#include "runtime/oci/lifecycle_hooks.h"

namespace ctr::runtime::oci {

namespace {

// Somebody else may have deleted it meanwhile, and even made another one of the same name.
void delete_if_ours(const Invocation& invocation, const std::string& id, pid_t pid) {
  std::optional<Container> container =
      Container::find(invocation.globals.root, id, Access::change);
  if (container && container->record().pid == pid) destroy(*container, invocation.log);
}

}  // namespace

int run_run(const Invocation& invocation) {
  CreationOptions chosen;
  bool detach = false;
  bool keep = false;
  bool no_subreaper = false;
  Options options;
  chosen.declare(options);
  options.flag("-d,--detach", detach, "return when the program runs");
  options.flag("--keep", keep, "do not delete the container when its program ends");
  options.flag("--no-subreaper", no_subreaper, "leave orphaned processes to somebody else");
  const std::string id = invocation.parse(options, 1, 1)[0];

  const Inherited inherited =
      take_inherited_descriptors(chosen.preserved_descriptors.value_or(0));
  std::optional<Foreground> foreground;
  if (!detach) foreground.emplace(!no_subreaper);
  PreparedContainer container = prepare_container(invocation, id, chosen, inherited, Starter::we, detach);
  const pid_t pid = container.pending.init.process().pid();
  PidFile pid_file(chosen.pid_file, pid);
  sys::Process process = container.pending.init.start();
  pid_file.keep();
  container.release();
  run_poststart_hooks(container.directory, invocation.log);
  if (detach) return 0;
  container.directory.unlock();
  const sys::ExitStatus status = foreground->wait_for(process, std::move(container.terminal));
  if (!keep) delete_if_ours(invocation, id, pid);
  return status.exit_code();
}

}  // namespace ctr::runtime::oci
