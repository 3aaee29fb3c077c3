#include <unistd.h>

#include "runtime/oci/config.h"
#include "runtime/oci/container.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/resource_options.h"
#include "runtime/oci/systemd_scope.h"
#include "runtime/spec_json.h"
#include "runtime/sys/file.h"

namespace ctr::runtime::oci {

namespace {

constexpr size_t resources_limit = 16 << 20;

Resources read_resources(const std::string& path) {
  return parse_resources(path == "-"
                             ? sys::read_all(STDIN_FILENO, resources_limit, "standard input")
                             : sys::read_file(path, resources_limit));
}

}  // namespace

int run_update(const Invocation& invocation) {
  std::string file;
  ResourceOptions chosen;
  Options options;
  options.text("-r,--resources", file, "FILE",
               "take all limits from this JSON file, \"-\" is standard input; it holds what "
               "linux.resources of a config.json holds");
  chosen.declare(options);
  const std::string id = invocation.parse(options, 1, 1)[0];
  Resources resources = file.empty() ? plan_resources(chosen) : read_resources(file);
  drop_unset_limits(resources);
  const Container container = Container::open(invocation.globals.root, id, Access::change);
  Cgroup cgroup = container.open_cgroup_of_running();
  if (!container.record().scope.empty()) update_scope(container.record().scope, resources);
  cgroup.update(resources);
  return 0;
}

}  // namespace ctr::runtime::oci
