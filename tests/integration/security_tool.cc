// Puts itself under what a container's process is under, without a container, and runs a command or
// tries system calls. For test_security.py. Not installed.
//
//   security_tool run [CHANGE…] -- COMMAND…
//   security_tool probe [CHANGE…]       each system call 0 to 470 with arguments that no call
//   takes:
//                                       one line "number errno" each, "number -" if it returned
//                                       something, blocked or ended the process
//   security_tool compile FILE          a profile in Docker's format; prints the number of
//   instructions
//
// Changes: add=CAP drop=CAP uid=N ulimit=nofile=5:6 default=nofile=1000000 (one that may be
// clamped) filter=default|FILE|none nnp
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/security/capabilities.h"
#include "runtime/security/rlimits.h"
#include "runtime/security/seccomp_compiler.h"
#include "runtime/sys/error.h"
#include "runtime/sys/file.h"

using namespace ctr;
using namespace ctr::runtime;

namespace {

using Words = std::vector<std::string>;

struct Setting {
  Words add;
  Words drop;
  uid_t uid = 0;
  std::vector<Rlimit> limits;
  std::string filter = "default";
  bool no_new_privileges = false;
  Words command;
};

void take(Setting& setting, const std::string& word) {
  const size_t equal = word.find('=');
  const std::string key = word.substr(0, equal);
  const std::string value = equal == std::string::npos ? "" : word.substr(equal + 1);
  if (key == "add")
    setting.add.push_back(value);
  else if (key == "drop")
    setting.drop.push_back(value);
  else if (key == "uid")
    setting.uid = static_cast<uid_t>(std::atoi(value.c_str()));
  else if (key == "filter")
    setting.filter = value;
  else if (key == "nnp")
    setting.no_new_privileges = true;
  else if (key == "ulimit" || key == "default") {
    setting.limits.push_back(parse_ulimit(value));
    setting.limits.back().is_default = key == "default";
  } else
    throw sys::Error(sys::ErrorKind::invalid_argument, "unknown change '" + word + "'");
}

Setting parse_setting(const Words& words) {
  Setting setting;
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--") {
      setting.command.assign(words.begin() + static_cast<ptrdiff_t>(i) + 1, words.end());
      break;
    }
    take(setting, words[i]);
  }
  return setting;
}

CompiledFilter filter_of(const Setting& setting, uint64_t capabilities) {
  const SeccompContext context = native_seccomp_context(capabilities);
  return compile_profile(setting.filter == "default"
                             ? default_profile(context)
                             : parse_profile(sys::read_file(setting.filter), context));
}

// The order is the one of a start.
void apply(const Setting& setting) {
  const uint64_t mask =
      plan_capabilities(default_capabilities, setting.add, setting.drop) & available_capabilities();
  const Capabilities capabilities = process_capabilities(mask, setting.uid);
  apply_rlimits(setting.limits);
  const bool has_filter = setting.filter != "none";
  const CompiledFilter filter = has_filter ? filter_of(setting, mask) : CompiledFilter{};
  if (has_filter && !setting.no_new_privileges) load_filter(filter);
  limit_bounding_set(capabilities.bounding);
  keep_capabilities(true);
  sys::check(::setgroups(0, nullptr), "setgroups");
  sys::check(::setresgid(setting.uid, setting.uid, setting.uid), "setresgid");
  sys::check(::setresuid(setting.uid, setting.uid, setting.uid), "setresuid");
  set_capabilities(capabilities);
  if (setting.no_new_privileges) {
    sys::check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
    if (has_filter) load_filter(filter);
  }
}

// In a child: calls may end, block or break their process. The errno comes back through the pipe.
int try_call(long number) {
  int ends[2];
  sys::check(::pipe(ends), "pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setpgid(0, 0);
    const long result = ::syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);
    const int error = result == -1 ? errno : 0;
    // The call may have closed or replaced what we would write to: only an errno is worth it.
    if (error != 0) (void)!::write(ends[1], &error, sizeof error);
    ::syscall(SYS_exit_group, 0);
  }
  ::close(ends[1]);
  int error = 0;
  pollfd waiting{ends[0], POLLIN, 0};
  if (::poll(&waiting, 1, 500) > 0) (void)!::read(ends[0], &error, sizeof error);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ends[0]);
  return error;
}

void probe() {
  for (long number = 0; number <= 470; ++number) {
    const int error = try_call(number);
    if (error == 0)
      std::printf("%ld -\n", number);
    else
      std::printf("%ld %d\n", number, error);
    std::fflush(stdout);
  }
}

int run(const Words& words) {
  const std::string& verb = words.at(0);
  if (verb == "compile") {
    const auto profile = parse_profile(sys::read_file(words.at(1)), native_seccomp_context(0));
    std::printf("%zu\n", compile_profile(profile).program.size());
    return 0;
  }
  const Setting setting = parse_setting(words);
  apply(setting);
  if (verb == "probe") return probe(), 0;
  std::vector<char*> arguments;
  for (const std::string& word : setting.command)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  sys::throw_errno(errno, "exec", {setting.command.at(0)});
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(Words(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
