#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <set>

#include "attacker.h"
#include "processes.h"

namespace attacker {

namespace {

uint64_t mask(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 16);
}

struct Sight {
  uint64_t capabilities = mask(status_field(read_text("/proc/self/status"), "CapPrm"));
  std::string filtered = status_field(read_text("/proc/self/status"), "Seccomp");
  std::string host;  // a path that only the host's root has
  std::string program;  // of the engine, when it has been seen
  long seen = 0, early = 0, traced = 0;
  std::set<std::string> gains;
};

// What a descriptor is open on, if it is nothing of the container's. Standard streams come from outside; a
// socket cannot be opened through its name.
void look_at_descriptors(const std::string& process, Sight& sight) {
  for (int fd = 3; fd < 64; ++fd) {
    char target[256];
    const std::string name = process + "/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(name.c_str(), target, sizeof target);
    if (length <= 0) continue;
    const std::string text(target, static_cast<size_t>(length));
    const int opened = ::open(name.c_str(), O_PATH | O_CLOEXEC);
    if (opened < 0 || text.starts_with("socket:") || text.starts_with("/proc/")) {
      if (opened >= 0) ::close(opened);
      continue;
    }
    sight.gains.insert("descriptor " + text);
    ::close(opened);
  }
}

// What somebody in a user namespace of his own may do, he may do there only: what counts is whose ids he has.
void look_at_rights(const std::string& process, const std::string& status, Sight& sight) {
  const std::string space = identity_of(process + "/ns/user");
  if (!space.empty() && space != identity_of("/proc/self/ns/user")) {
    if (status_field(status, "Uid").starts_with("0\t")) sight.gains.insert("root's ids");
    return;
  }
  const uint64_t more = mask(status_field(status, "CapPrm")) & ~sight.capabilities;
  if (more != 0) sight.gains.insert("capabilities");
  if (status_field(status, "Seccomp") != sight.filtered) sight.gains.insert("no filter");
}

// As early as it can be: until the newcomer executes the container's program.
void look_at(pid_t pid, Sight& sight) {
  const std::string process = "/proc/" + std::to_string(pid);
  const std::string status = read_text(process + "/status");
  if (status.empty()) return;
  ++sight.seen;
  const std::string name = status.substr(6, status.find('\n') - 6);
  const bool early = name.starts_with("ctr-") || name.starts_with("memfd:");
  if (!early) return;
  ++sight.early;
  look_at_rights(process, status, sight);
  if (!identity_of(process + "/root" + sight.host).empty()) sight.gains.insert("root directory");
  look_at_descriptors(process, sight);
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0) {
    ++sight.traced;
    // Only who stands still can be let go.
    ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr);
    int stop = 0;
    if (::waitpid(pid, &stop, __WALL) == pid && WIFSTOPPED(stop))
      ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  }
}

}  // namespace

Json watch(const Words& words) {
  Sight sight;
  sight.host = words.at(0);
  std::set<pid_t> known;
  for (const pid_t pid : list_processes()) known.insert(pid);
  say_ready();
  while (!is_over())
    for (int turn = 0; turn < 100; ++turn)
      for (const pid_t pid : list_processes())
        if (known.insert(pid).second) look_at(pid, sight);
  return {{"seen", sight.seen}, {"early", sight.early}, {"gains", sight.gains}, {"traced", sight.traced}};
}

}  // namespace attacker
