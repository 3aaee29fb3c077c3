// ctr-runtime: the OCI runtime command line, a drop-in for runc and crun. One call does one thing and
// ends; what lasts is the container's directory below --root.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "runtime/launch_channel.h"
#include "runtime/oci/container_record.h"
#include "runtime/oci/invocation.h"
#include "runtime/oci/self_protection.h"

namespace {

using namespace ctr::runtime::oci;

std::string default_root() {
  const char* runtime_directory = ::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() != 0 && runtime_directory != nullptr)
    return std::string(runtime_directory) + "/ctr-runtime";
  return "/run/ctr-runtime";
}

void declare(Options& options, GlobalOptions& globals) {
  options.text("--root", globals.root, "DIRECTORY",
               "where the containers' state lies (default: " + default_root() + ")");
  options.text("--log", globals.log_path, "FILE", "where errors are written beside standard error");
  options.text("--log-format", globals.log_format, "FORMAT", "text (the default) or json");
  options.flag("--debug", globals.debug, "log more than errors");
  options.flag("--systemd-cgroup", globals.systemd_cgroup,
               "let systemd make the cgroups; cgroupsPath is then \"slice:prefix:name\"");
  options.text("--cgroup-manager", globals.cgroup_manager, "NAME",
               "cgroupfs (the default) or systemd");
  options.text("--rootless", globals.rootless, "WHETHER",
               "true, false or auto (the default): go without cgroups where they may not be made");
  options.flag("-v,--version", globals.version, "print the version");
  options.end_at_operand();
}

std::string root_help(const Options& options) {
  std::string text =
      "Usage: ctr-runtime [GLOBAL OPTIONS] VERB [OPTIONS] [OPERANDS]\n\n"
      "Runs containers from OCI bundles, as runc and crun do; see ctr-runtime(8).\n\nVerbs:\n";
  for (const Verb& verb : verbs()) text += fmt::format("  {:12}{}\n", verb.name, verb.summary);
  return text + "\nGlobal options:\n" + options.help() +
         "\n'ctr-runtime VERB --help' tells about one of them.\n";
}

const Verb& find_verb(const std::string& name) {
  for (const Verb& verb : verbs())
    if (name == verb.name) return verb;
  throw UsageError(
      fmt::format("unknown command '{}'; 'ctr-runtime --help' lists the commands", name));
}

void check(GlobalOptions& globals) {
  if (globals.log_format != "text" && globals.log_format != "json")
    throw UsageError("invalid log-format: " + globals.log_format);
  if (globals.cgroup_manager != "cgroupfs" && globals.cgroup_manager != "systemd")
    throw UsageError(fmt::format("--cgroup-manager takes cgroupfs or systemd, not '{}'",
                                 globals.cgroup_manager));
  if (globals.cgroup_manager == "systemd") globals.systemd_cgroup = true;
  if (globals.rootless != "auto" && globals.rootless != "true" && globals.rootless != "false")
    throw UsageError(
        fmt::format("--rootless takes true, false or auto, not '{}'", globals.rootless));
}

int run_verb(const Invocation& invocation) {
  const Verb& verb = invocation.verb;
  try {
    return verb.run(invocation);
  } catch (const Exit& exit) {
    return exit.code;
  } catch (const UsageError& error) {
    invocation.log.error(error.what());
  } catch (const ctr::runtime::LaunchError& error) {
    invocation.log.error(
        fmt::format("{}unable to start container process: {}", verb.failure, error.what()));
  } catch (const std::exception& error) {
    invocation.log.error(std::string(verb.failure) + error.what());
  }
  return verb.failure_code;
}

int run_arguments(int count, char** arguments) {
  GlobalOptions globals;
  Options options;
  declare(options, globals);
  Options::Parsed parsed = options.parse({arguments + 1, arguments + count});
  if (globals.version) {
    print(fmt::format("ctr-runtime version {}\nspec: {}\n", CTR_VERSION, specification_version));
    return 0;
  }
  if (parsed.help || parsed.operands.empty() || parsed.operands.front() == "help") {
    print(root_help(options));
    return 0;
  }
  if (globals.root.empty()) globals.root = default_root();
  check(globals);
  const LogFormat format = globals.log_format == "json" ? LogFormat::json : LogFormat::text;
  const Log log(globals.log_path, format, globals.debug);
  const std::vector<std::string> rest(parsed.operands.begin() + 1, parsed.operands.end());
  try {
    const Verb& verb = find_verb(parsed.operands.front());
    if (verb.starts_processes) protect_own_program(arguments);
    return run_verb({globals, verb, log, rest});
  } catch (const UsageError& error) {
    log.error(error.what());
    return 1;
  }
}

// A caller that closed a standard descriptor would have us open something of ours in its place.
void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (::fcntl(fd, F_GETFD) < 0) (void)!::open("/dev/null", O_RDWR);
}

}  // namespace

int main(int count, char** arguments) {
  open_standard_descriptors();
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(0022);
  ::prctl(PR_SET_NAME, "ctr-runtime", 0, 0, 0);
  try {
    return run_arguments(count, arguments);
  } catch (const std::exception& error) {
    Log().error(error.what());
    return 1;
  }
}
