#include "runtime/oci/exec_process.h"

#include <limits>

#include "runtime/oci/config.h"
#include "runtime/security/capabilities.h"
#include "runtime/spec_json.h"

namespace ctr::runtime::oci {

namespace {

uint32_t parse_id(const std::string& text, const char* option) {
  const std::optional<int64_t> id = find_decimal(text);
  if (!id || *id < 0 || *id >= std::numeric_limits<uint32_t>::max())
    throw UsageError(fmt::format("{} takes a number from 0 to 4294967294, not '{}'", option, text));
  return static_cast<uint32_t>(*id);
}

void take_user(User& user, const std::string& text) {
  const size_t colon = text.find(':');
  user.uid = parse_id(text.substr(0, colon), "--user");
  if (colon != std::string::npos) user.gid = parse_id(text.substr(colon + 1), "--user");
}

// Not into the inheritable set: a file's inheritable capabilities would then give more than was asked
// for (CVE-2022-29162).
void add_capabilities(Process& process, const std::vector<std::string>& names) {
  const uint64_t mask = parse_capabilities(names);
  Capabilities& sets = process.capabilities ? *process.capabilities : process.capabilities.emplace();
  sets.bounding |= mask;
  sets.permitted |= mask;
  sets.effective |= mask;
}

// What a process of a file does not say is as the container has it (attack E07).
void inherit(Process& process, const Process& container) {
  if (!process.capabilities) process.capabilities = container.capabilities;
  if (process.rlimits.empty()) process.rlimits = container.rlimits;
  if (process.apparmor_profile.empty()) process.apparmor_profile = container.apparmor_profile;
  if (process.selinux_label.empty()) process.selinux_label = container.selinux_label;
  if (!process.scheduler) process.scheduler = container.scheduler;
  if (!process.io_priority) process.io_priority = container.io_priority;
  if (!process.exec_cpu_affinity) process.exec_cpu_affinity = container.exec_cpu_affinity;
  if (!process.oom_score_adj) process.oom_score_adj = container.oom_score_adj;
}

Process plan_from_options(const Process& container, const ExecOptions& options,
                          const std::vector<std::string>& args) {
  Process process = container;
  process.args = args;
  process.terminal = options.terminal;
  process.env.insert(process.env.end(), options.env.begin(), options.env.end());
  if (!options.cwd.empty()) process.cwd = options.cwd;
  if (!options.user.empty()) take_user(process.user, options.user);
  for (const std::string& gid : options.additional_gids)
    process.user.additional_gids.push_back(parse_id(gid, "--additional-gids"));
  if (!options.capabilities.empty()) add_capabilities(process, options.capabilities);
  if (options.no_new_privileges) process.no_new_privileges = true;
  if (!options.apparmor_profile.empty()) process.apparmor_profile = options.apparmor_profile;
  if (!options.selinux_label.empty()) process.selinux_label = options.selinux_label;
  return process;
}

}  // namespace

void ExecOptions::declare(Options& options) {
  options.text("-p,--process", process_file, "FILE",
               "take the process from this JSON file; the options below are then not looked at");
  options.list("-c,--cap", capabilities, "CAPABILITY", "give it one more capability");
  options.list("-e,--env", env, "NAME=VALUE", "set a variable of its environment");
  options.text("--cwd", cwd, "DIRECTORY", "where it begins");
  options.text("-u,--user", user, "UID[:GID]", "as whom it runs");
  options.list("-g,--additional-gids", additional_gids, "GID", "one more group that it is in");
  options.flag("-t,--tty", terminal, "give it a terminal");
  options.flag("--no-new-privs", no_new_privileges, "no program gives it more privileges");
  options.text("--apparmor", apparmor_profile, "PROFILE", "its AppArmor profile");
  options.text("--process-label", selinux_label, "LABEL", "its SELinux label");
}

Process plan_exec(const Process& container, const ExecOptions& options,
                  const std::optional<std::string>& file, const std::vector<std::string>& args) {
  Process process =
      file ? parse_process(*file) : plan_from_options(container, options, args);
  if (file) {
    inherit(process, container);
    if (options.terminal) process.terminal = true;
  }
  process.make_cwd = false;
  complete_process(process);
  check_process(process, "process");
  return process;
}

}  // namespace ctr::runtime::oci
